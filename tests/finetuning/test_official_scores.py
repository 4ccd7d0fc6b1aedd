"""LAS and UAS against the script of the CoNLL 2018 shared task, as the package udtools has it."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from udtools.udeval import UDError, evaluate, load_conllu

from equiglot.evaluation import METRICS, Gold
from equiglot.finetuning import FineTuning, fine_tune, name_data, open_parser, parse
from equiglot.tasks import maximum_tree
from equiglot.tasks.formats import BROKEN_TREES, read_conllu
from tests.finetuning.conftest import Model
from tests.finetuning.treebanks import TREES, block, write_treebanks

Trees = list[list[tuple[int, str]]]
SPANISH = """1\tVámonos\t_\tVERB\t_\t_\t0\troot\t_\t_
2-3\tal\t_\t_\t_\t_\t_\t_\t_\t_
2\ta\t_\tADP\t_\t_\t4\tcase\t_\t_
3\tel\t_\tDET\t_\t_\t4\tdet\t_\t_
4\tmar\t_\tNOUN\t_\t_\t1\tobl:arg\t_\tSpaceAfter=No
4.1\tvamos\t_\tVERB\t_\t_\t_\t_\t1:dep\t_
5\t.\t_\tPUNCT\t_\t_\t1\tpunct\t_\t_
"""


def official(gold: str, system: str) -> dict[str, float]:
    """What the script says of two files."""
    found = evaluate(*(load_conllu(io.StringIO(text), "", {}) for text in (gold, system)))
    assert found["Words"].f1 == 1
    return {name.lower(): 100 * found[name].f1 for name in ("UAS", "LAS")}


def ours(gold: Trees, predicted: Trees) -> dict[str, float]:
    """What our metrics say."""
    labels = sorted({label for each in (gold, predicted) for tree in each for _, label in tree})
    numbers = [
        np.array([(head, labels.index(label)) for tree in each for head, label in tree], np.int16)
        for each in (gold, predicted)
    ]
    right = Gold(numbers[0], np.array([len(tree) for tree in gold]))
    scores = {}
    for name in ("uas", "las"):
        rule = METRICS[name].labels
        assert rule is not None
        scores[name] = float(rule.score(rule.count(right, numbers[1], labels).sum(axis=0).astype(np.float64)))
    return scores


def with_trees(text: str, trees: Trees) -> str:
    """A file of CoNLL-U with other heads and relations."""
    arcs, lines = (arc for tree in trees for arc in tree), []
    for line in text.splitlines():
        columns = line.split("\t")
        if columns[0].isdigit():
            head, relation = next(arcs)
            columns[6:8] = str(head), relation
        lines.append("\t".join(columns))
    assert next(arcs, None) is None
    return "\n".join(lines) + "\n"


def read(file: Path) -> tuple[list[list[str]], Trees]:
    """Words and trees of a file."""
    found = [each for each in read_conllu(file, Counter(), trees=True) if each.words]
    return [each.words for each in found], [list(zip(each.heads, each.labels, strict=True)) for each in found]


def guesses(trees: Trees, generator: np.random.Generator) -> Iterator[list[tuple[int, str]]]:
    """Trees that are right in part, with subtypes, which do not count."""
    relations = sorted({relation for tree in trees for _, relation in tree})
    for tree in trees:
        scores = generator.normal(size=(len(tree), len(tree) + 1))
        scores[np.arange(len(tree)), [head for head, _ in tree]] += 2
        drawn = generator.random(len(tree))
        names = [
            relation + ":sub" * bool(draw < 0.2) if draw < 0.8 else str(generator.choice(relations))
            for (_, relation), draw in zip(tree, drawn, strict=True)
        ]
        yield list(zip(maximum_tree(scores).tolist(), names, strict=True))


def cut(trees: Trees) -> Trees:
    """Without subtypes."""
    return [[(head, relation.partition(":")[0]) for head, relation in tree] for tree in trees]


@pytest.mark.parametrize("seed", range(5))
def test_guesses_in_eight_languages_score_what_the_script_says(seed: int, tmp_path: Path) -> None:
    blocks = [block(sentence) for sentences in TREES.values() for sentence in sentences]
    text = "\n".join([*blocks, SPANISH, ""])
    (tmp_path / "gold.conllu").write_text(text, encoding="utf-8")
    _, gold = read(tmp_path / "gold.conllu")
    assert gold[-1] == [(0, "root"), (4, "case"), (4, "det"), (1, "obl"), (1, "punct")]
    predicted = list(guesses(gold, np.random.default_rng(seed)))
    expected = official(text, with_trees(text, predicted))
    assert ours(gold, cut(predicted)) == pytest.approx(expected) and 20 < expected["las"] < expected["uas"] < 100


def test_a_parsers_trees_score_what_the_script_says(model: Model, tmp_path: Path) -> None:
    """Trained for a moment; the scores are those that fine-tuning has written."""
    data = write_treebanks(tmp_path / "data", ["en", "ko"])
    settings = FineTuning(epochs=2, learning_rate=2e-3, precision="fp32", resamples=100)
    done = fine_tune(
        model("modernbert"), name_data("parse", [data], ["en", "ko"]), ["en", "ko"], settings, tmp_path / "p"
    )
    parser = open_parser(done.folder)
    for code in ("en", "ko"):
        text = (tmp_path / "data" / f"{code}-test.conllu").read_text(encoding="utf-8")
        words, _ = read(tmp_path / "data" / f"{code}-test.conllu")
        expected = official(text, with_trees(text, parse(parser, words)))
        written = {row.metric: row.value for row in done.scores if row.language == code}
        assert written == pytest.approx(expected)


@pytest.mark.parametrize("tree", ["a/2/dep b/1/dep c/0/root", "a/0/root b/0/root", "a/2/dep b/1/dep", "a/1/dep"])
def test_trees_that_the_script_refuses_are_counted_as_broken(tree: str, tmp_path: Path) -> None:
    with pytest.raises(UDError):
        load_conllu(io.StringIO(f"{block(tree)}\n"), "", {})
    (tmp_path / "gold.conllu").write_text(f"{block(tree)}\n{block('a/0/root')}\n", encoding="utf-8")
    notes: Counter[str] = Counter()
    assert len(list(read_conllu(tmp_path / "gold.conllu", notes, trees=True))) == 2
    assert notes == {BROKEN_TREES: 1}


TREEBANKS = ("sl_ssj", "tr_imst", "hi_pud", "ko_kaist", "vi_vtb", "de_gsd")


@pytest.mark.slow
@pytest.mark.parametrize("treebank", TREEBANKS)
def test_real_treebanks_score_what_the_script_says(treebank: str, real_data: Path, tmp_path: Path) -> None:
    """Tokens of several words, empty nodes, subtypes, words with spaces: with trees that are right in part."""
    file = real_data / "ud" / f"{treebank}-test.conllu"
    text, (_, gold) = file.read_text(encoding="utf-8"), read(file)
    predicted = list(guesses(gold, np.random.default_rng(0)))
    expected = official(text, with_trees(text, predicted))
    assert ours(gold, cut(predicted)) == pytest.approx(expected) and 20 < expected["las"] < expected["uas"] < 100
