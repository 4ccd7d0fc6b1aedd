"""Where a run's jobs are done, as the command line says it: `local`, and the engines of other machines."""

from equiglot.errors import InputError
from equiglot.pipeline.execution.on_ray import pool_on_ray
from equiglot.pipeline.execution.pool import MakePool
from equiglot.pipeline.execution.workers import Workers

LOCAL, RAY = "local", "ray"


def pool_on(where: str) -> MakePool:
    """What makes the pool for `where`: kind, or kind:what the kind must know.

    Raises:
        InputError: there is no such kind.
    """
    kind, _, about = where.partition(":")
    if kind == LOCAL:
        return Workers
    if kind == RAY:
        return pool_on_ray(about)
    raise InputError(
        f"there is no {kind!r} to run on", where="--on", fix=f"choose one of: {LOCAL}, {RAY}, {RAY}:ADDRESS"
    )
