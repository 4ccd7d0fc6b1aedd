"""How often two tokenizers cut alike: the same numbers as a plain count gives, sentence by sentence."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from equiglot.vocabulary import (
    Agreement,
    Pieces,
    VocabularyMap,
    agreement,
    load_tokenizer,
    map_vocabulary,
    pieces_of,
    segmentation,
    text_encoder,
    tokenise_split,
    unite,
)
from tests.vocabulary.conftest import SENTENCES, write_arrow
from tests.vocabulary.uniting import learn, loaded

TEXT = [*SENTENCES["en"], "", *SENTENCES["ru"], *SENTENCES["hi"], "All are free.", "Люди и все (люди).", " ", "मनुष्यों"]


@dataclass(frozen=True)
class _Compared:
    own: Path
    other: Path
    mapping: VocabularyMap
    student: Path
    teacher: Path

    def agreement(self) -> Agreement:
        return agreement(self.own, self.other, self.mapping, pieces_of(load_tokenizer(self.student)))


@pytest.fixture(scope="module", params=["wordpiece", "unigram", "byte-bpe"])
def compared(
    request: pytest.FixtureRequest, corpora: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Compared]:
    """A text as a mixture's student cuts it, and as each of the models does."""
    root = tmp_path_factory.mktemp(request.param)
    kinds = {"wordpiece": ("en", "de", "ru", "hi"), "unigram": ("en", "ru", "hi"), "byte-bpe": ("en", "ru", "hi")}
    folders = {kind: learn(corpora, languages, kind, root / kind, size=700) for kind, languages in kinds.items()}
    models = loaded(folders)
    student = unite(models, None, 64)
    student.save_pretrained(root / "student")
    source = write_arrow(root / "text.arrow", TEXT)
    # Sentences are cut into sequences of other lengths: what counts is the sentence.
    tokenise_split(source, student, 30, root / "own")
    tokenise_split(source, models[request.param], 30 if request.param == "wordpiece" else 17, root / "other")
    mapping = map_vocabulary(models[request.param], student)
    yield _Compared(root / "own", root / "other", mapping, root / "student", folders[request.param])


def test_agreement_is_that_of_a_plain_count(compared: _Compared) -> None:
    student, teacher = (load_tokenizer(folder) for folder in (compared.student, compared.teacher))
    pieces, same, counts = pieces_of(student), [], Counter[str]()
    for text in TEXT:
        own = text_encoder(student).encode(text, add_special_tokens=False).ids
        ids = np.array(text_encoder(teacher).encode(text, add_special_tokens=False).ids, np.int64)
        begins = compared.mapping.begins(ids, np.array([len(ids)]))  # whatever sequences the sentence is cut into
        mapped = compared.mapping.targets(ids, begins).tolist()
        same.append(own == mapped and len(own) > 0)
        counts["unmapped"] += mapped.count(-1)
        counts["tokens"] += len(mapped)
        mine = Counter(_words(own, pieces, np.arange(len(own)) == 0))
        theirs = Counter(_words(mapped, pieces, begins))
        counts["words"] += mine.total()
        counts["same"] += (mine & theirs).total()
    found = compared.agreement()
    assert found.sentences.tolist() == same
    assert (found.tokens, found.unmapped, found.words) == (counts["tokens"], counts["unmapped"], counts["words"])
    assert found.same_words == counts["same"]
    assert found.counted == sum(bool(text.strip()) for text in TEXT)
    assert found.summary() == {
        "sentences": sum(same) / found.counted,
        "words": counts["same"] / counts["words"],
        "unmapped": counts["unmapped"] / counts["tokens"],
    }


def _words(ids: list[int], pieces: Pieces, begins: np.ndarray) -> list[tuple[int, ...]]:
    words: list[list[int]] = []
    for place, number in enumerate(ids):
        alone = place > 0 and ids[place - 1] >= 0 and pieces.surfaces[ids[place - 1]] == ""
        if place == 0 or ((begins[place] or number < 0 or pieces.starts[number]) and not alone):
            words.append([])
        words[-1].append(number)
    return [tuple(word) for word in words]


@pytest.mark.parametrize("block", [1, 3])
def test_blocks_make_no_difference(compared: _Compared, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    whole = compared.agreement()
    monkeypatch.setattr(segmentation, "_BLOCK", block)
    parts = compared.agreement()
    np.testing.assert_array_equal(parts.sentences, whole.sentences)
    assert parts.summary() == whole.summary()


def test_a_tokenizer_agrees_with_itself(vocabulary: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(vocabulary)
    tokenise_split(write_arrow(tmp_path / "text.arrow", TEXT), tokenizer, 30, tmp_path / "tokens")
    mapping = map_vocabulary(tokenizer, tokenizer)
    found = agreement(tmp_path / "tokens", tmp_path / "tokens", mapping, pieces_of(tokenizer))
    assert found.summary() == {"sentences": 1.0, "words": 1.0, "unmapped": 0.0}
    assert found.sentences.tolist() == [bool(text.strip()) for text in TEXT]


def test_no_text_is_no_agreement(wordpiece: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(wordpiece)
    tokenise_split(write_arrow(tmp_path / "text.arrow", []), tokenizer, 30, tmp_path / "tokens")
    found = agreement(
        tmp_path / "tokens", tmp_path / "tokens", map_vocabulary(tokenizer, tokenizer), pieces_of(tokenizer)
    )
    assert found.summary() == {"sentences": 0.0, "words": 0.0, "unmapped": 0.0} and not len(found.sentences)
