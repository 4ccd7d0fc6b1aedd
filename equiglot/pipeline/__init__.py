"""The graph of jobs that a recipe is, and what runs it."""

from equiglot.pipeline.assembling import publish
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.planning import Plan, plan_recipe
from equiglot.pipeline.running import Interrupted, Machine, Watcher, read_run, run_recipe
from equiglot.pipeline.status import Status, read_status
from equiglot.pipeline.workers import Event, WorkerFailed, describe_os_error

__all__ = [
    "Event",
    "Graph",
    "Interrupted",
    "Job",
    "Machine",
    "Plan",
    "Status",
    "Watcher",
    "WorkerFailed",
    "describe_os_error",
    "plan_recipe",
    "publish",
    "read_run",
    "read_status",
    "run_recipe",
]
