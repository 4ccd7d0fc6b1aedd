"""What a vocabulary is to be: the settings, and the special tokens that every vocabulary of ours has."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""In the order of their ids, 0 to 4."""

CONTINUATION = "##"
"""What WordPiece writes before a piece that does not begin a word."""

Accents = Literal["letters", "all-but-korean", "keep"]


class VocabularySettings(BaseModel):
    """How the vocabulary that the models of a run share is learnt.

    The accents of the text, three ways:

    - `letters` strips nonspacing marks (`\\p{Mn}`) after Latin, Greek and Cyrillic letters only, where they are
      accents. In Hindi, Telugu, Arabic or Hebrew they are vowels. Cyrillic й and ё lose theirs too and become и and
      е, as in the uncased multilingual BERT: Russian мой and мои fall together.
    - `all-but-korean` strips every nonspacing mark (paper 1, appendix E.1). Hangul has none of its own; it is
      decomposed to letters and composed again, so its syllables stay whole. Hindi loses vowel signs: में becomes म.
    - `keep` keeps all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["shared"] = Field("shared", description="One vocabulary for all models of the run.")
    algorithm: Literal["wordpiece"] = "wordpiece"
    size: int = Field(
        30_000, ge=64, le=1_000_000, description="Entries at most, special tokens and single characters included."
    )
    lowercase: bool = True
    accents: Accents = "letters"
    languages: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        None, description="Whose text the vocabulary is learnt from; without it, all languages of the models."
    )
    sampling: Literal["equal", "proportional"] = Field(
        "equal",
        description="equal: as many characters of each language as the smallest has; proportional: all there are.",
    )
    characters: int | None = Field(None, ge=1, description="At most so many characters of each language.")
    min_frequency: int = Field(2, ge=0, description="A pair of pieces seen more rarely is not joined.")
    coverage: float = Field(
        0.9999,
        gt=0.5,
        le=1,
        description="The share of each language's running characters that the alphabet covers; a word with a character "
        "outside the alphabet is [UNK].",
    )
