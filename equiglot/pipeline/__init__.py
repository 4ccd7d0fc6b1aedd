"""The graph of jobs that a recipe is, and what runs it.

`steps` holds the kinds of steps, one a file; `graph` lists those of a recipe, `states` says what is done; `running`
does what is left in a `folder` that it holds, through `execution` and a `pool`, usually of `workers`; `assembling`
makes scores and page of it (again: `publishing`). `planning` (with `speed`) and `status` look at a run before and while
it is made.
"""

from equiglot.pipeline.comparing import compare_runs
from equiglot.pipeline.execution import Watcher
from equiglot.pipeline.folder import read_run
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.inspecting import inspect_labels, stored_texts
from equiglot.pipeline.machine import Machine
from equiglot.pipeline.planning import Plan, StepCost, plan_recipe
from equiglot.pipeline.pool import Event, MakePool, Pool, WorkerFailed
from equiglot.pipeline.progress import JobProgress, Remark, TextProgress
from equiglot.pipeline.publishing import publish
from equiglot.pipeline.running import run_recipe
from equiglot.pipeline.status import Status, read_status
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
    "Status",
    "StepCost",
    "TextProgress",
    "Watcher",
    "WorkerFailed",
    "compare_runs",
    "inspect_labels",
    "plan_recipe",
    "publish",
    "read_run",
    "read_status",
    "run_recipe",
    "stored_texts",
    "stores_labels",
]
