"""What audits rest on: how vocabularies cut a language, what n-grams score without pretraining, how wide intervals are.

    python -m benchmarks.auditing cut VOCABULARY LANGUAGE=TEXT ...
    python -m benchmarks.auditing ngrams TASK DATA LANGUAGE ...
    python -m benchmarks.auditing coverage

`cut`: VOCABULARY is a vocab.txt of cased WordPiece, TEXT a file with a sentence a line, of which 2,000 are drawn.
`ngrams`: as `equiglot finetune` names tasks and data. `coverage`: how often 95 % intervals of the regression hold 0 in
simulated scores without any effect, by the number of languages; with errors clustered by a sandwich estimator, too.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import t as student
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.evaluation import Bootstrap, measure_segmentation, own_vocabulary
from equiglot.evaluation.fertility import Measure
from equiglot.evaluation.regression import Factor, Fit, Observation, fit
from equiglot.finetuning import fine_tuned_estimates, name_data
from equiglot.finetuning.kinds import KINDS
from equiglot.finetuning.ngrams import ngram_predictions
from equiglot.tasks import build_task, open_task

SENTENCES, ENTRIES, TRIALS = 2000, 8000, 600
BOOTSTRAP = Bootstrap(1000, 0)


def said(measure: Measure) -> str:
    return f"{measure.value:.2f} [{measure.low:.2f}, {measure.high:.2f}]"


def cased_wordpiece(vocabulary: Path) -> PreTrainedTokenizerFast:
    words = vocabulary.read_text(encoding="utf-8").split("\n")
    backend = Tokenizer(WordPiece({word: number for number, word in enumerate(words) if word}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = {"unk": "[UNK]", "pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{name}_token": each for name, each in names.items()})


def cut(vocabulary: str, *texts: str) -> None:
    tokenizer = cased_wordpiece(Path(vocabulary))
    for code, _, file in (text.partition("=") for text in texts):
        lines = [line for line in Path(file).read_text(encoding="utf-8").splitlines() if line.strip()]
        drawn = [lines[place] for place in np.random.default_rng(0).permutation(len(lines))[:SENTENCES]]
        found = measure_segmentation(tokenizer, drawn, code, max_tokens=510, bootstrap=BOOTSTRAP)
        own = own_vocabulary(tokenizer, drawn, code, size=ENTRIES, bootstrap=BOOTSTRAP)
        beside = "" if own is None else f", own {said(own.tokens_a_word)} ({own.size}), {said(own.ratio)} times as many"
        print(
            f"{code}: {said(found.tokens_a_word)} tokens a word, {found.unknown.value:.1%} unknown{beside}", flush=True
        )


def ngrams(task: str, data: str, *languages: str) -> None:
    for code in languages:
        with TemporaryDirectory() as folder:
            build_task(name_data(task, [data], [code]), [code], {}, Path(folder))
            opened, begun = open_task(Path(folder)), time.perf_counter()
            predicted = ngram_predictions(opened, [code], [code])
            seconds, gold = time.perf_counter() - begun, {code: KINDS[task].gold(opened, code)}
            labels = opened.summary.labels
            found = fine_tuned_estimates(
                f"{task}-finetune", labels, gold, predicted, trained=[code], bootstrap=BOOTSTRAP
            )
            scores = ", ".join(f"{key.metric} {each.value:.1f}" for key, each in found.items())
            print(f"{code}: {scores}; {seconds:.0f} s", flush=True)


def coverage() -> None:
    draw, factor = np.random.default_rng(0), Factor("nothing", "each unit of nothing")
    for languages in (5, 10, 20, 50):
        held = {"jackknife": 0, "sandwich": 0}
        for _ in range(TRIALS):
            values, effects = draw.normal(size=languages), draw.normal(size=(2, languages, 3))
            scores = effects[0][:, :1] + effects[1]
            rows = [
                Observation(
                    str(code), str(model), "task", float(scores[code, model]), {factor.name: float(values[code])}
                )
                for code in range(languages)
                for model in range(3)
            ]
            found = fit(rows, [factor])
            assert isinstance(found, Fit)
            held["jackknife"] += found.coefficients[0].low <= 0 <= found.coefficients[0].high
            held["sandwich"] += _sandwich_holds(values, scores)
        print(f"{languages} languages: " + ", ".join(f"{name} {each / TRIALS:.1%}" for name, each in held.items()))


def _sandwich_holds(values: np.ndarray, scores: np.ndarray) -> bool:
    """Whether the interval of statsmodels' clustered errors holds 0."""
    from statsmodels.regression.linear_model import OLS

    languages, models = scores.shape
    design = np.column_stack([np.repeat(values, models), np.tile(np.eye(models), (languages, 1))])
    clusters = {"groups": np.repeat(np.arange(languages), models), "use_correction": True}
    found = OLS(scores.ravel(), design).fit(cov_type="cluster", cov_kwds=clusters)
    return bool(abs(found.params[0]) <= student.ppf(0.975, languages - 1) * found.bse[0])


if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or ["help"]
    commands = {"cut": cut, "ngrams": ngrams, "coverage": coverage}
    if command not in commands:
        sys.exit(__doc__)
    commands[command](*arguments)
