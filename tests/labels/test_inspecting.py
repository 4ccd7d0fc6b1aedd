"""A store in numbers and in words."""

from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from equiglot.corpus.documents import SentenceWriter
from equiglot.display import print_store
from equiglot.errors import InputError
from equiglot.labels import LabelStore, StoreSettings, inspect_store, label_text, open_store
from equiglot.masking import MaskSettings, Source
from equiglot.models import OpenModel, open_model
from equiglot.vocabulary import TokenizedText, open_tokens, piece_text, tokenise_split
from tests.articles import ARTICLE
from tests.stock import save_stock

_Made = tuple[OpenModel, TokenizedText, LabelStore]


@pytest.fixture(scope="module", params=["bert", "roberta"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> _Made:
    """A teacher's labels of articles in many scripts."""
    folder = tmp_path_factory.mktemp("made")
    opened = open_model("teacher", str(save_stock(folder / "model", request.param)))
    sentences = [sentence.encode() for sentence in ARTICLE.values()] * 3
    with SentenceWriter(folder / "text.arrow") as writer:
        writer.write(b"".join(sentences), [len(each) for each in sentences])
    tokenise_split(folder / "text.arrow", opened.tokenizer, opened.max_tokens, folder / "tokens")
    text = open_tokens(folder / "tokens")
    source = Source("mul", text, opened.special, MaskSettings(rate=0.3), seed=1)
    settings = StoreSettings(k=4, samples=2, temperature=2)
    assert label_text(opened.model, source, opened.special, settings, {}, folder / "store")
    return opened, text, open_store(folder / "store")


def test_sizes_and_means(made: _Made) -> None:
    _, _, store = made
    summary = inspect_store(store.path, None, None)
    assert summary.examples == () and summary.manifest == store.manifest
    assert summary.size == sum(file.stat().st_size for file in store.path.rglob("*") if file.is_file())
    assert summary.bytes_a_position == pytest.approx(summary.size / store.positions)
    assert summary.dense_size == 2 * store.vocabulary_size * store.positions
    rows = store.read(np.arange(store.positions))
    assert summary.kept == pytest.approx(1 - rows.rest.mean(), rel=1e-4)
    # An untrained teacher is rather indifferent.
    indifferent = np.log(store.vocabulary_size)
    assert 0.8 * indifferent < summary.entropy < indifferent < summary.loss
    assert 0 <= summary.agreement < 0.2


def test_examples_are_what_the_teacher_says(made: _Made) -> None:
    opened, text, store = made
    examples = inspect_store(store.path, opened.tokenizer, text, examples=6).examples
    assert len(examples) == 6
    pieces = {piece_text(opened.tokenizer, number) for number in range(len(opened.tokenizer))}
    for example in examples:
        words, shares = zip(*example.top_k, strict=True)
        assert len(words) == 4 and pieces.issuperset({*words, *example.samples, example.gold})
        assert sum(shares) + example.rest == pytest.approx(1, abs=1e-3)
        assert not set(words) & set(example.samples)


def test_the_first_example_by_hand(made: _Made) -> None:
    opened, text, store = made
    found = inspect_store(store.path, opened.tokenizer, text, examples=1).examples[0]
    source = Source("mul", text, opened.special, store.manifest.masks, seed=1)
    masked = source.read(np.array([0]), np.array([0]))
    hidden = np.flatnonzero(masked.chosen & (masked.inputs == opened.special.mask))
    place = int(hidden[len(hidden) // 2])
    whole = [opened.special.first, *masked.inputs.tolist(), opened.special.last]
    inputs = torch.tensor([whole], device=opened.model.device)
    with torch.no_grad():
        logits = opened.model(input_ids=inputs, attention_mask=torch.ones_like(inputs)).logits[0, place + 1]
    values, ids = torch.softmax(logits / 2, -1).topk(4)
    assert [word for word, _ in found.top_k] == [piece_text(opened.tokenizer, int(number)) for number in ids]
    assert [share for _, share in found.top_k] == pytest.approx(values.tolist(), rel=5e-3)
    assert found.gold == piece_text(opened.tokenizer, int(masked.ids[place]))
    assert found.before == opened.tokenizer.decode(masked.inputs[:place]).strip()


def test_a_store_is_shown(made: _Made) -> None:
    opened, text, store = made
    console = Console(width=200, record=True, file=StringIO())
    summary = inspect_store(store.path, opened.tokenizer, text, examples=3)
    print_store(console, summary)
    shown = console.export_text()
    expected = (
        f"{store.positions:,} in 1 shard(s)",
        f"{summary.bytes_a_position:.1f} bytes a position",
        f"4 of {store.vocabulary_size} ids, log-probabilities in fp16, 2 sampled from the rest, at temperature 2",
        "nats",
    )
    assert all(each in shown for each in expected)
    assert all(f"[{example.gold}]" in shown for example in summary.examples if example.gold.isalpha())


def test_another_text_is_refused(made: _Made) -> None:
    opened, text, store = made
    shorter = TokenizedText(text.ids, text.offsets[:5], text.characters[:5])
    with pytest.raises(InputError, match="the text has 4 sequences"):
        inspect_store(store.path, opened.tokenizer, shorter)
