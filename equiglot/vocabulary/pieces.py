"""Pieces as people read them."""

from tokenizers.decoders import ByteLevel
from transformers import PreTrainedTokenizerFast

from equiglot.vocabulary.settings import WORD_START


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
