"""Pieces as people read them."""

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel
from tokenizers.models import WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.vocabulary.settings import CONTINUATION, WORD_START


def readable_pieces(tokenizer: PreTrainedTokenizerFast, text: str) -> tuple[str, ...]:
    """The pieces that `text` is cut into, without special tokens.

    A byte-level tokenizer writes a sign for each byte (`Ġà¤®` for ` म`); here its pieces are letters again, with ▁ for
    the space, and � for each part of a letter that is cut.
    """
    # Not `tokenize`: where Unigram's id is that of [UNK], it shows the character.
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    pieces = [str(tokenizer.convert_ids_to_tokens(identity)) for identity in ids]
    if "ByteLevel" not in str(tokenizer.backend_tokenizer.decoder):
        return tuple(pieces)
    letters = ByteLevel()
    return tuple(letters.decode([piece]).replace(" ", WORD_START) for piece in pieces)


def piece_text(tokenizer: PreTrainedTokenizerFast, piece: int) -> str:
    """A piece of the vocabulary to read, in one way for all kinds: ## where it goes on with the word before it."""
    backend: Tokenizer = tokenizer.backend_tokenizer
    raw: str | None = backend.id_to_token(piece)
    if raw is None:  # a row of the model that no entry of the tokenizer belongs to
        return f"<{piece}>"
    if isinstance(backend.model, WordPiece) or piece in tokenizer.added_tokens_decoder:
        return raw
    space, text = WORD_START, raw.replace(WORD_START, " ")
    if "ByteLevel" in str(backend.decoder):
        letters = ByteLevel().decode([raw])
        space, text = "Ġ", raw if "\ufffd" in letters else letters  # some pieces are no whole characters
    return (text.strip() or raw) if raw.startswith(space) else CONTINUATION + text
