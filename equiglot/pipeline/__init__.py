"""The graph of jobs that a recipe is, and what runs it.

`steps` holds the kinds of steps, one a file; `graph` lists those of a recipe, `records` what is known of finished ones.
`running` lets `execution` do what is left, and `results` make scores and page of it; `planning` says before what that
will take.
"""

from equiglot.pipeline.execution.detaching import Whereabouts
from equiglot.pipeline.execution.engines import pool_on
from equiglot.pipeline.execution.folder import read_run
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.execution.pool import Event, MakePool, Pool, WorkerFailed
from equiglot.pipeline.execution.scheduler import Watcher
from equiglot.pipeline.execution.slurm_profile import SlurmProfile
from equiglot.pipeline.execution.states import Status, read_status
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.planning.plan import Plan, StepCost, plan_recipe
from equiglot.pipeline.progress import JobProgress, Remark, TextProgress, Working
from equiglot.pipeline.results.assembling import read_audit
from equiglot.pipeline.results.comparing import compare_runs
from equiglot.pipeline.results.merged import inspect_labels, stored_texts
from equiglot.pipeline.results.publishing import publish
from equiglot.pipeline.running import detach_again, detach_recipe, run_recipe
from equiglot.pipeline.steps.stores import stores_labels

__all__ = [
    "Event",
    "Graph",
    "Job",
    "JobProgress",
    "Machine",
    "MakePool",
    "Plan",
    "Pool",
    "Remark",
    "SlurmProfile",
    "Status",
    "StepCost",
    "TextProgress",
    "Watcher",
    "Whereabouts",
    "WorkerFailed",
    "Working",
    "compare_runs",
    "detach_again",
    "detach_recipe",
    "inspect_labels",
    "plan_recipe",
    "pool_on",
    "publish",
    "read_audit",
    "read_run",
    "read_status",
    "run_recipe",
    "stored_texts",
    "stores_labels",
]
