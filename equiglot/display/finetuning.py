"""Fine-tuning: how far it is, and the scores of what came out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.table import Table

from equiglot import finetuning
from equiglot.display.progress import LINE_SECONDS, training_in_words
from equiglot.display.words import printable
from equiglot.evaluation import ALL, METRICS, ZERO_SHOT, Score
from equiglot.training import Progress

if TYPE_CHECKING:
    from rich.console import Console


class FineTuningDisplay:
    """A line on the terminal that says how far a training is; in a file or a pipe, one a minute.

    Args:
        console: where it is shown.
        interval: seconds between the lines.
        clock: seconds.
    """

    def __init__(
        self, console: Console, *, interval: float = LINE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._interval, self._clock = console, interval, clock
        self._status, self._last = console.status(""), clock()

    def __enter__(self) -> FineTuningDisplay:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def watch(self, number: int, progress: Progress) -> None:
        """Shows how far a training is, the first of which has number 0."""
        update = f"training {number + 1}: update {progress.update:,} of {progress.updates:,}"
        line = printable(f"{update}, {training_in_words(progress)}")
        self._status.update(line)
        if not self._console.is_terminal and self._clock() - self._last >= self._interval:
            self._console.print(line, soft_wrap=True)
            self._last = self._clock()


def print_fine_tuned(console: Console, done: finetuning.FineTuned) -> None:
    """A row for each language, a column for each metric, the one by which weights were chosen first, with its interval;
    then what readers of the scores must know, and where the model is."""
    names = dict.fromkeys(each.metric for each in done.scores)
    chosen = finetuning.CHOOSING[done.data.task]
    metrics = [METRICS[name] for name in (chosen, *(name for name in names if name != chosen))]
    table = Table(box=None, pad_edge=False)
    table.add_column("language", no_wrap=True)
    for title in (*(metric.title for metric in metrics), "items"):
        table.add_column(title, justify="right", min_width=len(str(done.scores[0].n)))
    rows = {(each.language, each.source, each.metric): each for each in done.scores}
    for language, source in dict.fromkeys((each.language, each.source) for each in done.scores):
        first, *others = (rows[language, source, metric.name] for metric in metrics)
        name = "mean" if language == ALL else language
        name = f"{name}, not trained on" if source == ZERO_SHOT else name
        interval = f" [{first.low:.1f}, {first.high:.1f}]"
        table.add_row(printable(name), _value(first) + interval, *(_value(each) for each in others), f"{first.n:,}")
    console.print(table)
    for each in done.data.languages:
        for note in each.notes:
            console.print(printable(f"{each.code}: {note}"), soft_wrap=True)
    console.print(f"The model: {done.folder}", soft_wrap=True, highlight=False)


def _value(score: Score) -> str:
    """In percent, with the spread over seeds where there are several."""
    return f"{score.value:.1f}" if score.deviation is None else f"{score.value:.1f} ± {score.deviation:.1f}"
