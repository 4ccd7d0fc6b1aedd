"""What the user can mend, and what the system refuses in any library's words: one message each."""

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors import SafetensorError
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from equiglot.errors import InputError, refusal


def test_an_input_error_says_what_where_and_what_to_do() -> None:
    error = InputError("the file is empty", where="text.md:3", fix="give it text")
    assert str(error) == "the file is empty\n  where: text.md:3\n  do:    give it text"
    assert str(InputError("the file is empty")) == "the file is empty"


def test_an_input_error_survives_the_way_from_another_process() -> None:
    error = InputError("the file is empty", where=Path("text.md"), fix="give it text")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (again.what, again.where, again.fix) == (error.what, error.where, error.fix)


def test_what_the_system_refuses_is_bad_input_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "nothing" / "here"
    with pytest.raises(FileNotFoundError) as refused:
        path.read_text()
    error = refusal(refused.value)
    assert error is not None and error.where == str(path)


def test_a_full_disk_is_known_in_any_librarys_words() -> None:
    full = os.strerror(errno.ENOSPC)
    for error in (OSError(errno.ENOSPC, full), RuntimeError(f"I/O error: {full} (os error 28)")):
        refused = refusal(error, "runs/demo")
        assert refused is not None and refused.fix is not None and refused.where == "runs/demo"
    assert refusal(RuntimeError("a bug of ours")) is None


_NUMBERS = (errno.EIO, errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EPERM, errno.EMFILE)


@pytest.mark.parametrize("number", _NUMBERS, ids=[errno.errorcode[number] for number in _NUMBERS])
def test_what_the_system_refuses_libraries_in_rust(number: int) -> None:
    said = f"{os.strerror(number)} (os error {number})"
    for error in (
        SafetensorError(f'Error while serializing: I/O error: {said} at path "/x/.tmpR3Hu"'),
        Exception(said),  # the tokenizers'
        OSError(number, os.strerror(number)),
    ):
        refused = refusal(error, "job model/x")
        assert refused is not None and refused.where == "job model/x"
        assert os.strerror(number) in refused.what and refused.fix


def test_libraries_in_rust_really_say_it_so(tmp_path: Path) -> None:
    place = tmp_path / "nowhere" / "x"
    for save in (lambda: save_file({"a": np.zeros(3)}, place), lambda: Tokenizer(WordLevel({})).save(str(place))):
        with pytest.raises(Exception, match=r"No such file") as caught:
            save()
        assert not isinstance(caught.value, OSError)
        refused = refusal(caught.value)
        assert refused is not None and os.strerror(errno.ENOENT) in refused.what


@pytest.mark.parametrize(
    ("ask", "fix"),
    [
        (lambda: np.empty(10**15), "fewer --workers, smaller batches"),
        (lambda: torch.empty(10**15), "fewer --workers, smaller batches"),
        (lambda: pa.allocate_buffer(10**15), "fewer --workers, smaller batches"),
        (lambda: bytearray(1 << 60), "fewer --workers, smaller batches"),
        (lambda: _raise(RuntimeError("can't start new thread")), "ulimit -u"),
        (lambda: _raise(RuntimeError("Failed to launch worker thread: Resource temporarily unavailable")), "ulimit -u"),
        (lambda: _raise(BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))), "ulimit -u"),
        (lambda: _raise(ImportError("libx.so: failed to map segment: Cannot allocate memory")), "fewer --workers"),
    ],
)
def test_memory_and_threads_that_are_refused(ask: Callable[[], object], fix: str) -> None:
    with pytest.raises(Exception, match=r"^") as caught:
        ask()
    refused = refusal(caught.value, "job model/x")
    assert refused is not None and fix in str(refused.fix) and refused.where == "job model/x"
    assert refused.what.startswith(("there is not enough memory: ", "no more threads or processes can be started: "))
    assert "\n" not in refused.what


def _raise(error: Exception) -> None:
    raise error


def test_a_library_that_panics_is_one_message() -> None:
    class PanicException(BaseException):
        """As pyo3 makes it."""

    refused = refusal(PanicException("called `Option::unwrap()` on a `None` value"), "x")
    assert refused is not None and "a library gave up: called" in refused.what and refused.fix
    for error in (KeyboardInterrupt(), SystemExit(1), KeyError("x"), RecursionError("too deep")):
        assert refusal(error) is None
