"""A parser: its scores against loops, every word scored once, windows, files, and commands from data to trees."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from torch import nn
from transformers import AutoModel

from equiglot.errors import InputError
from equiglot.evaluation import read_scores
from equiglot.exporting import name_scored_data
from equiglot.files import checksums
from equiglot.finetuning import FineTuning, fine_tune, name_data, neighbour_baseline, open_parser, parse
from equiglot.finetuning.biaffine import Parser, ParserSettings, load_parser, new_parser
from equiglot.finetuning.neighbours import neighbour_predictions
from equiglot.finetuning.parsing import (
    ParserTraining,
    lay_out_sentences,
    predict_trees,
    read_sentences,
    read_treebank,
    word_states,
)
from equiglot.models import OpenModel, with_tokenizer
from equiglot.tasks import OpenTask, build_task, is_tree, open_task
from equiglot.training import Progress, Stopped
from tests.finetuning.conftest import Model
from tests.finetuning.treebanks import TREES, block, write_treebanks

LANGUAGES = tuple(TREES)
QUICK = FineTuning(epochs=12, batch=16, learning_rate=2e-3, warmup=5, precision="fp32", resamples=100)


def _task(folder: Path) -> OpenTask:
    build = folder / "task"
    build.mkdir()
    build_task(name_data("parse", [write_treebanks(folder / "data")], LANGUAGES), LANGUAGES, {}, build)
    return open_task(build)


def _opened(place: str, relations: tuple[str, ...], longest: int | None = None) -> OpenModel:
    """A parser with random scores, not zeros."""
    parser = new_parser(Path(place), relations, seed=1, settings=ParserSettings(arcs=9, relations=7))
    torch.manual_seed(2)
    for weights in (parser.root, parser.arcs, parser.relations):
        nn.init.normal_(weights, std=0.5)
    opened = with_tokenizer("parser", parser, Path(place), place)
    return opened if longest is None else OpenModel("parser", opened.model, opened.tokenizer, opened.special, longest)


def test_scores_are_those_of_the_formula_pair_by_pair(model: Model) -> None:
    """Of every sentence by itself, every pair of words by itself, with vectors and no batches."""
    opened = _opened(model("bert"), ("a", "b", "c"))
    parser = opened.model
    assert isinstance(parser, Parser)
    width = int(parser.config.hidden_size)
    states, lengths = torch.randn(3, 5, width), torch.tensor([5, 2, 4])
    with torch.no_grad():
        scores = parser.head_scores(states, lengths)
        heads = torch.tensor([[2, 0, 1, 5, 3], [0, 1, 0, 0, 0], [4, 4, 4, 0, 0]])
        relations = parser.relation_scores(states, heads)
        for row, length in enumerate(lengths.tolist()):
            nodes = [parser.root, *states[row, :length]]
            for place in range(length):
                dependent = parser.dependents(states[row, place])
                for head, node in enumerate(nodes):
                    vector = parser.heads(node)
                    expected = dependent @ parser.arcs[:-1] @ vector + parser.arcs[-1] @ vector
                    torch.testing.assert_close(scores[row, place, head], expected)
                one = parser.relation_dependents(states[row, place])
                other = parser.relation_heads(nodes[int(heads[row, place])])
                for number, form in enumerate(parser.relations):
                    expected = one @ form[:-1, :-1] @ other + form[-1, :-1] @ other + one @ form[:-1, -1] + form[-1, -1]
                    torch.testing.assert_close(relations[row, place, number], expected)
            assert (scores[row, :, length + 1 :] == torch.finfo(torch.float32).min).all()


@pytest.mark.parametrize("architecture", ["bert", "roberta", "modernbert", "xlm-roberta", "deberta-v2"])
@pytest.mark.parametrize("longest", [None, 4])
def test_every_word_has_the_state_of_its_own_token(
    architecture: str, longest: int | None, model: Model, tmp_path: Path
) -> None:
    """Sentences in any order, also of several windows: against one sentence at a time."""
    data = _task(tmp_path)
    opened = _opened(model(architecture), data.summary.labels, longest)
    words = [each for code in LANGUAGES for each in data.split(code, "dev").words]  # type: ignore[union-attr]
    sentences = read_sentences(opened, words)
    assert (len(sentences.windows.begins) > len(sentences)) == (longest is not None)
    chosen = np.random.default_rng(0).permutation(len(sentences))
    batch = lay_out_sentences(sentences, chosen, opened)
    assert sorted(batch.words) == list(range(sum(map(len, words)))) and batch.count == len(batch.places)
    assert isinstance(opened.model, Parser)
    with torch.no_grad():
        together = word_states(opened.model, batch)
        for row, sentence in enumerate(chosen):
            single = lay_out_sentences(read_sentences(opened, [words[sentence]]), np.array([0]), opened)
            alone = word_states(opened.model, single)[0]
            assert len(alone) == len(words[sentence]) and alone.abs().sum(1).min() > 0
            torch.testing.assert_close(together[row, : len(alone)], alone, rtol=1e-3, atol=1e-4)
            assert not together[row, len(alone) :].any()


@pytest.mark.parametrize("longest", [None, 4])
def test_predictions_are_trees_whatever_the_batch(longest: int | None, model: Model, tmp_path: Path) -> None:
    data = _task(tmp_path)
    opened = _opened(model("xlm-roberta"), data.summary.labels, longest)
    for code in LANGUAGES:
        sentences, gold = read_treebank(opened, data, code, "dev")
        trees, loss = predict_trees(opened, sentences, gold.labels)
        assert trees.shape == (len(gold.labels), 2) and trees.dtype == np.int16 and loss > 0
        parts = np.split(trees, np.cumsum(gold.lengths)[:-1])
        assert all(is_tree(part[:, 0]) for part in parts)
        words = data.split(code, "dev").words  # type: ignore[union-attr]
        single = [parse(opened, [each])[0] for each in words]
        assert single == [[(int(head), data.summary.labels[label]) for head, label in part] for part in parts]


@given(st.permutations(range(6)))
def test_words_keep_their_places_in_any_order_of_sentences(order: list[int]) -> None:
    from equiglot.finetuning.parsing import _stretches

    begins = np.array([0, 3, 4, 9, 11, 12, 20])
    values, of = _stretches(begins, np.array(order))
    assert values.tolist() == [value for number in order for value in range(begins[number], begins[number + 1])]
    assert of.tolist() == [
        place for place, number in enumerate(order) for _ in range(begins[number], begins[number + 1])
    ]


def test_an_epoch_has_every_sentence_once(model: Model, tmp_path: Path) -> None:
    data = _task(tmp_path)
    opened = _opened(model("bert"), data.summary.labels)
    task = ParserTraining(opened, data, LANGUAGES, batch=5, seed=3)
    batches = [task.batch(index) for index in range(task.epoch_batches)]
    sizes = [len(found.labels) for code in LANGUAGES if (found := data.split(code, "train"))]
    assert sorted(np.concatenate([batch.words for batch in batches])) == list(range(sum(sizes)))
    trees = np.concatenate([batch.gold[batch.there] for batch in batches])
    splits = [found for code in LANGUAGES if (found := data.split(code, "train"))]
    order = np.argsort(np.concatenate([batch.words for batch in batches]))
    assert np.array_equal(trees[order, 0], np.concatenate([each.heads for each in splits if each.heads is not None]))
    assert np.array_equal(trees[order, 1], np.concatenate([each.labels for each in splits]))
    languages = np.concatenate([batch.word_languages for batch in batches])
    assert np.array_equal(languages[order], np.repeat(np.arange(len(LANGUAGES)), sizes))
    with torch.no_grad():
        batch = batches[0]
        found = task.losses(opened.model, batch, 0.0)  # type: ignore[arg-type]
        assert found.terms["hard"].values.shape == (batch.count,)
        assert float(found.total) == pytest.approx(float(found.terms["hard"].values.sum()))


def _tuned(folder: Path, model: str, settings: FineTuning = QUICK, stop_at: int = -1) -> Path:
    data, seen = [write_treebanks(folder / "data")], list[Progress]()
    trained, tested = ["en", "ru", "ko", "ar", "te"], ["el", "hi"]
    named = name_data("parse", data, trained, zero_shot=tested)
    return fine_tune(
        model,
        named,
        [*trained, *tested],
        settings,
        folder / "parser",
        watch=lambda seed, progress: seen.append(progress),
        stop=lambda: len(seen) == stop_at,
    ).folder


def test_from_a_command_to_trees_that_are_loaded_again(model: Model, tmp_path: Path) -> None:
    folder = _tuned(tmp_path, model("modernbert"))
    rows = {(row.metric, row.language): row for row in read_scores(folder / "scores.jsonl")}
    predicted = load_file(folder / "predictions.safetensors")
    labels = json.loads((folder / "task.json").read_text())["labels"]
    assert {"nsubj", "root", "punct"} < {*labels}
    opened = open_parser(folder)
    for code in LANGUAGES:
        found, source = predicted[code], "zero-shot" if code in ("el", "hi") else "in-language"
        words = [[word.rsplit("/", 2) for word in sentence.split()] for sentence in TREES[code][:2]]
        gold = [(int(head), relation) for sentence in words for _, head, relation in sentence]
        assert found.shape == (1, len(gold), 2) and rows["las", code].n == len(gold)
        trees = [arc for tree in parse(opened, [[form for form, *_ in sentence] for sentence in words]) for arc in tree]
        assert trees == [(int(head), labels[label]) for head, label in found[0]]
        right = [one == other for one, other in zip(trees, gold, strict=True)]
        heads = [one[0] == other[0] for one, other in zip(trees, gold, strict=True)]
        assert rows["las", code].value == pytest.approx(100 * np.mean(right)) and rows["las", code].source == source
        assert rows["uas", code].value == pytest.approx(100 * np.mean(heads))
        if source == "in-language":
            assert rows["las", code].value > 90  # the test sentences are those of training
    encoder, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not info["unexpected_keys"] and encoder.config.id2label == dict(enumerate(labels))
    record = json.loads((folder / "training.json").read_text())["seeds"]["0"]
    assert record["metric"] == "las"


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_killed_and_continued_it_ends_the_same(architecture: str, model: Model, tmp_path: Path) -> None:
    settings = QUICK.model_copy(update={"epochs": 1, "seeds": 2})
    whole = _tuned(tmp_path / "whole", model(architecture), settings)
    with pytest.raises(Stopped):
        # In the second of two trainings, of four updates each.
        _tuned(tmp_path / "parts", model(architecture), settings, stop_at=6)
    one, other = (checksums(each) for each in (whole, _tuned(tmp_path / "parts", model(architecture), settings)))
    for each in (one, other):  # have seconds, and names of files
        del each["training.json"], each["task.json"]
    assert one == other and {"parser.json", "parser.safetensors", "model.safetensors"} < {*one}
    first, second = load_file(whole / "predictions.safetensors")["en"]
    assert first.shape == second.shape and not np.array_equal(first, second)
    row = next(row for row in read_scores(whole / "scores.jsonl") if (row.metric, row.language) == ("las", "en"))
    assert row.repeats == 2 and row.deviation is not None


def test_parsers_that_are_none_are_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no dependency parser"):
        load_parser(Path(model("bert")))
    folder = tmp_path / "parser"
    new_parser(Path(model("bert")), ("nsubj", "root"), seed=0).save_pretrained(folder)
    assert load_parser(folder).settings == ParserSettings()
    whole = (folder / "parser.safetensors").read_bytes()
    for name, content in (("parser.json", b'{"arcs": 0}'), ("parser.json", b'{"arcs": 20}'), ("parser.json", b"{")):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            load_parser(folder)
        (folder / name).write_bytes(before)
    (folder / "parser.safetensors").write_bytes(whole[:100])
    with pytest.raises(InputError, match="damaged"):
        load_parser(folder)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("\t2\tnsubj", "\t_\tnsubj", "head of word 1 is '_'"),
        ("\t2\tnsubj", "\t-2\tnsubj", "head of word 1 is '-2'"),
        ("\t2\tnsubj", "\t9\tnsubj", "head of word 1 is word 9, and the sentence has 6"),
        ("\tnsubj", "\t_", "no relation"),
        ("\tnsubj", "\t:pass", "no relation"),
    ],
)
def test_heads_and_relations_that_are_missing_are_refused_with_their_line(
    old: str, new: str, words: str, model: Model, tmp_path: Path
) -> None:
    pattern, file = write_treebanks(tmp_path / "data", ["en"]), tmp_path / "data" / "en-train.conllu"
    file.write_text("# text = ...\n" + file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=words) as refused:
        fine_tune(model("bert"), name_data("parse", [pattern], ["en"]), ["en"], QUICK, tmp_path / "parser")
    assert refused.value.where == f"{file}:2" and refused.value.fix


def test_broken_trees_and_new_relations_are_noted_and_scored(tmp_path: Path) -> None:
    pattern = write_treebanks(tmp_path, ["en"])
    test = ("a/2/nsubj:pass b/1/dep c/0/root", "a/0/root b/0/parataxis:obj", "a/1/nsubj", "a/0/root")
    (tmp_path / "en-test.conllu").write_text("\n".join(map(block, test)) + "\n", encoding="utf-8")
    (tmp_path / "task").mkdir()
    summary = build_task(name_data("parse", [pattern], ["en"]), ["en"], {}, tmp_path / "task")
    notes = "; ".join(summary.languages[0].notes)
    assert "scored word by word): 3" in notes and "labels in test that training has not: dep, parataxis" in notes
    split = open_task(tmp_path / "task").split("en", "test")
    assert split is not None and split.heads is not None and split.heads.dtype == np.int16
    assert split.heads.tolist() == [2, 1, 0, 0, 0, 1, 0] and split.lengths.tolist() == [3, 2, 1, 1]
    assert [summary.labels[label] for label in split.labels][:2] == ["nsubj", "dep"]


@pytest.mark.parametrize("data", ["hub:universal_dependencies:{language}", "{}/en-*.tsv"])
def test_only_treebanks_have_trees(data: str, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"en-{split}.tsv").touch()
    with pytest.raises(InputError, match="only CoNLL-U files have trees"):
        name_data("parse", [data.replace("{}", str(tmp_path))], ["en"])


def test_the_neighbour_baseline_word_by_word(tmp_path: Path) -> None:
    """Against a loop over sentences; in Greek the word behind is better, in Korean the one before."""
    task = _task(tmp_path)
    steps = {"el": 1, "ko": -1}
    for code, step in steps.items():
        found = neighbour_baseline(task, code)
        words = [[word.rsplit("/", 2)[1:] for word in sentence.split()] for sentence in TREES[code]]
        arcs = [(relation, int(head) - place) for each in words for place, (head, relation) in enumerate(each, 1)]
        near = Counter(relation for relation, distance in arcs if relation != "root" and distance == step)
        (relation, _), *_ = near.most_common()
        heads = labels = total = 0
        for each in words[:2]:
            for place, (head, own) in enumerate(each, 1):
                guess = place + step if place + step <= len(each) else 0
                heads += int(head) == guess
                labels += int(head) == guess and own == (relation if guess else "root")
                total += 1
        assert found == pytest.approx({"las": 100 * labels / total, "uas": 100 * heads / total}) and 0 < labels < total
    assert neighbour_baseline(task, "xx") is None
    both = neighbour_predictions(task, LANGUAGES, ["el", "ko"])
    own = {code: neighbour_predictions(task, [code], [code])[code] for code in steps}
    assert all(both[code].shape == own[code].shape for code in steps)
    assert [own[code][0, 0, 0] for code in steps] == [2, 0]  # the first word hangs on the second, or on the root
    assert both["el"][0, 0, 0] == both["ko"][0, 0, 0]  # one way for all languages together
    assert {*both["el"][0, :, 1]} == {*both["ko"][0, :, 1]}
    with pytest.raises(ValueError, match="none of xx has training data"):
        neighbour_predictions(task, ["xx"], ["el"])


def test_sentences_without_words_are_refused(model: Model) -> None:
    opened = _opened(model("bert"), ("a", "b"))
    assert parse(opened, []) == []
    for bad in ([["a"], []], [["a"], ["b", ""]]):
        with pytest.raises(InputError, match="is empty") as refused:
            parse(opened, bad)
        assert refused.value.where == "sentence 1"


def test_parsers_are_not_scored_in_other_forms(model: Model) -> None:
    with pytest.raises(InputError, match="parse are not exported"):
        name_scored_data(model("bert"), ["ud/*.conllu"], task="parse", languages=["en"])
