"""From sentences to token ids: learning a vocabulary, its Hugging Face folder, and tokenised text on disk."""

from equiglot.vocabulary.folder import check_same_vocabulary, load_tokenizer, write_tokenizer
from equiglot.vocabulary.settings import CONTINUATION, SPECIAL_TOKENS, VocabularySettings
from equiglot.vocabulary.tokenising import TokenStatistics, tokenise_split
from equiglot.vocabulary.tokens import TokenizedText, open_tokens
from equiglot.vocabulary.training import VocabularyRecord, train_vocabulary

__all__ = [
    "CONTINUATION",
    "SPECIAL_TOKENS",
    "TokenStatistics",
    "TokenizedText",
    "VocabularyRecord",
    "VocabularySettings",
    "check_same_vocabulary",
    "load_tokenizer",
    "open_tokens",
    "tokenise_split",
    "train_vocabulary",
    "write_tokenizer",
]
