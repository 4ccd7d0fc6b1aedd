from .folder import check_same_vocabulary, load_tokenizer, write_tokenizer
from .mapping import VocabularyMap
from .pieces import readable_pieces
from .settings import CONTINUATION, SPECIAL_TOKENS, UnionVocabulary, Vocabulary, VocabularySettings
from .tokenising import TokenStatistics, text_encoder, tokenise_split
from .tokens import TokenizedText, open_tokens
from .training import VocabularyRecord, train_vocabulary

__all__ = [
    "CONTINUATION",
    "SPECIAL_TOKENS",
    "TokenStatistics",
    "TokenizedText",
    "UnionVocabulary",
    "Vocabulary",
    "VocabularyMap",
    "VocabularyRecord",
    "VocabularySettings",
    "check_same_vocabulary",
    "load_tokenizer",
    "open_tokens",
    "readable_pieces",
    "text_encoder",
    "tokenise_split",
    "train_vocabulary",
    "write_tokenizer",
]
