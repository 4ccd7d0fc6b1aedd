from pathlib import Path

import pyarrow as pa
import pytest

from equiglot.corpus import SentenceWriter, count_sentences, read_sentences, read_statistics
from equiglot.errors import InputError

TEXTS = ["one", "", "δύο", "तीन", "넷", "five 5", "六", "семь", "8", "nine", "ten"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with SentenceWriter(tmp_path / "text.arrow") as writer:
        for block in (TEXTS[:4], [], TEXTS[4:5], TEXTS[5:]):
            encoded = [text.encode() for text in block]
            writer.write(b"".join(encoded), [len(text) for text in encoded])
    return tmp_path / "text.arrow"


def test_the_file_is_plain_arrow(path: Path) -> None:
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    table.validate(full=True)
    assert table.schema.names == ["text"] and table.schema.field("text").type == pa.string()
    assert table["text"].to_pylist() == TEXTS


@pytest.mark.parametrize("batch", [1, 3, 4, 100])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 0), (2, 7), (4, 5), (9, 100), (11, None), (3, 3)])
def test_any_part(path: Path, start: int, stop: int | None, batch: int) -> None:
    found = list(read_sentences(path, start, stop, batch))
    assert [text for texts in found for text in texts] == TEXTS[start:stop]
    assert all(len(texts) == batch for texts in found[:-1]) and all(found)


def test_count(path: Path) -> None:
    assert count_sentences(path) == len(TEXTS)


def test_missing_and_broken(tmp_path: Path) -> None:
    (tmp_path / "broken.arrow").write_bytes(b"not arrow at all")
    for read in (count_sentences, lambda p: list(read_sentences(p))):
        with pytest.raises(InputError, match="no such corpus file"):
            read(tmp_path / "none.arrow")
        with pytest.raises(InputError, match="not an Arrow file"):
            read(tmp_path / "broken.arrow")
    with pytest.raises(InputError, match="no corpus"):
        read_statistics(tmp_path)
