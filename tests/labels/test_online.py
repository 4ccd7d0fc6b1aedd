"""Teachers that read ahead say what they would have said batch by batch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from transformers import PreTrainedModel

from equiglot.labels import OnlineTeachers, Parts, freeze, online
from equiglot.masking import Batch, MaskSettings
from equiglot.models import SHAPE_STEP, build_model, hidden_states, outputs, states_inside, target_logits, to_tensors
from equiglot.objectives import FORBIDDEN, Objective, relations
from equiglot.objectives.schedule import Annealed
from tests.tiny import ENCODER, MASK, make_model, make_stream, make_text

_CPU = torch.device("cpu")
_TEXTS = {"en": make_text(120), "eu": make_text(40, seed=1), "tr": make_text(20, seed=2)}
_STREAM = make_stream(_TEXTS, passes={"en": 1.0, "eu": 2.5, "tr": 2.0}, sentences=2)
_TAUGHT = Objective(weight=Annealed(start=1, end=1))
_ALWAYS = Annealed(start=1, end=1)
_STATES = Objective(weight=_ALWAYS, beside={"states": _ALWAYS})
_INSIDE = Objective(weight=_ALWAYS, beside={"layers": _ALWAYS, "relations": _ALWAYS})


def _teacher(seed: int, hidden_size: int = 16, **others: object) -> PreTrainedModel:
    model = make_model(seed, ENCODER.model_copy(update={"hidden_size": hidden_size, **others}))
    for parameter in model.parameters():
        # Freshly made models are nearly indifferent; these have opinions.
        parameter.data *= 3
    return freeze(model, _CPU)


def _check(teachers: dict[str, PreTrainedModel], indices: list[int]) -> None:
    """What `OnlineTeachers` says about some batches is what each teacher says when it reads a batch alone."""
    labels = OnlineTeachers(teachers, _STREAM, _CPU)
    for index in indices:
        batch = _STREAM[index]
        soft = labels.targets(batch)
        names = [_STREAM.languages[each] for each in batch.languages[batch.target_rows]]
        taught = [place for place, name in enumerate(names) if name in teachers]
        if soft is None:
            assert not taught
            continue
        assert soft.positions.tolist() == taught
        alone = {name: target_logits(teacher, to_tensors(batch, _CPU)) for name, teacher in teachers.items()}
        expected = torch.stack([alone[names[place]][place] for place in taught])
        torch.testing.assert_close(soft.logits, expected, rtol=1e-4, atol=1e-5)


_SOME = [0, 1, 40, _STREAM.pool_batches, 10**6 + 3]


def test_each_target_gets_the_logits_of_its_languages_teacher() -> None:
    assert _STREAM.pools > 1
    _check({"en": _teacher(1), "eu": _teacher(2), "tr": _teacher(3)}, [*range(10), *_SOME])


def test_teachers_of_different_sizes() -> None:
    _check({"en": _teacher(1, 24), "eu": _teacher(2, 8), "tr": _teacher(3)}, _SOME)


def test_teachers_of_different_architectures() -> None:
    narrow = _teacher(1, architecture="electra", embedding_size=8)
    _check({"en": narrow, "eu": _teacher(2, architecture="modernbert"), "tr": _teacher(3)}, _SOME)


def test_languages_without_a_teacher_get_no_soft_labels() -> None:
    _check({"eu": _teacher(2)}, [*range(20), *_SOME])


def test_languages_may_share_a_teacher() -> None:
    shared = _teacher(1)
    _check({"en": shared, "tr": shared}, _SOME)


def test_a_batch_without_any_teacher_has_none() -> None:
    stream = make_stream({"en": make_text(20), "eu": make_text(20)}, passes={"en": 1.0, "eu": 0.1}, sentences=1)
    labels = OnlineTeachers({"eu": _teacher(1)}, stream, _CPU)
    given = [labels.targets(stream[index]) is not None for index in range(stream.epoch_batches)]
    eu = [bool((stream[index].languages[stream[index].target_rows] == 1).any()) for index in range(len(given))]
    assert given == eu
    assert not all(given)


@pytest.mark.parametrize("tokens", [40, 10**6])
def test_how_much_a_teacher_reads_at_once_does_not_matter(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    monkeypatch.setattr(online, "_TOKENS", tokens)
    _check({"en": _teacher(1), "eu": _teacher(2)}, [0, 40, _STREAM.pool_batches + 1])


def test_a_student_like_its_teachers_has_no_loss_and_no_gradient() -> None:
    teachers = {name: _teacher(4) for name in _TEXTS}
    student = _teacher(4).requires_grad_(True)
    labels = OnlineTeachers(teachers, _STREAM, _CPU)
    for index in range(3):
        tensors = to_tensors(_STREAM[index], _CPU)
        losses = _TAUGHT.losses(outputs(student, tensors), tensors, labels.targets(_STREAM[index]), 0.0)
        losses.total.backward()
        assert losses.total.item() == pytest.approx(0, abs=1e-4)
    gradients = [each.grad.abs().max().item() for each in student.parameters() if each.grad is not None]
    assert gradients and max(gradients) < 1e-3


def test_a_student_unlike_its_teachers_has_both() -> None:
    labels = OnlineTeachers({name: _teacher(4) for name in _TEXTS}, _STREAM, _CPU)
    student, tensors = _teacher(5).requires_grad_(True), to_tensors(_STREAM[0], _CPU)
    losses = _TAUGHT.losses(outputs(student, tensors), tensors, labels.targets(_STREAM[0]), 0.0)
    losses.total.backward()
    assert losses.total.item() > 1
    assert max(each.grad.abs().max().item() for each in student.parameters() if each.grad is not None) > 0.1


def test_teachers_read_no_gold_words() -> None:
    # Teacher and student see the same masked input: where it is [MASK], the answer is nowhere in what is read.
    batch = _STREAM[0]
    joined, places = online._join([batch], [(0, row) for row in range(len(batch.lengths))])
    rows, width = batch.inputs.shape
    assert np.array_equal(joined.inputs[:rows, :width], batch.inputs)
    assert not joined.inputs[rows:].any() and len(joined.inputs) % SHAPE_STEP == 0  # rows that only fill up
    assert np.array_equal(joined.targets, batch.targets)
    assert places.tolist() == list(range(len(batch.targets)))


def test_a_frozen_model_is_a_teacher() -> None:
    model = freeze(make_model(), _CPU)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("shared", [False, True])
def test_hidden_states_come_with_the_same_logits(shared: bool) -> None:
    """At every real token of a language that has a teacher, as its teacher makes them of the batch."""
    one, other = _teacher(1), _teacher(2)
    teachers = {"en": one, "tr": one} if shared else {"en": one, "tr": other}
    ahead, now = OnlineTeachers(teachers, _STREAM, _CPU), OnlineTeachers(teachers, _STREAM, _CPU, objective=_STATES)
    seen = 0
    for index in (*range(6), 40):
        batch = _STREAM[index]
        expected, soft = ahead.targets(batch), now.targets(batch)
        assert (expected is None) == (soft is None)
        if expected is None or soft is None or soft.states is None:
            continue
        assert torch.equal(soft.positions, expected.positions) and expected.states is None
        torch.testing.assert_close(soft.logits, expected.logits, rtol=1e-4, atol=1e-5)
        whole = to_tensors(batch, _CPU)
        width = batch.inputs.shape[1]
        made = {name: hidden_states(model, whole).flatten(0, 1) for name, model in teachers.items()}
        places = {
            (row * width + place): _STREAM.languages[language]
            for row, (language, length) in enumerate(zip(batch.languages, batch.lengths, strict=True))
            for place in range(length)
            if _STREAM.languages[language] in teachers
        }
        assert sorted(soft.states.tokens.tolist()) == sorted(places)
        states = soft.states
        for value, token, language in zip(states.values, states.tokens, states.languages, strict=True):
            name = places[int(token)]
            assert _STREAM.languages[int(language)] == name
            torch.testing.assert_close(value, made[name][token], rtol=1e-4, atol=1e-5)
            seen += 1
    assert seen > 20


def test_what_stands_inside_comes_from_the_mapped_layers_of_each_teacher() -> None:
    """Teachers of other depths and numbers of heads, one of another architecture, beside a student of two layers."""
    student = make_model(0, ENCODER.model_copy(update={"layers": 2})).config
    teachers = {"en": _teacher(1, layers=4), "tr": _teacher(2, layers=3, heads=4, architecture="modernbert")}
    labels = OnlineTeachers(teachers, _STREAM, _CPU, objective=_INSIDE, student=student)
    chosen, seen = {"en": (0, 2, 4), "tr": (0, 2, 3)}, set()
    for index in range(12):
        batch = _STREAM[index]
        soft = labels.targets(batch)
        if soft is None or soft.states is None:
            continue
        whole, states = to_tensors(batch, _CPU), soft.states
        assert states.relations is not None and len(states.layers) == 3
        for name, teacher in teachers.items():
            own = (states.languages == _STREAM.languages.index(name)).nonzero().flatten()
            _, inside = states_inside(teacher, whole)
            tokens = states.tokens[own]
            for layer, number in zip(states.layers, chosen[name], strict=True):
                wanted = inside.layers[number].flatten(0, 1)[tokens]
                torch.testing.assert_close(layer[own], wanted, rtol=1e-4, atol=1e-5)
            related = relations(inside.attention, whole.attention, tokens, student.num_attention_heads)
            torch.testing.assert_close(states.relations[:, own].exp(), related.exp(), rtol=1e-4, atol=1e-5)
            seen |= {name} if len(own) else set()
    assert seen == {"en", "tr"}


_FIRST, _LONGEST = 45, 18
_PARTS = Parts([[5 + number % 3, 6, *[7] * (number % 2)] for number in range(60 - _FIRST)], _FIRST, MASK, _LONGEST)


def _read_apart(batch: Batch, row: int) -> tuple[list[int], dict[int, int]]:
    """A row as its teacher reads it, and target of the batch -> where it stands there; by a plain loop."""
    width, stood = batch.inputs.shape[1], dict(zip(batch.targets.tolist(), batch.gold.tolist(), strict=True))
    numbers = {place: number for number, place in enumerate(batch.targets.tolist())}
    read: list[int] = []
    where: dict[int, int] = {}
    for column in range(int(batch.lengths[row])):
        place, shown = row * width + column, int(batch.inputs[row, column])
        gold = stood.get(place, 0)
        if place in stood and gold < _FIRST and shown < _FIRST:
            where[numbers[place]] = len(read)
        if gold >= _FIRST and shown == MASK:
            read += [MASK] * len(_PARTS.ids[gold - _FIRST])
        else:
            read += _PARTS.ids[shown - _FIRST] if shown >= _FIRST else [shown]
    if len(read) > _LONGEST:
        read = [*read[: _LONGEST - 1], read[-1]]
    return read, {number: at for number, at in where.items() if at < len(read) - 1}


@given(index=st.integers(0, 200), rate=st.sampled_from([0.15, 0.6]))
@settings(max_examples=30)
def test_a_teacher_with_fewer_entries_reads_their_parts(index: int, rate: float) -> None:
    batch = make_stream(_TEXTS, sentences=5, masks=MaskSettings(rate=rate))[index]
    apart, asked = _PARTS.take_apart(batch)
    found = {}
    for row in range(len(batch.lengths)):
        read, where = _read_apart(batch, row)
        assert apart.inputs[row].tolist() == read + [0] * (apart.inputs.shape[1] - len(read))
        assert apart.lengths[row] == len(read)
        found |= {number: row * apart.inputs.shape[1] + at for number, at in where.items()}
    assert dict(zip(asked.tolist(), apart.targets.tolist(), strict=True)) == dict(sorted(found.items()))
    assert apart.gold.tolist() == batch.gold[asked].tolist()


@pytest.mark.parametrize("entries", [_FIRST, 50])  # as it is, or with rows behind the last that make its size round
def test_what_a_teacher_with_fewer_entries_says(entries: int) -> None:
    """At entries that it has, of the words that it has; beside it a teacher that has them all."""
    few = freeze(build_model(ENCODER, entries, padding=0, seed=3), _CPU)
    teachers = {"en": few, "eu": _teacher(2)}
    student = make_model(5).config
    labels = OnlineTeachers(teachers, _STREAM, _CPU, student=student, parts={"en": _PARTS})
    asked = left = 0
    for index in [*range(12), *_SOME]:
        batch = _STREAM[index]
        soft, again = labels.targets(batch), labels.read(batch)
        every = target_logits(teachers["eu"], to_tensors(batch, _CPU))
        expected = {}
        for row, language in enumerate(batch.languages.tolist()):
            if _STREAM.languages[language] == "en":
                read, where = _read_apart(batch, row)
                left += int((batch.target_rows == row).sum()) - len(where)
                logits = few(input_ids=torch.tensor([read])).logits[0]
                expected |= {number: torch.full((60,), FORBIDDEN) for number in where}
                for number, at in where.items():
                    expected[number][:_FIRST] = logits[at, :_FIRST]
            elif _STREAM.languages[language] == "eu":
                numbers = np.flatnonzero(batch.target_rows == row).tolist()
                expected |= {number: every[number] for number in numbers}
        asked += len(expected)
        if not expected:
            assert soft is None and again is None
            continue
        for said in (soft, again):
            assert said is not None and said.positions.tolist() == sorted(expected)
            wanted = torch.stack([expected[number] for number in sorted(expected)])
            torch.testing.assert_close(said.logits, wanted, rtol=1e-4, atol=1e-5)
    assert asked > 20 and left > 5


@pytest.mark.parametrize("parts", [None, {"en": _PARTS}])
def test_a_training_that_continues_hears_the_same(parts: dict[str, Parts] | None) -> None:
    """Bit for bit, wherever in a pool it was stopped."""
    teachers = {"en": freeze(build_model(ENCODER, _FIRST if parts else 60, padding=0, seed=3), _CPU), "eu": _teacher(2)}
    student, end = make_model(5).config, _STREAM.pool_batches + 3

    def begun() -> OnlineTeachers:
        return OnlineTeachers(teachers, _STREAM, _CPU, student=student, parts=parts)

    whole = begun()
    said = {index: whole.targets(_STREAM[index]) for index in range(end)}
    for first in (1, _STREAM.pool_batches - 1, _STREAM.pool_batches, end - 1):
        again = begun()
        for index in range(first, min(first + 3, end)):
            one, other = said[index], again.targets(_STREAM[index])
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                assert torch.equal(one.logits, other.logits) and torch.equal(one.positions, other.positions)


def test_entries_that_a_teacher_has_not_are_learnt_from_the_text_alone() -> None:
    """Over a text, what is learnt in a place is the teacher's distribution where old entries stand, and the text's."""
    few = freeze(build_model(ENCODER, _FIRST, padding=0, seed=3), _CPU)
    student = make_model(5)
    everyone = dict.fromkeys(_TEXTS, few)
    labels = OnlineTeachers(
        everyone, _STREAM, _CPU, student=student.config, parts=dict.fromkeys(_TEXTS, _PARTS), objective=_TAUGHT
    )
    batch = next(batch for index in range(99) if ((batch := _STREAM[index]).gold >= _FIRST).any())
    tensors, soft = to_tensors(batch, _CPU), labels.targets(batch)
    assert soft is not None and 0 < len(soft.positions) < len(batch.gold)
    made = outputs(student, tensors)
    made.logits.retain_grad()
    losses = _TAUGHT.losses(made, tensors, soft, 0.0)
    losses.total.backward()
    assert made.logits.grad is not None and torch.isfinite(losses.total)
    chances = made.logits.detach().softmax(-1)
    wanted = functional.one_hot(tensors.gold, 60).float()
    wanted[soft.positions] = soft.logits.softmax(-1)
    assert (wanted[soft.positions][:, _FIRST:] == 0).all()
    torch.testing.assert_close(made.logits.grad, chances - wanted, rtol=1e-4, atol=1e-6)


def test_rows_behind_a_teachers_last_entry_are_no_words() -> None:
    """A table of a round size, of a teacher that has all entries: its student's has no such rows, or more of them."""
    everyone = dict.fromkeys(_TEXTS, freeze(build_model(ENCODER, 64, padding=0, seed=3), _CPU))
    for size in (60, 72):
        student = build_model(ENCODER, size, padding=0, seed=4).config
        soft = OnlineTeachers(everyone, _STREAM, _CPU, student=student).targets(_STREAM[0])
        alone = OnlineTeachers(everyone, _STREAM, _CPU).targets(_STREAM[0])
        assert soft is not None and alone is not None and soft.logits.shape[1] == size
        assert torch.equal(soft.logits[:, :60], alone.logits[:, :60]) and not soft.partial
        assert (soft.logits[:, 64:] == FORBIDDEN).all()
