"""What a step at work is given by whoever runs it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from equiglot.pipeline.progress import JobProgress, Remark, Tell, TextProgress
from equiglot.run import RunDirectory


@dataclass(frozen=True)
class Context:
    """Where a step works, and how it talks to whoever runs it.

    Attributes:
        run: the run folder, where the outputs of the steps before are.
        output: the folder that the step makes; it is published when all of it is there.
        checkpoints: the folder that a training, or labelling, continues from.
        progress: told how far a training, or the preparation of text, is.
        stop: asked whether to stop; a training then saves and raises `Stopped`.
        checkpoint_seconds: time between checkpoints.
    """

    run: RunDirectory
    output: Path
    checkpoints: Path
    progress: Callable[[JobProgress], None] = field(default=lambda progress: None)
    stop: Callable[[], bool] = field(default=lambda: False)
    checkpoint_seconds: float = 60.0

    def remark(self, text: str) -> None:
        """Says at once what somebody should know."""
        self.progress(Remark(remark=text))

    def counter(self) -> Tell:
        """Something to count with what is done of each stage of a step; the sums are told."""
        done = Counter[str]()

        def tell(stage: str, amount: int) -> None:
            done[stage] += amount
            self.progress(TextProgress(stage=stage, done=done[stage]))

        return tell
