"""What every kind of step says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import Cost, Group, Meter, Resources
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory


@dataclass(frozen=True)
class Step(ABC):
    """A folder that is made of a recipe, of the folders of other steps, and perhaps of what is outside the run.

    Each kind of step is a class; its fields say of what a step is.

    Attributes:
        recipe: the recipe.
        kind: what is made.
        folder: of the run, and of the subject, that is made.
        version: raised when a kind of step would make something else from the same inputs.
        tools: libraries of which another version may make something else: text cut otherwise, other pieces.
        source_name: what it reads from outside the run.
        source_change: what has changed where that is another than before.
        continues: whether it saves when it is asked to stop, and continues from its checkpoints.
        uses_device: whether it computes on a GPU where there is one.
        scored: whether scores.jsonl is in its folder, which is shown while the run is at work.
        internal: whether other steps alone read its folder, no page and no table.
        group: what its cost is added up under; None where it takes little, or is counted elsewhere.
    """

    recipe: Recipe
    kind: ClassVar[str]
    folder: "ClassVar[staticmethod[[RunDirectory, str], Path]]"
    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ()
    source_name: ClassVar[str] = ""
    source_change: ClassVar[str] = ""
    continues: ClassVar[bool] = False
    uses_device: ClassVar[bool] = False
    scored: ClassVar[bool] = False
    internal: ClassVar[bool] = False
    group: ClassVar[Group | None] = None

    @property
    @abstractmethod
    def subject(self) -> str:
        """Of what: a language, a model, a task, or task.model."""

    @property
    def name(self) -> str:
        """kind/subject."""
        return f"{self.kind}/{self.subject}"

    @property
    def inputs(self) -> dict[str, Any]:
        """All that it depends on besides other steps, tools and what is outside the run, JSON-able."""
        return {}

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the steps that come before."""
        return ()

    @abstractmethod
    def run(self, context: Context) -> None:
        """Makes it: it appears complete or not at all. All that it needs is done.

        Raises:
            InputError: it cannot be made.
            Stopped: it was asked to stop, and has saved where it is.
        """

    def cost(self, meter: Meter) -> Cost:
        """What it will take."""
        return Cost()

    @property
    def resources(self) -> Resources:
        """What it keeps busy meanwhile."""
        return Resources(gpu=self.uses_device)

    @property
    def place(self) -> str | None:
        """Where the finished folder was taken from, for whose sake alone that place need not be looked at again."""
        return None

    @property
    def reads_outside(self) -> bool:
        """Whether it reads anything from outside the run."""
        return bool(self.source_name)

    def source(self) -> Any:
        """What stands for all that it reads from outside the run, read now, JSON-able: contents, not places.

        Raises:
            InputError: it is not there, or cannot be read.
        """
        return None

    def source_made(self, outputs: Mapping[str, str]) -> Any:
        """The same, just after its folder was made, whose files have these checksums."""
        return self.source()

    def pinned(self, recipe: Recipe, source: Any) -> Recipe:
        """A recipe that reads what `source` stands for and nothing newer: a dataset of the Hub may change meanwhile."""
        return recipe

    @classmethod
    def tool_versions(cls) -> dict[str, str]:
        """The versions of its tools that are installed."""
        return {tool: version(tool) for tool in cls.tools}
