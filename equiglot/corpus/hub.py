"""A dataset of the Hugging Face Hub as a source: one column of text, streamed, never executed."""

import glob
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from pyarrow import parquet
from pydantic import Field

from equiglot.corpus.documents import LONGEST_TEXT, Document, lines_of, too_long
from equiglot.corpus.paths import absolute_path
from equiglot.corpus.records import BREAK_UP, ROWS, check_row_groups
from equiglot.errors import InputError
from equiglot.files import checksums
from equiglot.settings import MOST, Settings

if TYPE_CHECKING:
    from datasets import DatasetBuilder

SAMPLE_ROWS = 200  # from which the amount of all text is estimated
_COMMIT = re.compile(r"[0-9a-f]{40}")
_OFFLINE = (
    "without a connection, download the dataset's Parquet files and use {kind: parquet, paths: ...}, or give the "
    "commit as `revision` and, with HF_HUB_OFFLINE=1, a cache that `datasets` filled before"
)


def names_folder(dataset: str) -> bool:
    """Whether it is a folder that is meant, not owner/name on the Hub."""
    return dataset.startswith((".", "/", "~", "$"))


class HubSource(Settings):
    """A dataset of the Hub (extra `hub`), or a folder that holds such a dataset.

    A row is a document, the lines of its text its paragraphs; null and blank texts are skipped. `{language}` stands
    for the language's code.
    """

    kind: Literal["hub"]
    dataset: str = Field(min_length=1, description="owner/name, or a folder that begins with ./, ../, / or ~")
    configuration: str | None = Field(None, description="such as 20231101.{language}; the only one if null")
    split: str = Field("train", min_length=1, description="the split whose rows are read")
    column: str = Field("text", min_length=1, description="the column with the text")
    revision: str | None = Field(None, description="branch, tag or commit; the newest state if null")
    limit: int | None = Field(None, ge=1, le=MOST, description="at most so many rows")
    parallel: bool = Field(False, description="rows with the same number say the same in all such languages")

    @property
    def is_parallel(self) -> bool:
        """Whether the ids of documents mean the same in other languages."""
        return self.parallel

    def resolve(self, base: Path) -> "HubSource":
        """The same source with an absolute path, if it is a folder; relative ones start at the folder `base`."""
        if not names_folder(self.dataset):
            return self
        return self.model_copy(update={"dataset": absolute_path(self.dataset, base)})

    def origins(self, language: str) -> list[tuple[str, str]]:
        """What no two languages may have in common, with its name for a message: a column of the dataset.

        Raises:
            InputError: the package `datasets` is not installed.
        """
        if importlib.util.find_spec("datasets") is None:
            what = "Datasets of the Hugging Face Hub need the package datasets, which is not installed."
            raise InputError(what, where=self._where(language), fix="pip install equiglot[hub]")
        return [(" ".join([self.dataset, self._configuration(language) or "", self.split, self.column]), self._name)]

    def documents(self, language: str) -> Iterator[Document]:
        """The documents, in the dataset's order; memory stays flat.

        Raises:
            InputError: the Hub cannot be reached, or has no such dataset, configuration, split or column of text.
        """
        number = -1
        for number, text in enumerate(self._texts(self._builder(language), language)):
            if paragraphs := lines_of(text):
                yield Document(str(number), paragraphs)
        if number < 0:
            raise self._wrong("has no rows", language, "name another split")

    def estimate_characters(self, language: str) -> int:
        """About how much text there is, from the first rows and the number of all, where the dataset tells it."""
        builder = self._builder(language)
        some = list(islice(self._texts(builder, language), SAMPLE_ROWS))
        rows = self._count(builder) or len(some)
        return round(min(rows, self.limit or rows) * sum(map(len, some)) / max(1, len(some)))

    def identity(self, language: str) -> dict[str, Any]:
        """What stands for the text in a fingerprint: the dataset's commit, or the checksums of a folder."""
        settings = self.model_dump(mode="json", exclude={"dataset", "revision"})
        settings["configuration"] = self._configuration(language)
        if self._is_folder:
            return {**settings, "checksums": checksums(self._folder())}
        return {**settings, "dataset": self.dataset, "commit": self._commit(language)}

    def at(self, identity: Mapping[str, Any]) -> "HubSource":
        """The same source at the commit of an `identity`, whatever is the newest state by now."""
        return self if self._is_folder else self.model_copy(update={"revision": identity["commit"]})

    def describe(self, language: str) -> str:
        """One sentence on what the text is."""
        configuration = self._configuration(language)
        details = [*([f"configuration {configuration}"] if configuration else []), f"split {self.split}"]
        limit = f", at most {self.limit:,} rows" if self.limit else ""
        return f"The {self._name} ({', '.join(details)}, column {self.column}{limit}); its licence stands in its card."

    @property
    def _name(self) -> str:
        return f"dataset {Path(self.dataset).name if self._is_folder else self.dataset}"

    def _where(self, language: str) -> str:
        """The field of a recipe that it stands in."""
        return f"languages.{language}.text"

    @property
    def _columns(self) -> list[str]:
        """What is read of a row."""
        return [self.column]

    @property
    def _is_folder(self) -> bool:
        return Path(self.dataset).is_absolute()

    def _configuration(self, language: str) -> str | None:
        return self.configuration and self.configuration.replace("{language}", language)

    def _folder(self) -> Path:
        folder = Path(self.dataset)
        if not folder.is_dir():
            what, fix = f"There is no folder {folder}.", "correct the path, or write owner/name for one of the Hub's"
            raise InputError(what, where=folder, fix=fix)
        if glob.has_magic(str(folder)):  # `datasets` would take its name for a pattern
            what = f"The name of the folder {folder} has one of the signs [ ] * ? in it."
            raise InputError(what, where=folder, fix="rename it, or use {kind: parquet, paths: ...} for its files")
        return folder

    def _commit(self, language: str) -> str:
        """The commit that the revision stands for."""
        if self.revision and _COMMIT.fullmatch(self.revision):
            return self.revision
        from huggingface_hub import HfApi

        try:
            return str(HfApi().dataset_info(self.dataset, revision=self.revision).sha)
        except Exception as error:
            raise self._refused(error, language) from None

    def _builder(self, language: str) -> "DatasetBuilder":
        """What reads the dataset, at one commit."""
        from datasets import load_dataset_builder
        from tqdm import tqdm

        tqdm.set_lock(RLock())  # its own is a semaphore of the system, left behind when a worker is ended
        commit = None if self._is_folder else self._commit(language)
        # The prefix keeps a folder that has the name by chance from being read instead.
        path = str(self._folder()) if self._is_folder else f"hf://datasets/{self.dataset}"
        try:
            builder = load_dataset_builder(path, self._configuration(language), revision=commit)
        except Exception as error:
            raise self._refused(error, language) from None
        if commit is not None and builder.hash != commit:
            raise self._wrong(f"is in the cache, but not at the commit {commit}", language, _OFFLINE)
        return builder

    def _texts(self, builder: "DatasetBuilder", language: str) -> Iterator[str]:
        """The text of each row."""
        for row in self._rows(builder, language):
            yield self._text(row, language)

    def _count(self, builder: "DatasetBuilder") -> int:
        """How many rows there are; 0 if that is not known."""
        splits = builder.info.splits or {}
        if self.split in splits:
            return int(splits[self.split].num_examples)
        return sum(_count_rows(file) for file in self._parquet_files(builder))

    def _parquet_files(self, builder: "DatasetBuilder") -> list[str]:
        """The addresses of the split's files, if all are Parquet; otherwise none."""
        files = list((builder.config.data_files or {}).get(self.split) or [])
        return files if all(file.endswith(".parquet") for file in files) else []

    def _rows(self, builder: "DatasetBuilder", language: str) -> Iterator[dict[str, Any]]:
        try:
            if files := self._parquet_files(builder):
                yield from islice(_parquet_rows(files, self._columns), self.limit)
            else:
                yield from islice(builder.as_streaming_dataset(split=self.split), self.limit)
        except Exception as error:
            raise self._refused(error, language) from None

    def _text(self, row: dict[str, Any], language: str) -> str:
        text = self._value(row, self.column, language)
        if text is not None and not isinstance(text, str):
            what = f"holds no text in the column {self.column!r}, but {type(text).__name__}"
            raise self._wrong(what, language, "name a column of strings")
        if len(text or "") > LONGEST_TEXT:
            raise too_long(f"A text of the {self._name}", self._where(language), BREAK_UP)
        return text or ""

    def _value(self, row: dict[str, Any], column: str, language: str) -> Any:
        if column not in row:
            near = get_close_matches(column, row, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"its columns are: {', '.join(row)}"
            raise self._wrong(f"has no column {column!r}", language, fix)
        return row[column]

    def _refused(self, error: Exception, language: str) -> InputError:
        """Whatever the libraries of the Hub raise, as one message."""
        names = [kind.__name__ for kind in type(error).__mro__]
        if "ConnectionError" in names or "TransportError" in names:
            what = f"The Hugging Face Hub cannot be reached for the {self._name}."
            return InputError(what, where=self._where(language), fix=_OFFLINE)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        return self._wrong(f"cannot be read: {reason}", language, "correct dataset, configuration, split or revision")

    def _wrong(self, what: str, language: str, fix: str) -> InputError:
        return InputError(f"The {self._name} {what}.", where=self._where(language), fix=fix)


def _parquet_rows(files: Iterable[str], wanted: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of Parquet files, wherever they lie; of other columns only where one that is wanted is missing.

    `datasets` would load all columns, a whole row group at a time, on threads of Arrow's that abort the process if
    it ends soon after reading was stopped.
    """
    for file in files:
        with _open_parquet(file) as table:
            for column in wanted:
                check_row_groups(table.metadata, column, file)
            columns = wanted if {*wanted} <= {*table.schema_arrow.names} else None
            for batch in table.iter_batches(ROWS, columns=columns, use_threads=False):
                yield from batch.to_pylist()


def _count_rows(file: str) -> int:
    with _open_parquet(file) as table:
        return int(table.metadata.num_rows)


@contextmanager
def _open_parquet(file: str) -> Iterator[parquet.ParquetFile]:
    import fsspec

    with fsspec.open(file, "rb") as raw, parquet.ParquetFile(raw, pre_buffer=False) as table:
        yield table
