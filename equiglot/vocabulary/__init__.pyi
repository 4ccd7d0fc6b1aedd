from .counting import EntryCounts, count_entries
from .extending import Extension, count_words, extend_tokenizer
from .fitting import fit_entries
from .folder import (
    TOKENIZER_FILES,
    check_same_vocabulary,
    load_backend,
    load_tokenizer,
    tokenizer_bytes,
    write_tokenizer,
)
from .mapping import VocabularyMap, map_of_kept, read_map, write_map
from .matching import map_vocabulary, shared_pieces
from .normalisation import check_rules, rules_of
from .pairing import PairedSentence, choose_contexts, pair_sentences
from .pieces import Pieces, piece_text, pieces_of, readable_pieces
from .reducing import Reduction, choose_entries, reduce_tokenizer
from .segmentation import Agreement, agreement
from .settings import (
    CONTINUATION,
    SPECIAL_TOKENS,
    ExtensionSettings,
    ReductionSettings,
    UnionVocabulary,
    Vocabulary,
    VocabularySettings,
)
from .tokenising import TokenStatistics, id_count, text_encoder, tokenise_split, unknown_id
from .tokens import TokenizedText, open_sentences, open_tokens
from .training import VocabularyRecord, learn_tokenizer, train_vocabulary
from .union import UnionModel, UnionRecord, make_union, map_path
from .uniting import unite

__all__ = [
    "CONTINUATION",
    "SPECIAL_TOKENS",
    "TOKENIZER_FILES",
    "Agreement",
    "EntryCounts",
    "Extension",
    "ExtensionSettings",
    "PairedSentence",
    "Pieces",
    "Reduction",
    "ReductionSettings",
    "TokenStatistics",
    "TokenizedText",
    "UnionModel",
    "UnionRecord",
    "UnionVocabulary",
    "Vocabulary",
    "VocabularyMap",
    "VocabularyRecord",
    "VocabularySettings",
    "agreement",
    "check_rules",
    "check_same_vocabulary",
    "choose_contexts",
    "choose_entries",
    "count_entries",
    "count_words",
    "extend_tokenizer",
    "fit_entries",
    "id_count",
    "learn_tokenizer",
    "load_backend",
    "load_tokenizer",
    "make_union",
    "map_of_kept",
    "map_path",
    "map_vocabulary",
    "open_sentences",
    "open_tokens",
    "pair_sentences",
    "piece_text",
    "pieces_of",
    "read_map",
    "readable_pieces",
    "reduce_tokenizer",
    "rules_of",
    "shared_pieces",
    "text_encoder",
    "tokenise_split",
    "tokenizer_bytes",
    "train_vocabulary",
    "unite",
    "unknown_id",
    "write_map",
    "write_tokenizer",
]
