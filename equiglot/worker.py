"""`python -m equiglot.worker RUN ATTEMPT`: what SLURM or Ray start on their machines."""

import sys
from pathlib import Path

from equiglot.errors import InputError, refusal
from equiglot.pipeline.execution.orders import carry_out


def main() -> None:
    """Makes one attempt at one step of a run; exit code 2 where its order is not seen, or its end cannot be told."""
    try:
        carry_out(Path(sys.argv[1]), sys.argv[2])
    except (InputError, OSError) as error:
        refused = error if isinstance(error, InputError) else refusal(error)
        print(f"Error: {refused}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
