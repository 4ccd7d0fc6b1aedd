from .execution.detaching import Whereabouts
from .execution.engines import pool_on
from .execution.folder import read_run
from .execution.machine import Machine, gpu_count
from .execution.pool import Event, MakePool, Pool, WorkerFailed
from .execution.scheduler import Watcher
from .execution.slurm_profile import SlurmProfile
from .execution.states import Status, read_status
from .graph import Graph, Job
from .planning.plan import Plan, StepCost, plan_recipe
from .progress import JobProgress, Remark, TextProgress, Working
from .results.assembling import read_audit
from .results.comparing import compare_runs
from .results.merged import inspect_labels, stored_texts
from .results.publishing import publish
from .running import detach_again, detach_recipe, run_recipe
from .steps.stores import stores_labels

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
    "gpu_count",
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
