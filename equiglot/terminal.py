"""The terminal: what is printed there does nothing but be read, whoever named the files, models and words in it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from equiglot.errors import Interrupted, harmless

if TYPE_CHECKING:
    from rich.text import Text


class Terminal(Console):
    """rich's console, for which text is text: square brackets are no markup, and control characters are written out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, **options})

    def on_broken_pipe(self) -> None:
        """Whoever read the output has gone.

        Raises:
            Interrupted: by SIGPIPE; but a thread that shows progress just ends.
        """
        try:
            super().on_broken_pipe()
        except SystemExit:
            if threading.current_thread() is threading.main_thread():
                raise Interrupted(signal.SIGPIPE) from None
            raise

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as text; what is written out counts in the width of a column."""
        return super().render_str(harmless(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The parts that something is printed as."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
