"""What is read from stores is what the teachers say about the student's own examples, in the student's ids."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from equiglot.errors import InputError
from equiglot.labels import LabelStore, StoredTeacher, StoredTeachers, StoreSettings, freeze, label_text, open_store
from equiglot.masking import Batch, BatchSettings, BatchStream, MaskSettings, Source
from equiglot.models import target_logits, to_tensors
from equiglot.objectives import Annealed, Objective, TailMode, TopKTargets, top_k_losses
from equiglot.vocabulary import VocabularyMap
from tests.tiny import SPECIAL, UNKNOWN, VOCABULARY, make_model, make_text

_CPU = torch.device("cpu")
_OBJECTIVE = Objective(weight=Annealed(start=1, end=1))
_SOME = [0, 1, 7, 23]


def _teacher(seed: int) -> PreTrainedModel:
    model = make_model(seed)
    for parameter in model.parameters():
        # Freshly made models are nearly indifferent; these have opinions.
        parameter.data *= 3
    return freeze(model, _CPU)


def _source(language: str, seed: int, **changes: Any) -> Source:
    text = make_text(40, seed=seed, shortest=8)
    return replace(Source(language, text, SPECIAL, MaskSettings(rate=0.3), 0, draws=2), **changes)


_EN, _EU, _TR = _source("en", 1), _source("eu", 2), _source("tr", 3)


def _stream(*sources: Source) -> BatchStream:
    passes = [dict.fromkeys((source.language for source in sources), 4.0)]
    return BatchStream(sources, passes, size=BatchSettings(sentences=8), special=SPECIAL, seed=0)


def _store(folder: Path, model: PreTrainedModel, source: Source, **settings: Any) -> LabelStore:
    """A teacher's labels, in several shards."""
    kept = StoreSettings(**{"k": 6, "draws": 2, "precision": "fp32", **settings})
    assert label_text(model, source, SPECIAL, kept, {}, folder, shard_tokens=300)
    return open_store(folder)


def _logs(model: PreTrainedModel, batch: Batch, temperature: float = 1.0) -> Tensor:
    """What a teacher says when it reads a batch itself."""
    with torch.no_grad():
        return torch.log_softmax(target_logits(model, to_tensors(batch, _CPU)) / temperature, dim=-1)


def _read(labels: StoredTeachers, stream: BatchStream, index: int) -> TopKTargets:
    targets = labels.targets(stream[index])
    assert targets is not None
    return targets


def _masses(targets: TopKTargets, size: int = VOCABULARY) -> Tensor:
    """Mass of each of the student's words, and last of all that it has not: float32 [p, size + 1]."""
    ids = torch.where(targets.ids < 0, size, targets.ids)
    return torch.zeros(len(ids), size + 1).scatter_add_(1, ids, targets.log_probabilities.exp())


def test_each_target_gets_its_languages_teachers_words(tmp_path: Path) -> None:
    models = {0: _teacher(1), 2: _teacher(2)}
    stream = _stream(_EN, _EU, _TR)
    en = _store(tmp_path / "en", models[0], _EN, k=4)
    tr = _store(tmp_path / "tr", models[2], _TR, k=6, samples=3)
    labels = StoredTeachers({0: [StoredTeacher(en)], 2: [StoredTeacher(tr)]}, stream, _OBJECTIVE, VOCABULARY, _CPU)
    for index in _SOME:
        batch, targets = stream[index], _read(labels, stream, index)
        languages = torch.from_numpy(batch.languages[batch.target_rows])
        taught = (languages != 1).nonzero().flatten()
        assert torch.equal(targets.positions, taught) and 0 < len(taught) < len(languages)
        for number, (model, k) in {0: (models[0], 4), 2: (models[2], 6)}.items():
            here = languages[taught] == number
            logs, ids = _logs(model, batch)[taught[here]].topk(k)
            assert torch.equal(targets.ids[here][:, :k], ids) and (targets.ids[here][:, k:] == -1).all()
            torch.testing.assert_close(targets.log_probabilities[here][:, :k], logs, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(targets.rest[here], 1 - logs.exp().sum(dim=1), rtol=1e-4, atol=1e-5)
            drawn = targets.samples[here]
            assert (drawn >= 0).all() if number else (drawn == -1).all()
            shares = targets.rest[here] if number else torch.zeros(int(here.sum()))
            torch.testing.assert_close(targets.sample_masses[here].sum(dim=1), shares)


def _mapping() -> VocabularyMap:
    """Of the teacher's 60 words the student has most, under other ids; some not, some only inside of words; and for
    two it has the same."""
    inside = np.random.default_rng(0).permutation(VOCABULARY)
    inside[[9, 20, 31]] = -1
    begin = inside.copy()
    begin[40:45], begin[10] = -1, begin[11]
    breaks = np.zeros(VOCABULARY, dtype=np.bool_)
    breaks[[8, 12]] = True
    return VocabularyMap(inside, begin, breaks, UNKNOWN)


def test_words_are_the_students_and_keep_their_mass(tmp_path: Path) -> None:
    model, mapping = _teacher(1), _mapping()
    store = _store(tmp_path, model, _EN, k=30, samples=4)
    theirs, ours = _stream(_EN), _stream(replace(_EN, mapping=mapping))
    labels = StoredTeachers({0: [StoredTeacher(store, mapping)]}, ours, _OBJECTIVE, VOCABULARY, _CPU)
    fewer = 0
    for index in range(ours.epoch_batches):
        batch, own, targets = ours[index], theirs[index], _read(labels, ours, index)
        place = {
            (int(row), int(number)): at
            for at, (row, number) in enumerate(zip(own.target_rows, own.mask_index, strict=True))
        }
        at = [place[int(row), int(number)] for row, number in zip(batch.target_rows, batch.mask_index, strict=True)]
        fewer += len(own.targets) - len(at)
        logs, ids = _logs(model, own)[at].topk(30)
        mapped = torch.from_numpy(mapping.targets(ids.numpy(), batch.word_start[:, None]))
        expected = torch.zeros(len(at), VOCABULARY + 1)
        expected.scatter_add_(1, torch.where(mapped < 0, VOCABULARY, mapped), logs.exp())
        torch.testing.assert_close(_masses(targets), expected)
        torch.testing.assert_close(targets.rest, 1 - logs.exp().sum(dim=1), rtol=1e-4, atol=1e-5)
        ordered = targets.ids.sort(dim=1).values
        assert ((ordered[:, 1:] != ordered[:, :-1]) | (ordered[:, 1:] < 0)).all()  # no word stands twice
        drawn = store.read(store.places(batch.sequences, batch.row_ids.draws)[batch.target_rows] + batch.mask_index)
        assert np.array_equal(targets.samples.numpy(), mapping.targets(drawn.samples, batch.word_start[:, None]))
    assert fewer > 0  # masked words that the student has not were no targets, and the numbers tell


def test_ids_that_only_the_weights_know_are_none(tmp_path: Path) -> None:
    model, whole = _teacher(1), _mapping()
    mapping = VocabularyMap(whole.inside[:50], whole.begin[:50], whole.breaks[:50], UNKNOWN)
    ids = np.minimum(_EN.text.ids, 49).astype(np.uint16)
    source = replace(_EN, text=replace(_EN.text, ids=ids), special=replace(_EN.special, maskable_ids=np.arange(5, 50)))
    stream = _stream(replace(source, mapping=mapping))
    store = _store(tmp_path, model, source, k=VOCABULARY)
    labels = StoredTeachers({0: [StoredTeacher(store, mapping)]}, stream, _OBJECTIVE, VOCABULARY, _CPU)
    masses = _masses(_read(labels, stream, 0))
    torch.testing.assert_close(masses.sum(dim=1), torch.ones(len(masses)))
    assert not masses[:, whole.inside[50:]].any()


def test_a_target_without_any_word_of_the_student_is_left_to_the_masked_word(tmp_path: Path) -> None:
    model = _teacher(1)
    store = _store(tmp_path, model, _EN, k=1)
    batch = _stream(_EN)[0]
    first = _logs(model, batch).argmax(dim=1)
    missing = first[0].item()
    for known in (lambda ids: np.where(ids == missing, -1, ids), lambda ids: np.full_like(ids, -1)):
        ids = known(np.arange(VOCABULARY))
        labelled = StoredTeacher(store, VocabularyMap(ids, ids, np.zeros(VOCABULARY, dtype=np.bool_), UNKNOWN))
        targets = StoredTeachers({0: [labelled]}, _stream(_EN), _OBJECTIVE, VOCABULARY, _CPU).targets(batch)
        expected = [place for place, each in enumerate(first.tolist()) if ids[each] >= 0]
        assert (targets.positions.tolist() if targets else []) == expected


def test_a_batch_without_any_teacher_has_no_targets(tmp_path: Path) -> None:
    stream = _stream(replace(_EN, share=3.0), _EU)
    labels = StoredTeachers(
        {1: [StoredTeacher(_store(tmp_path, _teacher(1), _EU))]}, stream, _OBJECTIVE, VOCABULARY, _CPU
    )
    batches = [stream[index] for index in range(stream.epoch_batches)]
    expected = [bool((batch.languages[batch.target_rows] == 1).any()) for batch in batches]
    assert [labels.targets(batch) is not None for index, batch in enumerate(batches)] == expected
    assert not all(expected)


def _mixture(stores: list[LabelStore], reading: TailMode = "renormalised") -> StoredTeachers:
    objective = replace(_OBJECTIVE, reading=reading)
    return StoredTeachers({0: [StoredTeacher(store) for store in stores]}, _stream(_EN), objective, VOCABULARY, _CPU)


def test_teachers_are_mixed_by_their_confidence(tmp_path: Path) -> None:
    models = [_teacher(1), _teacher(2)]
    stores = [_store(tmp_path / str(number), model, _EN, k=VOCABULARY) for number, model in enumerate(models)]
    labels, batch = _mixture(stores), _stream(_EN)[3]
    one, other = (_logs(model, batch).double() for model in models)
    sure = [(logs * logs.exp()).sum(dim=1, keepdim=True).exp() for logs in (one, other)]  # exp(-entropy)
    expected = (sure[0] * one.exp() + sure[1] * other.exp()) / (sure[0] + sure[1])
    targets = _read(labels, _stream(_EN), 3)
    torch.testing.assert_close(_masses(targets)[:, :-1], expected.float(), rtol=1e-4, atol=1e-6)
    assert not targets.rest.any()


def test_a_mixture_of_few_words_has_all_mass_once(tmp_path: Path) -> None:
    models = [_teacher(1), _teacher(2)]
    stores = [_store(tmp_path / str(number), model, _EN, k=5, samples=2) for number, model in enumerate(models)]
    targets, batch = _read(_mixture(stores, "sampled"), _stream(_EN), 3), _stream(_EN)[3]
    torch.testing.assert_close(_masses(targets).sum(dim=1) + targets.rest, torch.ones(len(batch.targets)))
    torch.testing.assert_close(targets.sample_masses.sum(dim=1), targets.rest)
    for row, ids in enumerate(targets.ids.tolist()):
        words = {each for each in ids if each >= 0}
        both = {each for model in models for each in _logs(model, batch)[row].topk(5).indices.tolist()}
        assert words == both and len(words) == sum(each >= 0 for each in ids)


def test_a_teacher_mixed_with_itself_is_itself(tmp_path: Path) -> None:
    store = _store(tmp_path, _teacher(1), _EN, samples=2)
    one, twice = (_read(_mixture(stores, "sampled"), _stream(_EN), 5) for stores in ([store], [store, store]))
    torch.testing.assert_close(_masses(twice), _masses(one))
    torch.testing.assert_close(twice.rest, one.rest)


@pytest.mark.parametrize("reading", ["renormalised", "sampled"])
def test_the_gradient_of_a_mixture_is_that_of_its_teachers_losses(tmp_path: Path, reading: TailMode) -> None:
    """Each weighted by its confidence; they know few words, and not the same."""
    models, index = [_teacher(1), _teacher(2)], 3
    stores = [_store(tmp_path / str(number), model, _EN, k=3, samples=4) for number, model in enumerate(models)]
    batch = _stream(_EN)[index]

    def gradients(targets: TopKTargets) -> Tensor:
        """One row a target; a row's loss has no part in the others'."""
        logits = torch.linspace(-2, 2, len(batch.targets) * VOCABULARY).sin().view(-1, VOCABULARY).requires_grad_()
        top_k_losses(logits, None, targets, 1.0, reading)[0].sum().backward()
        assert logits.grad is not None
        return logits.grad

    alone = [gradients(_read(_mixture([store], reading), _stream(_EN), index)) for store in stores]
    known = [_read(_mixture([store], "sampled"), _stream(_EN), index) for store in stores]
    sure = [
        (each.log_probabilities.exp() * each.log_probabilities).sum(dim=1) + each.rest * each.rest.log()
        for each in known
    ]
    weights = torch.softmax(torch.stack(sure), dim=0)[:, :, None]  # in proportion to exp(-entropy)
    mixed = gradients(_read(_mixture(stores, reading), _stream(_EN), index))
    torch.testing.assert_close(mixed, (weights * torch.stack(alone)).sum(dim=0), rtol=1e-4, atol=1e-6)


def test_buckets_of_several_teachers_are_refused(tmp_path: Path) -> None:
    store = _store(tmp_path, _teacher(1), _EN)
    with pytest.raises(InputError, match="each has a bucket of other words"):
        _mixture([store, store], "bucketed")
    assert _mixture([store], "bucketed")


def test_ids_beyond_the_students_vocabulary_are_none_without_a_mapping_as_well(tmp_path: Path) -> None:
    """A teacher's weights filled up to a round number, its tokenizer shared with the student."""
    entries = 50
    ids = np.minimum(_EN.text.ids, entries - 1).astype(np.uint16)
    special = replace(_EN.special, maskable_ids=np.arange(5, entries))
    source = replace(_EN, text=replace(_EN.text, ids=ids), special=special)
    store = _store(tmp_path, _teacher(1), source, k=VOCABULARY - 3, samples=3)
    objective = replace(_OBJECTIVE, reading="sampled")
    targets = _read(
        StoredTeachers({0: [StoredTeacher(store)]}, _stream(source), objective, entries, _CPU), _stream(source), 0
    )
    assert 0 <= targets.ids.max() < entries and targets.samples.max() < entries
    assert (targets.ids < 0).any() and (targets.samples < 0).any()
    logits = torch.zeros(len(_stream(source)[0].targets), entries)
    assert top_k_losses(logits, None, targets, 1.0, "sampled")[0].isfinite().all()


def test_another_temperature_is_refused_where_it_would_be_wrong(tmp_path: Path) -> None:
    model = _teacher(1)
    stored = [StoredTeacher(_store(tmp_path, model, _EN, temperature=2.0))]
    with pytest.raises(InputError, match=r"stored at temperature 2, and to be read at 1.5"):
        StoredTeachers(
            {0: stored}, _stream(_EN), replace(_OBJECTIVE, temperature=1.5, reading="bucketed"), VOCABULARY, _CPU
        )
    for temperature in (1.5, 4.0):
        renormalised = Objective(weight=_OBJECTIVE.weight, temperature=temperature, reading="renormalised")
        targets = _read(StoredTeachers({0: stored}, _stream(_EN), renormalised, VOCABULARY, _CPU), _stream(_EN), 0)
        logs, ids = _logs(model, _stream(_EN)[0], temperature).topk(6)
        assert torch.equal(targets.ids, ids)
        torch.testing.assert_close(targets.log_probabilities, torch.log_softmax(logs, dim=-1), rtol=1e-4, atol=1e-5)
        assert not targets.rest.any()


def test_samples_that_are_not_there_are_refused(tmp_path: Path) -> None:
    stored = [StoredTeacher(_store(tmp_path, _teacher(1), _EN))]
    with pytest.raises(InputError, match="no samples"):
        StoredTeachers({0: stored}, _stream(_EN), replace(_OBJECTIVE, reading="sampled"), VOCABULARY, _CPU)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"masks": MaskSettings(rate=0.15)}, {"language": "eu"}])
def test_labels_of_other_masks_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    stored = [StoredTeacher(_store(tmp_path, _teacher(1), _EN))]
    with pytest.raises(InputError, match="other masks"):
        StoredTeachers({0: stored}, _stream(replace(_EN, **changes)), _OBJECTIVE, VOCABULARY, _CPU)
