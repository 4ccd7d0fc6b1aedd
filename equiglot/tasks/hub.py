"""Labelled rows of a dataset of the Hugging Face Hub, read as its text is: at one commit, never executed."""

from collections.abc import Iterator, Sequence
from typing import Any

import langcodes

from equiglot.corpus import HubSource
from equiglot.tasks.formats import Unit, labelled_rows
from equiglot.tasks.sentences import Sentence
from equiglot.tasks.settings import HubRows, PairRows


class LabelledRows(HubSource):
    """One split of a dataset; of its rows, a column with words or a text, and one with tags or a class."""

    task: str
    label: str

    def sentences(self, language: str, unit: Unit) -> Iterator[Sentence]:
        """The rows, in the dataset's order.

        Raises:
            InputError: the Hub cannot be reached or has no such dataset, configuration, split or column, or a row is
                not as it should be.
        """
        builder = self._builder(language)
        rows = self._rows(builder, language)
        pairs = ((self._words(row, language), self._value(row, self.label, language)) for row in rows)
        place = self.place(language)
        names = self._class_names(builder, language)
        yield from labelled_rows(pairs, unit, names, lambda row: f"{place}, row {row:,}")

    def _words(self, row: dict[str, Any], language: str) -> Any:
        return self._value(row, self.column, language)

    def place(self, language: str) -> str:
        """Dataset, configuration and split, for messages."""
        return f"{self.described(language)}, split {self.split}"

    def described(self, language: str) -> str:
        """Dataset and configuration, in words."""
        configuration = self._configuration(language)
        return self._name.removeprefix("dataset ") + (f", configuration {configuration}" if configuration else "")

    def _class_names(self, builder: Any, language: str) -> Sequence[str]:
        """The names that the labels' numbers stand for."""
        try:
            features = builder.info.features or builder.as_streaming_dataset(split=self.split).features or {}
        except Exception as error:
            raise self._refused(error, language) from None
        feature = features.get(self.label)
        names: Sequence[str] = getattr(getattr(feature, "feature", feature), "names", None) or ()
        return names

    def _where(self, language: str) -> str:
        return f"evaluation.{self.task}.data"

    @property
    def _columns(self) -> list[str]:
        return [self.column, self.label]


class PairedRows(LabelledRows):
    """The same with a second column of texts."""

    second: str

    def _words(self, row: dict[str, Any], language: str) -> Any:
        return [self._value(row, name, language) for name in (self.column, self.second)]

    @property
    def _columns(self) -> list[str]:
        return [self.column, self.second, self.label]


def hub_rows(source: HubRows, task: str, language: str, split: str) -> LabelledRows:
    """The rows of a split (train, dev or test) in one language."""
    name = langcodes.Language.get(language).display_name()

    def filled(text: str) -> str:
        return text.replace("{language}", language).replace("{name}", name)

    paired = {"second": source.second} if isinstance(source, PairRows) else {}
    return (PairedRows if paired else LabelledRows)(
        kind="hub",
        dataset=filled(source.dataset),
        configuration=source.configuration and filled(source.configuration),
        split=getattr(source, split),
        column=source.text,
        revision=source.revision,
        task=task,
        label=source.label,
        **paired,
    )
