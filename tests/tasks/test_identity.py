"""What stands for a task's data: contents, and how they are read."""

from pathlib import Path
from typing import Any

from equiglot.corpus import FilesSource
from equiglot.tasks import PartOfSpeech, Place, Topic, task_identity
from tests.tasks.conftest import Write
from tests.tasks.sentences import UPOS, conllu, tagged


def test_identity_is_of_contents_not_of_names(speech: Any, tmp_path: Path) -> None:
    sentences = conllu([tagged("el", UPOS)] * 2)
    task = speech({f"el_x-{split}": sentences for split in ("train", "dev", "test")})
    identity = task_identity(task, ["el", "ru"], {})
    assert str(tmp_path) not in str(identity) and identity["ru"]["checksums"] == {}
    (tmp_path / "ud" / "el_x-test.conllu").rename(tmp_path / "ud" / "el_y-test.conllu")
    settings = {"sentences": {"train": 1}, "map": {"el": {"X": "SYM"}}}
    assert task_identity(PartOfSpeech(task="pos", data=task.data, **settings), ["el", "ru"], {}) == identity
    (tmp_path / "ud" / "el_y-test.conllu").write_text(sentences * 2)
    assert task_identity(task, ["el", "ru"], {}) != identity


def test_identity_of_other_kinds(tmp_path: Path, write: Write) -> None:
    file = str(write("text\tcategory\nx\ty\n", "a.tsv"))
    as_tsv = Topic(task="topic", data={"en": {"kind": "tsv", "test": file}})
    other = Topic(task="topic", data={"en": {"kind": "tsv", "test": file, "text": "category"}})
    assert task_identity(as_tsv, ["en", "ko"], {})["ko"] is None
    assert task_identity(as_tsv, ["en"], {}) != task_identity(other, ["en"], {})
    text = FilesSource(paths=(file,))
    assert task_identity(Place(task="place"), ["en"], {"en": text}) == {"en": text.identity("en")}
