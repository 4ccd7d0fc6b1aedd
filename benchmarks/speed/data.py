"""The text that all contestants train on: five languages of the embedded sample, prepared once by Equiglot itself; or,
for models of a size that people use, made-up text whose words are as frequent as Zipf's law says."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from equiglot.masking import BatchSettings, BatchStream, MaskSettings, Source, SpecialTokens, special_tokens_of
from equiglot.models import EncoderSettings
from equiglot.run import RunDirectory
from equiglot.vocabulary import TokenizedText, load_tokenizer, open_tokens


@dataclass(frozen=True)
class Model:
    """What is trained.

    Attributes:
        encoder: its layers.
        entries: of its vocabulary.
        batch: sentences in a batch, for every contestant.
        sequences: of made-up text in each language; None: the sample's text, in a vocabulary learnt from it.
    """

    encoder: EncoderSettings
    entries: int
    batch: int = 32
    sequences: int | None = None


MODELS = {
    "demo": Model(EncoderSettings(layers=2, heads=4, hidden_size=128, max_length=64), 4000),
    "small": Model(EncoderSettings(layers=4, heads=4, hidden_size=192, max_length=64), 8000),
    # Paper 1, appendix E.1: 51,193,168 parameters.
    "paper1": Model(EncoderSettings(feed_forward=3072), 50_000, batch=512, sequences=40_000),
    "paper1-large": Model(EncoderSettings(feed_forward=3072), 50_000, batch=2048, sequences=40_000),
    # 111 million, of which 96 are the vocabulary's, as in small models of a hundred languages.
    "wide": Model(EncoderSettings(layers=8, heads=6, hidden_size=384), 250_000, batch=128, sequences=40_000),
    "tiny": Model(EncoderSettings(layers=1, heads=2, hidden_size=32, max_length=64), 500, batch=8, sequences=400),
}

LANGUAGES = ("en", "ru", "fr", "tr", "ko")
_NAMES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Prepared:
    """The tokenised text of one vocabulary."""

    texts: dict[str, TokenizedText]
    tokenizer: PreTrainedTokenizerFast
    model: Model

    @property
    def size(self) -> int:
        """Entries of the vocabulary."""
        return len(self.tokenizer)

    @cached_property
    def special(self) -> SpecialTokens:
        return special_tokens_of(self.tokenizer)

    def sequences(self) -> list[np.ndarray]:
        """Every sequence with [CLS] and [SEP], int64 [tokens] each, language after language."""
        special = self.special
        return [
            np.concatenate([[special.first], text.ids[text.offsets[i] : text.offsets[i + 1]], [special.last]])
            for text in self.texts.values()
            for i in range(len(text))
        ]

    def source(self, language: str, sequences: int | None = None) -> Source:
        """A language's text, or its first sequences."""
        return Source(language, self.texts[language], self.special, MaskSettings(), 0, sequences=sequences)

    def stream(self) -> BatchStream:
        """Equiglot's batches over all of it."""
        return BatchStream(
            [self.source(language) for language in self.texts],
            [dict.fromkeys(self.texts, 1.0)],
            size=BatchSettings(sentences=self.model.batch),
            special=self.special,
            seed=0,
        )


def prepare(name: str, folder: Path) -> RunDirectory | None:
    """Cleans, splits and tokenises the sample for a model's vocabulary, and trains a teacher of one update for each
    language: what a teacher says does not matter here, only what it costs. None where the text is made up."""
    model = MODELS[name]
    if model.sequences is not None:
        return None
    from equiglot.pipeline import Machine, run_recipe
    from equiglot.recipe import load_recipe

    settings = [
        "name=speed",
        f"vocabulary.size={model.entries}",
        "training.updates=1",
        "training.validations=1",
        f"training.batch.sentences={model.batch}",
        "evaluation=[{task: mlm, sequences: 10}]",
        f"encoder.layers={model.encoder.layers}",
        f"encoder.hidden_size={model.encoder.hidden_size}",
    ]
    run_recipe(load_recipe("demo", settings), folder, machine=Machine.of_here(None))
    return RunDirectory(folder)


def load(name: str, run: RunDirectory | None) -> Prepared:
    """What `prepare` made, or made-up text."""
    model = MODELS[name]
    if run is None:
        return Prepared(_made_up(model), _tokenizer(model.entries), model)
    texts = {language: open_tokens(run.tokens(language) / "train") for language in LANGUAGES}
    return Prepared(texts, load_tokenizer(run.vocabulary), model)


def _made_up(model: Model) -> dict[str, TokenizedText]:
    """Sentences of the same seed every time: the n-th word in proportion to 1 / n, other words first in each language;
    lengths log-normal, 28 words in the middle, cut at the model's."""
    texts = {}
    for number, language in enumerate(LANGUAGES):
        generator = np.random.default_rng(number)
        lengths = np.exp(generator.normal(np.log(28), 0.6, model.sequences)).astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths.clip(3, model.encoder.max_length - 2))])
        words = model.entries - len(_NAMES)
        shares = np.cumsum(1 / np.arange(1, words + 1))
        ranks = np.searchsorted(shares, generator.random(offsets[-1]) * shares[-1])
        ids = len(_NAMES) + generator.permutation(words)[ranks.clip(max=words - 1)]
        texts[language] = TokenizedText(ids.astype(np.uint32), offsets, 4 * offsets)
    return texts


@cache
def _tokenizer(entries: int) -> PreTrainedTokenizerFast:
    words = [*_NAMES, *(f"w{number}" for number in range(entries - len(_NAMES)))]
    backend = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(tokenizer_object=backend, **dict(zip(names, _NAMES, strict=True)))
