"""The text that all contestants train on: five languages of the embedded sample, prepared once by Equiglot itself."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equiglot.masking import BatchSettings, BatchStream, MaskSettings, Source, SpecialTokens, special_tokens_of
from equiglot.models import EncoderSettings
from equiglot.pipeline import Machine, run_recipe
from equiglot.recipe import load_recipe
from equiglot.run import RunDirectory
from equiglot.vocabulary import TokenizedText, load_tokenizer, open_tokens

SENTENCES = 32
"""Sentences in a batch, for every contestant."""

MODELS = {
    "demo": EncoderSettings(layers=2, heads=4, hidden_size=128, max_length=64),
    "small": EncoderSettings(layers=4, heads=4, hidden_size=192, max_length=64),
}
SIZES = {"demo": 4000, "small": 8000}
"""Entries of the vocabulary."""

LANGUAGES = ("en", "ru", "fr", "tr", "ko")


@dataclass(frozen=True)
class Prepared:
    """The tokenised text of one vocabulary."""

    texts: dict[str, TokenizedText]
    special: SpecialTokens
    size: int

    def sequences(self) -> list[np.ndarray]:
        """Every sequence with [CLS] and [SEP], int64 [tokens] each, language after language."""
        return [
            np.concatenate(
                [
                    [self.special.first],
                    text.ids[text.offsets[i] : text.offsets[i + 1]],
                    [self.special.last],
                ]
            )
            for text in self.texts.values()
            for i in range(len(text))
        ]

    def stream(self) -> BatchStream:
        """Equiglot's batches over all of it."""
        return BatchStream(
            [Source(code, text, self.special, MaskSettings(), 0) for code, text in self.texts.items()],
            [dict.fromkeys(self.texts, 1.0)],
            size=BatchSettings(sentences=SENTENCES),
            special=self.special,
            seed=0,
        )


def prepare(model: str, folder: Path) -> RunDirectory:
    """Cleans, splits and tokenises the sample for a model's vocabulary, and trains a teacher of one update for each
    language: what a teacher says does not matter here, only what it costs."""
    encoder = MODELS[model]
    settings = [
        "name=speed",
        f"vocabulary.size={SIZES[model]}",
        "training.updates=1",
        "training.validations=1",
        f"training.batch.sentences={SENTENCES}",
        "evaluation=[{task: mlm, sequences: 10}]",
        f"encoder.layers={encoder.layers}",
        f"encoder.hidden_size={encoder.hidden_size}",
    ]
    run_recipe(load_recipe("demo", settings), folder, machine=Machine.of_here(None))
    return RunDirectory(folder)


def load(run: RunDirectory) -> Prepared:
    """What `prepare` made."""
    tokenizer = load_tokenizer(run.vocabulary)
    texts = {language: open_tokens(run.tokens(language) / "train") for language in LANGUAGES}
    return Prepared(texts, special_tokens_of(tokenizer), len(tokenizer))
