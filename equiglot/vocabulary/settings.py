"""What a vocabulary is to be: the settings, and the special tokens that every vocabulary of ours has."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from equiglot.corpus.balancing import Smoothing
from equiglot.settings import MOST, ByteCount, Settings

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""In the order of their ids, 0 to 4."""

CONTINUATION = "##"
"""What WordPiece writes before a piece that does not begin a word."""

WORD_START = "▁"
"""What Unigram and BPE write for the space before a word, at the beginning of text too."""

BYTES = 256

MIN_SENTENCE_SHARE = 0.0005
"""Entries that fewer of a language's sentences have are not needed for it (paper 4, section 5)."""

Accents = Literal["letters", "all-but-korean", "keep"]
Algorithm = Literal["wordpiece", "unigram", "bpe", "byte-bpe"]

_NO_EFFECT = {
    "byte-bpe": ("coverage", "bytes cover every character"),
    "unigram": ("min_frequency", "it joins no pairs"),
}


class VocabularySettings(Settings):
    """How the vocabulary that the models of a run share is learnt.

    How words are cut, four ways:

    - `wordpiece`, as BERT: every character takes two entries, at the beginning of words and inside (`##x`); a word
      with a character outside the alphabet is [UNK].
    - `unigram`, as XLM-R: the pieces under which the text is most probable; words begin with `▁`. Of a word with
      characters outside the alphabet only these are [UNK].
    - `bpe`: the pairs joined that are most frequent; `▁` and [UNK] as with `unigram`.
    - `byte-bpe`, as RoBERTa: the same over UTF-8 bytes. Nothing is ever [UNK], but a letter of Greek or Arabic takes
      two bytes and one of Hindi, Telugu or Korean three, until they are joined.

    The accents of the text, three ways:

    - `letters` strips nonspacing marks (`\\p{Mn}`) after Latin, Greek and Cyrillic letters only, where they are
      accents. In Hindi, Telugu, Arabic or Hebrew they are vowels. Cyrillic й and ё lose theirs too and become и and
      е, as in the uncased multilingual BERT: Russian мой and мои fall together.
    - `all-but-korean` strips every nonspacing mark (paper 1, appendix E.1). Hangul has none of its own; it is
      decomposed to letters and composed again, so its syllables stay whole. Hindi loses vowel signs: में becomes म.
    - `keep` keeps all.

    How much of each language is read, three ways:

    - `equal`: as many characters of each as the smallest has.
    - `proportional`: all there are.
    - `{kind: smoothing, alpha: a}`: in proportion to size ** a, and as much as can be without reading anything twice:
      the smallest language is read whole. 0 is `equal`, 1 is `proportional`.
    """

    kind: Literal["shared"] = Field("shared", description="One vocabulary for all models of the run.")
    algorithm: Algorithm = Field("wordpiece", description="How words are cut into pieces.")
    size: int = Field(
        30_000, ge=64, le=1_000_000, description="Entries at most, special tokens and single characters included."
    )
    lowercase: bool = Field(True, description="Whether capital letters become small ones.")
    accents: Accents = Field("letters", description="Which accents stay; see above.")
    languages: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        None, description="Whose text the vocabulary is learnt from; without it, all languages of the models."
    )
    sampling: Smoothing | Literal["equal", "proportional"] = Field(
        "equal",
        description="equal: as many characters of each language as the smallest has; proportional: all there are; "
        "{kind: smoothing, alpha: a}: in proportion to size ** a, the smallest language whole.",
    )
    characters: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="At most so many characters of each language; `sampling` sees no more than these.",
    )
    min_frequency: int = Field(
        2, ge=0, le=MOST, description="A pair of pieces seen more rarely is not joined; `unigram` joins none."
    )
    coverage: float = Field(
        0.9999,
        gt=0.5,
        le=1,
        description="The share of each language's running characters that the alphabet covers. A word with a character "
        "outside the alphabet is [UNK]; with `unigram` and `bpe` the character alone; `byte-bpe` covers all.",
    )

    @model_validator(mode="after")
    def _fits_the_algorithm(self) -> "VocabularySettings":
        field, why = _NO_EFFECT.get(self.algorithm, ("", ""))
        if field and getattr(self, field) != type(self).model_fields[field].default:
            raise ValueError(f"{field} has no effect on {self.algorithm} ({why}): leave it out")
        if self.algorithm == "byte-bpe" and self.size <= len(SPECIAL_TOKENS) + BYTES:
            raise ValueError(f"byte-bpe needs a size above {len(SPECIAL_TOKENS) + BYTES}, for the bytes alone")
        return self


class UnionVocabulary(Settings):
    """The vocabularies of models that have their own, as one (paper 2, section 3.1, step 3).

    A token is what it stands for: its letters, and whether it begins a word. `##ing`, `ing` of `▁ing` and of `Ġing` are
    told apart by that, not by how a tokenizer writes them; special tokens are matched by what they are for.

    The models must agree on what happens to text before it is cut: capital letters, accents, normalisation. Where they
    do not, `rules` names the model whose way the student takes; without it, they are refused.
    """

    kind: Literal["union"] = Field("union", description="The union of the vocabularies of other models.")
    models: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        None, description="Whose vocabularies are united; without it, of all models that have their own."
    )
    rules: str | None = Field(
        None, description="The model whose normaliser the student's tokenizer takes, where the models' differ."
    )


def _learnt_by_default(value: Any) -> Any:
    return {"kind": "shared", **value} if isinstance(value, dict) and "kind" not in value else value


Vocabulary = Annotated[
    VocabularySettings | UnionVocabulary,
    Field(discriminator="kind"),
    BeforeValidator(_learnt_by_default, json_schema_input_type=VocabularySettings | UnionVocabulary),
]
"""The vocabulary of a run in a recipe: learnt from its text (`shared`), or the `union` of its models' vocabularies."""


class ReductionSettings(Settings):
    """How many entries of a vocabulary stay: one of three amounts."""

    min_sentence_share: float = Field(
        MIN_SENTENCE_SHARE,
        ge=0,
        le=1,
        description="Entries stay that so many of the sentences of one of its languages have (paper 4, section 5).",
    )
    size: int | None = Field(None, gt=0, le=MOST, description="Or so many entries at most, the languages in turn.")
    fit: ByteCount | None = Field(
        None, description="Or as many as fit into so many bytes, such as 60MB, weights and tokenizer together."
    )
    precision: Literal["int8"] | None = Field(
        None,
        description="What `fit` counts: int8, the bytes of the model's export in int8 (`equiglot export --quantize "
        "int8`) when it labels words or texts; those of its folder if null.",
    )

    @model_validator(mode="after")
    def _one_amount(self) -> "ReductionSettings":
        amounts = {"min_sentence_share", "size", "fit"} & self.model_fields_set
        if sum(getattr(self, name) is not None for name in amounts) > 1:
            raise ValueError("give one amount: `min_sentence_share`, `size` or `fit`")
        if self.precision is not None and self.fit is None:
            raise ValueError("`precision` says what `fit` counts: give `fit` as well, or leave it out")
        return self


class ExtensionSettings(Settings):
    """How many entries a vocabulary gets besides its own."""

    entries: int = Field(gt=0, le=1_000_000, description="Entries to learn; fewer where the text has no more.")
    min_frequency: int = Field(
        10, ge=2, le=MOST, description="Pairs of pieces seen more rarely are not joined; each entry is used so often."
    )
