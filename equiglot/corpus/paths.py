"""What all sources share whose text lies in files: which files are meant, their checksums, how much there is."""

import glob
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator

from equiglot.corpus.documents import Document
from equiglot.corpus.opening import head, unpacked_name, unreadable
from equiglot.errors import InputError, check_name
from equiglot.files import checksum
from equiglot.settings import Settings

SAMPLE_BYTES = 1 << 22  # of unpacked text, from which the amount of all text is estimated


class PathSource(Settings, ABC):
    """Text in files: a list of files, folders (all files below that fit PATTERN, sorted, no hidden ones) and globs."""

    PATTERN: ClassVar[str]  # of the names of such files, without the suffix of a packing
    FORM: ClassVar[str]  # what such files are called

    kind: str
    paths: tuple[str, ...] = Field(min_length=1, description="files, folders or globs; relative to the recipe's folder")

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def part(self) -> str:
        """Which part of the files is read, where they have several; two languages may share files, but no part."""
        return ""

    def resolve(self, base: Path) -> Self:
        """The same source with absolute paths; relative ones start at the folder `base`."""
        return self.model_copy(update={"paths": tuple(absolute_path(path, base) for path in self.paths)})

    def files(self) -> list[Path]:
        """The files meant, in order, each once.

        Raises:
            InputError: a path that is not there, a folder or glob with no file, a file that is empty, or whose name is
                not UTF-8.
        """
        files = list(dict.fromkeys(file for path in self.paths for file in self._expand(path)))
        for file in files:
            _check_file(file)
        return files

    def origins(self, language: str) -> list[tuple[str, str]]:
        """What no two languages may have in common, with its name for a message: a part of a file.

        Raises:
            InputError: as `files`.
        """
        return [(f"{file.resolve()} {self.part}", f"file, {file.name}") for file in self.files()]

    def documents(self, language: str) -> Iterator[Document]:
        """The documents of all files, in order; memory stays flat.

        Raises:
            InputError: as `files`, and for a file that cannot be read, is of another form, or holds no text.
        """
        for index, file in enumerate(self.files()):
            document = None
            for document in self._documents(index, file):
                yield document
            if document is None:
                what = f"{file.name} holds no text: {self._nothing()}."
                raise InputError(what, where=file, fix="fill it or leave it out")

    def estimate_characters(self, language: str) -> int:
        """About how much text there is, from the start of the first file and the sizes of all."""
        return round(self._estimate(self.files()))

    def identity(self, language: str) -> dict[str, Any]:
        """What stands for the text in a fingerprint: how it is read, and the files' checksums, not their names."""
        settings = self.model_dump(mode="json", exclude={"paths"})
        return {**settings, "checksums": [checked_sum(file) for file in self.files()]}

    def describe(self, language: str) -> str:
        """One sentence on what the text is."""
        files = self.files()
        size = sum(file.stat().st_size for file in files) / 1e6
        names = ", ".join(file.name for file in files[:5]) + (", ..." if len(files) > 5 else "")
        count = "one file" if len(files) == 1 else f"{len(files)} files"
        return f"{self.FORM} from {count} ({names}), {size:,.1f} MB; {self._licence()}."

    @abstractmethod
    def _documents(self, index: int, file: Path) -> Iterator[Document]:
        """The documents of the file of this number."""

    @abstractmethod
    def _estimate(self, files: Sequence[Path]) -> float:
        """About how many characters of text there are in these files, read quickly."""

    def _fits(self, name: str) -> bool:
        """Whether a file in a folder is meant, by its name."""
        return fnmatchcase(unpacked_name(name), self.PATTERN)

    def _nothing(self) -> str:
        return "all lines are blank"

    def _licence(self) -> str:
        return "licence not stated"

    def _expand(self, path: str) -> list[Path]:
        place = Path(path)
        if place.is_file():
            return [place]
        if place.is_dir():
            found = [file for file in files_below(place) if self._fits(file.name)]
            missing = f"The folder {path} has no {self.PATTERN} file."
            fix = "name the files, or a glob such as folder/*.text; for files of another kind, write their `kind`"
        elif glob.has_magic(path):
            found = matching_files(path)
            missing, fix = f"The pattern {path} matches no file.", "correct the pattern or add the files"
        else:
            found, missing = [], f"There is no file or folder {path}."
            fix = "correct the path; a relative one starts at the recipe's folder"
        if not found:
            raise InputError(missing, where=path, fix=fix)
        return found


class ParallelPathSource(PathSource):
    """Files whose documents have numbers or ids, so that they can be parallel over languages."""

    parallel: bool = Field(
        False, description="documents with the same number (or id) in the same file say the same in all such languages"
    )

    @property
    def is_parallel(self) -> bool:
        """Whether the ids of documents mean the same in other languages."""
        return self.parallel


def files_below(folder: Path) -> list[Path]:
    """The files in a folder and in the folders below it, sorted; hidden ones, whose name begins with a dot, are not."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def matching_files(pattern: str) -> list[Path]:
    """The files that a glob matches, sorted.

    Folders at its beginning that are there by these very names are taken as they are: [ ] in the name of a project's
    folder must not match the files of another project.

    Raises:
        InputError: the name of a file is not UTF-8.
    """
    place = Path(pattern)
    root = next((folder for folder in place.parents if folder.is_dir()), Path())
    names = glob.glob(str(place.relative_to(root)), root_dir=root, recursive=True)
    files = sorted(file for file in (root / name for name in names) if file.is_file())
    for file in files:
        check_name(file)
    return files


def absolute_path(path: str, base: Path) -> str:
    """`path` made absolute: a relative one starts at the folder `base`, ~ and ~name at a home.

    Raises:
        InputError: there is no user of that name, or the path is not UTF-8.
    """
    expanded = os.path.expanduser(path)  # unlike Path's, it tells ./~x from ~x
    if expanded.startswith("~"):
        user = expanded.partition("/")[0]
        fix = f"correct the name, or write ./{user} for a file or folder that is called so"
        raise InputError(f"{user} is no user's home", where=path, fix=fix)
    absolute = str(base.absolute() / expanded)
    check_name(absolute)
    return absolute


def estimate_by_start(files: Sequence[Path], characters: Callable[[bytes], int]) -> float:
    """About how many characters of text there are, if all files are like the start of the first.

    Args:
        files: the files, none empty.
        characters: how many characters of text the first bytes of a file hold; they may end anywhere.
    """
    start, taken = head(files[0], SAMPLE_BYTES)
    return characters(start) / taken * sum(file.stat().st_size for file in files)


def _check_file(file: Path) -> None:
    check_name(file)
    try:
        empty = file.stat().st_size == 0
    except OSError as error:
        raise unreadable(file, error) from None
    if empty:
        raise InputError(f"The text file {file.name} is empty.", where=file, fix="fill it or leave it out")


def checked_sum(file: Path) -> str:
    """The checksum of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return checksum(file)
    except OSError as error:
        raise unreadable(file, error) from None
