"""What all tests share: the real data, where it is, and a torch that gives the same numbers every time."""

import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

# Before torch is imported: its thread pools are sized once. Where tests run side by side, each process has a thread.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic algorithms on a GPU ask for it
os.environ["COLUMNS"] = "200"  # what is printed must not differ with the terminal that tests are started from

import hypothesis
import pytest
import torch

# Nothing is asserted about time: a busy machine must not fail a test.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

THREADS = min(int(os.environ["OMP_NUM_THREADS"]), os.cpu_count() or 1)
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="session")
def deterministic_torch() -> None:
    """Deterministic kernels on one thread or two, so that exact comparisons hold."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(THREADS)


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """A command that is called in this process may set them; the next test must not compute with others."""
    before = torch.get_num_threads()
    yield
    if torch.get_num_threads() != before:
        torch.set_num_threads(before)


@pytest.fixture
def program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Calls the program in an empty folder, in this process; exit code, output, errors."""
    from equiglot.cli import main

    monkeypatch.chdir(tmp_path)

    def called(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["equiglot", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return int(str(code or 0)), out, err

    return called


@pytest.fixture
def file_size_limit() -> Callable[[int], AbstractContextManager[None]]:
    """Within it no file may grow beyond so many bytes: what a full disk is like."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)

    return limited


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that EQUIGLOT_DATA names; tests that need it are skipped where it is not."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.skip("the real data is not used in CI")
    folder = Path(os.environ.get("EQUIGLOT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set EQUIGLOT_DATA")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` are skipped where there is no accelerator."""
    if torch.accelerator.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no accelerator"))


@pytest.fixture(scope="session")
def text_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some pages of the embedded sample as en.txt, ru.txt and ar.txt, blank lines between pages."""
    from equiglot.corpus import SampleSource
    from equiglot.errors import InputError

    folder = tmp_path_factory.mktemp("text")
    for language, characters in {"en": 30_000, "ru": 20_000, "ar": 15_000}.items():
        try:
            pages = SampleSource(kind="sample").documents(language)
            text = ""
            while len(text) < characters:
                text += "\n".join(next(pages).paragraphs) + "\n\n"
        except InputError as error:
            pytest.skip(str(error))
        (folder / f"{language}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """What a job has, and quickest for models as small as those of tests."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
