"""Ids of one tokenizer as another's: by letters and word start, by role, and as saved."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import Unigram, WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.vocabulary import VocabularyMap, load_tokenizer, map_vocabulary, read_map, shared_pieces, write_map
from tests.vocabulary.uniting import BERT, numbered, wrap

TEACHER = ("▁", "▁foo", "foo", "▁(", "(", "▁bar", "ar", "x.", "क")
STUDENT = ("▁", "foo", "##foo", "(", "bar", "##ar", "x.", "##x.", "##क")


def _unigram() -> PreTrainedTokenizerFast:
    special = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    backend = Tokenizer(Unigram([*special, *((token, -1.0) for token in TEACHER), ("<mask>", 0.0)], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    return wrap(backend)


def _wordpiece() -> PreTrainedTokenizerFast:
    backend = Tokenizer(WordPiece(numbered(STUDENT, BERT), unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return wrap(backend, BERT)


def test_pieces_in_common_have_the_same_letters_and_begin_words_alike() -> None:
    one, two = _unigram(), _wordpiece()
    pairs = [
        (one.convert_ids_to_tokens(int(first)), two.convert_ids_to_tokens(int(second)))
        for first, second in shared_pieces(one, two)
    ]
    assert pairs == [("▁", "▁"), ("▁foo", "foo"), ("foo", "##foo"), ("▁(", "("), ("▁bar", "bar"), ("ar", "##ar"),
                     ("x.", "##x."), ("क", "##क")]  # fmt: skip
    same = shared_pieces(two, two)
    assert (same[:, 0] == same[:, 1]).all() and len(same) == len(STUDENT)  # special tokens are none


def test_pieces_are_mapped_by_letters_and_by_where_they_stand() -> None:
    student = _wordpiece()
    mapping = map_vocabulary(_unigram(), student)
    inside, begin = (student.convert_ids_to_tokens(ids[4:-1]) for ids in (mapping.inside, mapping.begin))
    assert inside == ["▁", "foo", "##foo", "(", "(", "bar", "##ar", "##x.", "##क"]
    assert begin == ["▁", "foo", "foo", "(", "(", "bar", "##ar", "x.", "##क"]  # No word begins with these two alone.
    assert [TEACHER[number] for number in np.flatnonzero(mapping.breaks) - 4] == ["▁", "▁(", "(", "x."]


def test_special_tokens_are_mapped_by_role() -> None:
    mapping = map_vocabulary(_unigram(), _wordpiece())
    # <s>, <pad>, </s>, <unk>, and <mask> at the end.
    assert mapping.inside[[0, 1, 2, 3, -1]].tolist() == [2, 0, 3, 1, 4] == mapping.begin[[0, 1, 2, 3, -1]].tolist()
    assert mapping.unknown == 1


def test_a_text_is_read_in_the_student_s_ids() -> None:
    teacher, student = _unigram(), _wordpiece()
    mapping = map_vocabulary(teacher, student)
    pieces = ["▁foo", "foo", "▁(", "foo", "ar", "▁", "foo", "foo"]
    ids = np.array(teacher.convert_tokens_to_ids([*pieces, *pieces]))
    mapped = mapping.inputs(ids, mapping.begins(ids, np.array([8, 0, 8])))
    assert student.convert_ids_to_tokens(mapped[:8]) == ["foo", "##foo", "(", "foo", "##ar", "▁", "foo", "##foo"]
    assert (mapped[8:] == mapped[:8]).all()


def test_ids_beyond_the_tokenizer_have_none() -> None:
    teacher = _unigram()
    mapping = map_vocabulary(teacher, _wordpiece(), size=20)
    assert len(mapping.inside) == len(mapping.begin) == len(mapping.breaks) == 20
    assert (mapping.inside[len(teacher) :] == -1).all() and not mapping.breaks[len(teacher) :].any()
    assert len(map_vocabulary(teacher, _wordpiece(), size=3).inside) == len(teacher)


def test_to_a_student_that_marks_words_otherwise_there_is_no_map(vocabularies: dict[str, Path]) -> None:
    teacher, student = (load_tokenizer(vocabularies[kind]) for kind in ("wordpiece", "unigram"))
    with pytest.raises(InputError, match="pieces of wordpiece cannot be those of unigram"):
        map_vocabulary(teacher, student)


def test_a_map_is_read_as_it_was_written(tmp_path: Path) -> None:
    mapping = map_vocabulary(_unigram(), _wordpiece())
    path = tmp_path / "maps" / "teacher.safetensors"
    write_map(mapping, path)
    _assert_equal(read_map(path), mapping)


def test_a_damaged_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "teacher.safetensors"
    with pytest.raises(InputError, match="cannot be read"):
        read_map(path)
    write_map(map_vocabulary(_unigram(), _wordpiece()), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        read_map(path)


def _assert_equal(one: VocabularyMap, two: VocabularyMap) -> None:
    assert one.unknown == two.unknown
    for name in ("inside", "begin", "breaks"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), strict=True)
