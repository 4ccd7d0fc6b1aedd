"""The one place where a text file is opened: as it is, or unpacked on the way where its name says that it is packed."""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow

from equiglot.corpus.documents import LONGEST_TEXT, too_long
from equiglot.errors import InputError

BLOCK_CHARACTERS = 1 << 20  # read at a time
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError)  # and each OSError that does not come from the operating system
_STEP = 1 << 13  # bytes read at a time to find the end of what can be read


class _Packing(NamedTuple):
    name: str
    magic: bytes  # that every such file starts with
    unpack: Callable[[IO[bytes]], Any]


def _zstandard(raw: IO[bytes]) -> io.BufferedReader:
    # Arrow's reader goes on over several frames and sees that a file is cut off.
    return io.BufferedReader(pyarrow.CompressedInputStream(pyarrow.PythonFile(raw), "zstd"))


_PACKINGS = {
    ".gz": _Packing("gzip", b"\x1f\x8b", gzip.open),
    ".bz2": _Packing("bzip2", b"BZh", bz2.open),
    ".xz": _Packing("xz", b"\xfd7zXZ\0", lzma.open),
    ".zst": _Packing("zstandard", b"\x28\xb5\x2f\xfd", _zstandard),
}
_OTHERS = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tbz", ".txz", ".lz4", ".lzma", ".Z")


def unpacked_name(name: str) -> str:
    """A file's name without the suffix of its packing: text.txt for text.txt.gz."""
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix in _PACKINGS else name


@contextmanager
def opened(path: Path, reached: Callable[[], str] | None = None) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked if its name ends in .gz, .bz2, .xz or .zst; memory stays flat.

    Args:
        path: the file.
        reached: says how far the file was read, if it is damaged; by default, up to which line it can be read.

    Raises:
        InputError: the file cannot be read, is cut off or damaged, or is packed in another way than its name says.
    """
    with _opened(path, reached) as (_, stream):
        yield stream


def head(path: Path, size: int) -> tuple[bytes, int]:
    """The first `size` unpacked bytes of a file, or all of them, and how many bytes of the file they took.

    Raises:
        InputError: as `opened`.
    """
    with _opened(path, None) as (raw, stream):
        return stream.read(size), raw.tell()


def read_lines(path: Path) -> Iterator[list[str]]:
    r"""The lines of a UTF-8 file without their ends, in blocks; a byte order mark, \r\n and \r are understood.

    Raises:
        InputError: as `opened`, and for NUL bytes, what is not UTF-8 (with the line of the first bad byte) and a line
            that is too long.
    """
    read = 0
    try:
        with opened(path) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig") as file:
            while block := file.read(BLOCK_CHARACTERS):
                block += file.readline(LONGEST_TEXT + 1)
                if "\0" in block:
                    raise _binary(path)
                lines = block.removesuffix("\n").split("\n")
                if len(block) > LONGEST_TEXT:
                    _check_lengths(path, lines, read)
                yield lines
                read += len(lines)
    except UnicodeDecodeError:
        raise _wrong_encoding(path) from None


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, with their numbers, from 1 on.

    Raises:
        InputError: as `read_lines`.
    """
    first = 1
    for lines in read_lines(path):
        yield from ((number, line) for number, line in enumerate(lines, first) if line and not line.isspace())
        first += len(lines)


def unreadable(path: Path, error: OSError) -> InputError:
    """The error for a file that the operating system refuses."""
    reason = error.strerror or error
    return InputError(f"{path.name} cannot be read: {reason}.", where=path, fix="check the file and its rights")


@contextmanager
def _opened(path: Path, reached: Callable[[], str] | None) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The file itself and its unpacked bytes."""
    try:
        with path.open("rb") as raw, _unpacked(path, raw) as stream:
            yield raw, stream
    except _DAMAGE as error:
        raise _damaged(path, error, reached) from None
    except OSError as error:
        raise (unreadable(path, error) if error.errno else _damaged(path, error, reached)) from None


def _unpacked(path: Path, raw: io.BufferedReader) -> IO[bytes]:
    if path.suffix in _PACKINGS:
        stream: IO[bytes] = _PACKINGS[path.suffix].unpack(raw)
        return stream
    if path.suffix in _OTHERS:
        what = f"{path.name} is packed in a way that is not read here."
        raise InputError(what, where=path, fix=f"unpack it, or pack its text as one of {', '.join(_PACKINGS)}")
    start = raw.peek(8)
    for suffix, packing in _PACKINGS.items():
        if start.startswith(packing.magic):
            what = f"{path.name} is packed with {packing.name}, but its name does not say so."
            raise InputError(what, where=path, fix=f"rename it to {path.name}{suffix}")
    return raw


def _damaged(path: Path, error: Exception, reached: Callable[[], str] | None) -> InputError:
    packing = _PACKINGS.get(path.suffix)
    with path.open("rb") as raw:
        if packing and not raw.read(8).startswith(packing.magic):
            what = f"{path.name} is not packed with {packing.name}, though its name ends in {path.suffix}."
            return InputError(what, where=path, fix="give it the right name, or pack it again")
    cut = isinstance(error, EOFError) or "Truncated" in str(error)
    what = f"{path.name} {'ends in the middle' if cut else 'is damaged'}: "
    what += reached() if reached else f"it can be read up to line {_readable_lines(path):,}"
    return InputError(what + ".", where=path, fix="copy or download it again; compare its size or checksum")


def _readable_lines(path: Path) -> int:
    """How many lines of a damaged file end before the damage."""
    lines, ends = 0, io.IncrementalNewlineDecoder(None, translate=True)
    with suppress(*_DAMAGE, OSError), path.open("rb") as raw, _unpacked(path, raw) as stream:
        while block := stream.read1(_STEP):  # type: ignore[attr-defined]
            lines += ends.decode(block.decode("latin-1")).count("\n")
    return lines


def _binary(path: Path) -> InputError:
    fix = "give plain UTF-8 text; UTF-16 becomes that with iconv -f UTF-16 -t UTF-8"
    return InputError(f"{path.name} is not a text file: it holds NUL bytes.", where=path, fix=fix)


def _wrong_encoding(path: Path) -> InputError:
    """The error for a file that is not UTF-8, with the line of its first bad byte."""
    decoder, ends = codecs.getincrementaldecoder("utf-8")(), io.IncrementalNewlineDecoder(None, translate=True)
    number, block = 1, b" "
    with opened(path) as file:
        while block:
            block = file.read(_STEP)
            try:
                number += ends.decode(decoder.decode(block, final=not block)).count("\n")
            except UnicodeDecodeError as error:
                if b"\0" in error.object:
                    return _binary(path)
                number += ends.decode(error.object[: error.start].decode(), final=True).count("\n")
                if error.reason == "unexpected end of data":
                    what = f"{path.name} ends in the middle of a character, in line {number:,}: it was cut off."
                    fix = "take its last line out, or copy the file again"
                    return InputError(what, where=f"{path}:{number}", fix=fix)
                what = f"{path.name} is not UTF-8: byte 0x{error.object[error.start]:02x} in line {number:,}."
                name = unpacked_name(path.name)
                fix = f"convert it, for instance: iconv -f LATIN1 -t UTF-8 {name} > {Path(name).stem}.utf8.txt"
                return InputError(what, where=f"{path}:{number}", fix=fix)
    return InputError(f"{path.name} is not UTF-8.", where=path, fix="convert it with iconv")


def _check_lengths(path: Path, lines: Sequence[str], before: int) -> None:
    """Refuses a line that is too long; `before` so many others stand in the file."""
    for number, line in enumerate(lines, before + 1):
        if len(line) > LONGEST_TEXT:
            fix = "break it up: a sentence, a paragraph or a JSON object a line"
            raise too_long(f"Line {number:,} of {path.name}", f"{path}:{number}", fix)
