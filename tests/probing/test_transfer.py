"""Every language's probe on every language's words: which are trained, which penalty is chosen, what is written."""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equiglot.models import open_model
from equiglot.probing import (
    Features,
    PairPredictions,
    Probing,
    open_features,
    probe_pairs,
    read_predictions,
    write_features,
    write_predictions,
)
from equiglot.probing.converged import train_converged
from equiglot.tasks import LabelledSplit, OpenTask
from tests.articles import ARTICLE
from tests.conftest import ROOT
from tests.probing.conftest import LANGUAGES, SENTENCES, make_task
from tests.probing.test_converged import labelled
from tests.stock import save_stock

FIXED = {"kind": "fixed", "seeds": 3, "learning_rate": 1e-2}


def accuracy(gold: Any, predicted: Any) -> float:
    return float((gold == predicted).mean())


class _Without(OpenTask):
    """A task some of whose splits are not there."""

    gone: Sequence[tuple[str, str]] = ()

    def split(self, language: str, split: str) -> LabelledSplit | None:
        return None if (language, split) in self.gone else super().split(language, split)


def _pairs(
    task: OpenTask, features: Features, settings: Probing, languages: Sequence[str] = LANGUAGES
) -> list[PairPredictions]:
    return [pair for pairs in probe_pairs(task, features, languages, settings, accuracy) for pair in pairs]


@pytest.mark.parametrize("layers", ["last", "mix"])
@pytest.mark.parametrize("probe", ["converged", FIXED])
def test_every_language_is_tested_with_every_probe(
    shapes: OpenTask, shape_features: Features, probe: Any, layers: str
) -> None:
    settings, done = Probing(probe=probe, layers=layers), list[int]()
    found = list(probe_pairs(shapes, shape_features, LANGUAGES, settings, accuracy, done.append))
    assert done == [1, 1, 1] and [pairs[0].source for pairs in found] == list(LANGUAGES)
    repeats = 1 if probe == "converged" else 3
    for pairs in found:
        assert [(pair.target, pair.seed) for pair in pairs] == [(code, n) for code in LANGUAGES for n in range(repeats)]
        for pair in pairs:
            gold = shapes.split(pair.target, "test").labels
            assert pair.predicted.dtype == np.int16 and pair.predicted.shape == gold.shape
            assert pair.facts.source == pair.source and pair.facts.items == len(
                shapes.split(pair.source, "train").labels
            )
        layer_rows = np.array(pairs[0].facts.layers)
        assert layer_rows.shape == ((repeats, 3) if layers == "mix" else (0,))
        if layers == "mix":
            np.testing.assert_allclose(layer_rows.sum(1), 1, atol=1e-6)


def test_facts_tell_how_a_penalty_was_chosen(shapes: OpenTask, shape_features: Features) -> None:
    settings = Probing()
    for pair in _pairs(shapes, shape_features, settings):
        facts = pair.facts
        penalties, scores = zip(*facts.dev, strict=True)
        assert penalties == tuple(sorted(settings.probe.penalties, reverse=True))
        assert facts.penalty == penalties[int(np.argmax(scores))], "the first, the strongest, of equals"
        assert facts.converged and facts.iterations > 1 and 0 < facts.slope < 0.05
    (first, *_), trained = _pairs(shapes, shape_features, settings), labelled(shapes, shape_features, "en", layer=None)
    dev, test = (labelled(shapes, shape_features, "en", split, None) for split in ("dev", "test"))
    again = train_converged(trained, settings.probe.penalties, mixed=False)
    for (penalty, score), (probe, _) in zip(first.facts.dev, again, strict=True):
        assert accuracy(dev.labels, probe.predict(dev.states)[0]) == score
        if penalty == first.facts.penalty:
            assert np.array_equal(first.predicted, probe.predict(test.states)[0])


def test_the_stronger_penalty_wins_a_tie(shapes: OpenTask, shape_features: Features) -> None:
    settings = Probing(probe={"kind": "converged", "penalties": (1e-4, 1e-2)})
    found = next(probe_pairs(shapes, shape_features, ["en"], settings, lambda gold, predicted: 0.5))
    assert found[0].facts.penalty == 1e-2 and found[0].facts.dev == ((1e-2, 0.5), (1e-4, 0.5))


def test_languages_lack_what_they_lack(shapes: OpenTask, shape_features: Features, tmp_path: Path) -> None:
    for path in shape_features.folder.iterdir():
        if path.name != "ru-test.npy":
            (tmp_path / path.name).symlink_to(path)
    task = _Without(shapes.folder, shapes.summary)
    object.__setattr__(task, "gone", [("ar", "train"), ("ru", "test"), ("en", "dev")])
    found = _pairs(task, open_features(tmp_path), Probing(), [*LANGUAGES, "vi"])
    assert [(pair.source, pair.target) for pair in found] == [("en", "en"), ("en", "ar"), ("ru", "en"), ("ru", "ar")]
    without_dev, with_dev = found[0].facts, found[-1].facts
    assert without_dev.dev == () and without_dev.penalty == max(Probing().probe.penalties)
    assert len(with_dev.dev) == len(Probing().probe.penalties)


def test_a_model_of_one_language_is_tested_on_it(shapes: OpenTask, shape_features: Features) -> None:
    alone, all_of_them = (_pairs(shapes, shape_features, Probing(), codes) for codes in (["ru"], LANGUAGES))
    assert [(pair.source, pair.target) for pair in alone] == [("ru", "ru")]
    same = next(pair for pair in all_of_them if pair.source == pair.target == "ru")
    assert np.array_equal(alone[0].predicted, same.predicted) and alone[0].facts == same.facts


@pytest.mark.parametrize("probe", ["converged", FIXED])
def test_predictions_can_be_read_back(shapes: OpenTask, shape_features: Features, probe: Any, tmp_path: Path) -> None:
    written = _pairs(shapes, shape_features, Probing(probe=probe, layers="mix"), ["en", "ar"])
    write_predictions(tmp_path, written)
    assert {path.name for path in tmp_path.iterdir()} == {"predictions.safetensors", "facts.json"}
    read = {(pair.source, pair.target, pair.seed): pair for pair in read_predictions(tmp_path)}
    assert len(read) == len(written)
    for pair in written:
        other = read[pair.source, pair.target, pair.seed]
        assert np.array_equal(other.predicted, pair.predicted) and other.facts == pair.facts


def test_texts_are_classified(tmp_path: Path) -> None:
    """Which script a text is in: any model can tell, by the mean of its tokens."""
    texts = {script: [ARTICLE[code]] for code, script in (("en", "latin"), ("hi", "devanagari"), ("ko", "hangul"))}
    pieces = [(script, [text[0][begin:]]) for script, text in texts.items() for begin in range(0, 30)]
    rows = [(piece, [script]) for script, piece in pieces]
    splits = {("en", split): rows[number::3] for number, split in enumerate(SENTENCES)}
    task = make_task(tmp_path, splits, sorted(texts), "sentence")
    write_features(
        open_model("tiny", str(save_stock(tmp_path / "model", "xlm-roberta"))), task, ["en"], "last", tmp_path
    )
    (pair,) = _pairs(task, open_features(tmp_path), Probing(), ["en"])
    assert accuracy(task.split("en", "test").labels, pair.predicted) > 0.6


def digest(task: OpenTask, features: Features) -> str:
    """What stands for all that is learnt and predicted."""
    found = hashlib.blake2b()
    for probe in ("converged", FIXED):
        for pair in _pairs(task, features, Probing(probe=probe, layers="mix"), ["en", "ar"]):
            found.update(pair.predicted.tobytes() + pair.facts.model_dump_json().encode())
    return found.hexdigest()


def test_another_process_with_other_threads_finds_the_same(shapes: OpenTask, shape_features: Features) -> None:
    (shapes.folder / "task.json").write_text(shapes.summary.model_dump_json(), encoding="utf-8")
    program = "import sys, torch; from pathlib import Path; from equiglot.probing import open_features; "
    program += "from equiglot.tasks import open_task; from tests.probing.test_transfer import digest; "
    program += "torch.set_num_threads(3); task, features = map(Path, sys.argv[1:]); "
    program += "print(digest(open_task(task), open_features(features)))"
    command = [sys.executable, "-c", program, str(shapes.folder), str(shape_features.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == digest(shapes, shape_features)
