"""Figures as they stand on a page: with what is said around them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from equiglot.report.plotting import Figure
from equiglot.report.series import Series


@dataclass(frozen=True)
class Plot:
    """A figure's place on the page.

    Attributes:
        name: what its files are called, and with "-plot" the element that it is drawn into.
        title: what a screen reader says of it.
        caption: what stands under it.
        absent: what stands in its place where there is nothing to draw.
        views: name of a view -> figure; with several, the reader chooses.
        choice: label of that choice.
        series: what its key explains; empty where labels stand in the figure.
    """

    kind: ClassVar[str] = "plot"
    name: str
    title: str
    caption: str
    absent: str
    views: Mapping[str, Figure]
    choice: str = ""
    series: tuple[Series, ...] = ()

    @property
    def id(self) -> str:
        """Of the element that it is drawn into."""
        return f"{self.name}-plot"

    @property
    def files(self) -> dict[str, str]:
        """View -> the name of its file, without suffix; no two are equal, whatever the views are called."""
        names: dict[str, str] = {}
        for view in self.views:
            name = "-".join(filter(None, (self.name, re.sub(r"\W+", "-", view.lower()).strip("-")[:60])))
            while name in names.values():
                name += "-"
            names[view] = name
        return names


def single(figure: Figure | None) -> Mapping[str, Figure]:
    """A figure as the only view of a plot."""
    return {} if figure is None else {"": figure}
