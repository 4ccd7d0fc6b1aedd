"""Where a run's jobs are done, as the command line says it: `local`, and the engines of other machines."""

from collections.abc import Callable

from equiglot.errors import InputError
from equiglot.pipeline.execution.on_ray import pool_on_ray
from equiglot.pipeline.execution.pool import MakePool
from equiglot.pipeline.execution.slurm import Slurm, pool_on_slurm, slurm_of
from equiglot.pipeline.execution.workers import Workers

LOCAL, SLURM, RAY = "local", "slurm", "ray"


def pool_on(where: str, ask: Callable[[str], bool] = lambda question: False) -> MakePool:
    """What makes a pool.

    Args:
        where: kind, or kind:what the kind must know.
        ask: puts a question to who sits at the terminal.

    Raises:
        InputError: there is no such kind.
    """
    kind, _, about = where.partition(":")
    if kind == LOCAL:
        return Workers
    if kind == SLURM:
        return pool_on_slurm(about, ask)
    if kind == RAY:
        return pool_on_ray(about)
    fix = f"choose one of: {LOCAL}, {SLURM}:PROFILE, {RAY}, {RAY}:ADDRESS"
    raise InputError(f"there is no {kind!r} to run on", where="--on", fix=fix)


def queue_on(where: str) -> Slurm:
    """What the command itself can be given to.

    Args:
        where: as `pool_on`.

    Raises:
        InputError: there is no queue for it.
    """
    kind, _, about = where.partition(":")
    if kind == SLURM:
        return slurm_of(about)
    fix = f"leave --detach out, and start the command with nohup or in tmux; or give it with --on {SLURM}:PROFILE"
    raise InputError(f"--on {where} has no queue that the command itself could be a job of", where="--detach", fix=fix)
