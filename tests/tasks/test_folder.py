"""Folders of tasks that are not whole."""

from pathlib import Path
from typing import Any

import pytest

from equiglot.errors import InputError
from equiglot.tasks import open_task
from tests.tasks.conftest import Write, built
from tests.tasks.sentences import BIO, bio, tagged


def test_a_folder_without_a_task(tmp_path: Path, write: Write) -> None:
    with pytest.raises(InputError, match="There is no task here"):
        open_task(tmp_path)
    for content in ("{", '{"task": "pos"}'):
        write(content, "task.json")
        with pytest.raises(InputError, match=r"task.json is damaged"):
            open_task(tmp_path)


def test_a_damaged_split(entities: Any, tmp_path: Path) -> None:
    task = entities({f"en_x-{split}": bio([tagged("en", BIO)] * 2) for split in ("train", "dev", "test")})
    built(task, ["en"], tmp_path / "task")
    file = tmp_path / "task" / "en-test.arrow"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"en-test.arrow is damaged") as caught:
        open_task(tmp_path / "task").split("en", "test")
    assert caught.value.where == str(file)
