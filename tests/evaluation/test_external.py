"""Scores of stock models on lines of text, against the pieces that they are made of."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from equiglot.display import print_external_scores
from equiglot.errors import InputError
from equiglot.evaluation import (
    EvalSettings,
    ExternalScores,
    TestMasks,
    model_predictor,
    read_texts,
    score_external,
    score_positions,
)
from equiglot.evaluation.external import FREQUENCY, spread, write_external_scores
from equiglot.evaluation.lines import tokenize_lines
from equiglot.evaluation.pseudo_likelihood import word_bits
from equiglot.models import OpenModel, open_model
from tests.stock import SCRIPTS, save_stock

TEXTS = {"en": [SCRIPTS["en"], "All free and equal", "自由 in dignity"] * 3, "ru": [SCRIPTS["ru"]] * 4}
SETTINGS = EvalSettings(resamples=100, likelihood_lines=5)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[OpenModel]:
    """Two models of one tokenizer, and one of another."""
    kinds = {"distilbert": ("distilbert", 0), "other": ("distilbert", 1), "roberta": ("roberta", 0)}
    return [
        open_model(name, str(save_stock(tmp_path_factory.mktemp(name), architecture, seed)))
        for name, (architecture, seed) in kinds.items()
    ]


@pytest.fixture(scope="module")
def scores(models: list[OpenModel]) -> ExternalScores:
    return score_external(models, TEXTS, SETTINGS)


def test_models_are_grouped_by_tokenizer(scores: ExternalScores) -> None:
    assert scores.groups == (("distilbert", "other", FREQUENCY), ("roberta", FREQUENCY))
    for names, rows in zip(scores.groups, scores.masked, strict=True):
        assert tuple(dict.fromkeys(each.model for each in rows)) == names
        assert {each.language for each in rows} == {"en", "ru"}
        for metric in ("mrr", "accuracy", "loss"):
            counts = {(each.language, each.n) for each in rows if each.metric == metric}
            assert len(counts) == 2, "the same positions for all of a group"


def test_masked_scores_are_those_of_the_positions(models: list[OpenModel], scores: ExternalScores) -> None:
    opened = models[1]
    lines = tokenize_lines(opened.tokenizer, TEXTS["en"], opened.max_tokens)
    masks = TestMasks(0.15, 1, None, 0, opened.special)
    positions = score_positions(model_predictor(opened.model), "en", lines.text, masks)
    found = {each.metric: each for each in scores.masked[0] if (each.model, each.language) == ("other", "en")}
    assert found["mrr"].value == pytest.approx(100 * (1 / positions.ranks).mean())
    assert found["loss"].value == pytest.approx(positions.losses.mean())
    assert found["mrr"].n == len(positions.ranks)
    low, high = found["mrr"].low, found["mrr"].high
    assert low is not None and high is not None and low <= found["mrr"].value <= high


def test_bits_are_counted_on_words_that_all_can_express(models: list[OpenModel], scores: ExternalScores) -> None:
    lines = spread(TEXTS["en"], 5)
    lacking = tokenize_lines(models[0].tokenizer, lines, 30)
    assert not lacking.expressed.all()
    for opened in models:
        read = tokenize_lines(opened.tokenizer, lines, opened.max_tokens)
        bits = word_bits(opened, read)[lacking.expressed].sum()
        characters = read.characters[lacking.expressed].sum()
        (found,) = (each for each in scores.bits if (each.model, each.language) == (opened.name, "en"))
        assert found.value == pytest.approx(bits / characters)
        assert found.n == characters
    share = lacking.characters[~lacking.expressed].sum() / lacking.characters.sum()
    told = {each.model: each.unexpressed for each in scores.coverage if each.language == "en"}
    assert told == {"distilbert": pytest.approx(share), "other": pytest.approx(share), "roberta": 0}


def test_without_likelihood(models: list[OpenModel]) -> None:
    scores = score_external(models[:1], {"en": TEXTS["en"]}, EvalSettings(resamples=100, likelihood_lines=0))
    assert scores.bits == scores.coverage == () and scores.masked[0]


def test_text_that_cannot_be_scored(models: list[OpenModel]) -> None:
    with pytest.raises(InputError, match="no token of the text of en came to be masked"):
        score_external(models[:1], {"en": ["自由"]}, SETTINGS)
    with pytest.raises(InputError, match="no word of zh that all of the models can express"):
        score_external(models, {"zh": ["自由. " * 9]}, EvalSettings(resamples=100, rate=0.9))


def test_lines_are_spread_evenly() -> None:
    lines = [str(number) for number in range(10)]
    assert spread(lines, 99) == lines and spread(lines, 3) == ["0", "3", "6"]


def test_all_numbers_are_written(scores: ExternalScores, tmp_path: Path) -> None:
    write_external_scores(tmp_path / "scores.json", scores)
    tree = json.loads((tmp_path / "scores.json").read_text())
    assert [group["models"] for group in tree["groups"]] == [list(names) for names in scores.groups]
    assert [row["value"] for row in tree["bits"]] == [each.value for each in scores.bits]
    numbers = [row["value"] for group in tree["groups"] for row in group["scores"]]
    assert len(numbers) == sum(map(len, scores.masked)) and np.isfinite(numbers).all()


def test_texts_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "ru.txt").write_text(f"\n {SCRIPTS['ru']} \n\n  \nещё\n", encoding="utf-8")
    assert read_texts([f"ru={tmp_path / 'ru.txt'}"]) == {"ru": [f" {SCRIPTS['ru']} ", "ещё"]}


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name, line in {"b.txt": SCRIPTS["el"], "a.txt": SCRIPTS["en"], "below/c.txt": "ğ", "d.jsonl": "{}"}.items():
        (tmp_path / name).write_text(f"{line}\n", encoding="utf-8")
    assert read_texts([f"el={tmp_path}"]) == {"el": [SCRIPTS["en"], SCRIPTS["el"], "ğ"]}
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \S*\.txt|no file|holds no"):
        read_texts([f"el={tmp_path / 'empty'}"])


def _refused(tmp_path: Path) -> Iterator[tuple[list[str], str]]:
    blank, text = tmp_path / "blank.txt", tmp_path / "en.txt"
    blank.write_text("\n \n")
    text.write_text("x\n")
    yield [str(text)], "names no text"
    yield ["en="], "names no text"
    yield [f"xx1={text}"], "not a language code"
    yield [f"en={text}", f"en={text}"], "two texts"
    yield [f"en={blank}"], "no text"
    yield [f"en={tmp_path / 'nowhere.txt'}"], "cannot be read"
    for name, kind in (("en.jsonl.gz", "jsonl"), ("en.parquet", "parquet"), ("enwiki.xml.bz2", "wikipedia")):
        yield [f"en={tmp_path / name}"], f"no plain text: its name says {kind}"


def test_texts_that_are_refused(tmp_path: Path) -> None:
    for named, said in _refused(tmp_path):
        with pytest.raises(InputError, match=said) as caught:
            read_texts(named)
        assert caught.value.fix
    with pytest.raises(InputError) as caught:
        read_texts(["german=x.txt"])
    assert caught.value.where == "--text german=x.txt"


def test_words_that_are_clauses_are_told(models: list[OpenModel], capsys: pytest.CaptureFixture[str]) -> None:
    for text, said in ((SCRIPTS["en"], False), ("ຄົນເຮົາເກີດມາມີອິດສະຫຼະ ແລະສະເໝີພາບກັນໃນສັກສີ", True)):
        scores = score_external([models[2]], {"lo": [text] * 3}, SETTINGS)
        words = text.split()
        assert scores.coverage[0].word_length == pytest.approx(np.mean([len(word) for word in words]))
        print_external_scores(Console(width=200), scores)
        assert ("In lo that is a clause" in capsys.readouterr().out) is said
