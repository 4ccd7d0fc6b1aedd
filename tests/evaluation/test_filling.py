"""Words for [MASK], against the whole forward pass of the model itself."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from equiglot.errors import InputError
from equiglot.evaluation import fill
from equiglot.models import open_model
from equiglot.vocabulary import piece_text
from tests.stock import ARCHITECTURES, KINDS, SCRIPTS, save_stock, train_tokenizer


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_fillers_are_the_models_own(architecture: str, tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path, architecture)))
    mask, tokenizer = str(opened.tokenizer.mask_token), opened.tokenizer
    ids = tokenizer.encode(f"All {mask} beings are {mask}.", add_special_tokens=False)
    inputs = torch.tensor([[tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]], device=opened.model.device)
    own = opened.model(input_ids=inputs).logits[inputs == tokenizer.mask_token_id].softmax(-1).cpu()
    found = fill(opened, "All [MASK] beings are [MASK].", top=3)
    assert len(found) == len(own) == 2
    for fillers, probabilities in zip(found, own, strict=True):
        best = probabilities.topk(3)
        assert [each.text for each in fillers] == [piece_text(tokenizer, int(number)) for number in best.indices]
        torch.testing.assert_close(torch.tensor([each.probability for each in fillers]), best.values)


def test_more_fillers_than_words(tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path, "bert")))
    (all_of_them,) = fill(opened, "[MASK]", top=10**6)
    assert len(all_of_them) == len(opened.tokenizer)
    assert sum(each.probability for each in all_of_them) == pytest.approx(1, abs=1e-4)


def test_what_the_tokenizer_says_of_batches_changes_nothing(tmp_path: Path) -> None:
    folder = save_stock(tmp_path, "bert")
    expected = fill(open_model("stock", str(folder)), "Все люди [MASK] свободными")
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.enable_truncation(4)
    backend.save(str(folder / "tokenizer.json"))
    assert fill(open_model("stock", str(folder)), "Все люди [MASK] свободными") == expected
    backend.no_truncation()
    backend.enable_padding(length=36)
    backend.save(str(folder / "tokenizer.json"))
    assert fill(open_model("stock", str(folder)), "Все люди [MASK] свободными") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [("All human beings", r"no \[MASK\]"), ("[MASK] <mask>", "sees 2 masks"), ("[MASK] " + 99 * "a ", "tokens")],
)
def test_text_that_cannot_be_filled(tmp_path: Path, text: str, said: str) -> None:
    opened = open_model("stock", str(save_stock(tmp_path, "roberta")))
    with pytest.raises(InputError, match=said):
        fill(opened, text)


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_make_words_again(kind: str) -> None:
    tokenizer = train_tokenizer(kind)
    for code in ("en",) if kind == "byte-bpe" else ("en", "ru", "ko"):  # pieces of bytes need not be letters
        ids = tokenizer.encode(SCRIPTS[code].rstrip("."), add_special_tokens=False)
        pieces = [piece_text(tokenizer, number) for number in ids]
        if kind == "wordpiece":
            expected = tokenizer.backend_tokenizer.normalizer.normalize_str(SCRIPTS[code])
            assert "##" not in pieces[0]
        else:
            expected = SCRIPTS[code]
            pieces[0] = pieces[0].removeprefix("##")  # a byte-level tokenizer marks words by the space before them
        # A space may be a piece of its own.
        joined = " ".join(pieces).replace(" ##", "").replace("▁", "").replace("Ġ", "")
        assert joined == expected.rstrip("."), kind


def test_what_is_no_word() -> None:
    tokenizer = train_tokenizer("byte-bpe")
    first_byte = tokenizer.convert_tokens_to_ids("Ð")  # of two that make a Cyrillic letter
    assert piece_text(tokenizer, first_byte) == "##Ð"
    assert piece_text(tokenizer, tokenizer.convert_tokens_to_ids("Ġ")) == "Ġ"
    assert piece_text(tokenizer, tokenizer.mask_token_id) == "<mask>"
    assert piece_text(tokenizer, len(tokenizer) + 5) == f"<{len(tokenizer) + 5}>"
