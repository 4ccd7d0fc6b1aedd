"""What all parts of a report are; and what is known of encoders that were merged."""

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from equiglot.vocabulary import UnionRecord


class Part(BaseModel):
    """A part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CutText(Part):
    """How one teacher cuts the text of one language, beside how the student does; all shares are from 0 to 1.

    Attributes:
        teacher: the model's name.
        language: a code.
        sentences: share of the sentences that both cut into the same tokens.
        words: share of the words that both cut into the same tokens.
        unmapped: share of the teacher's running tokens for which the student has no id.
        mass: the probability that the teacher gives, on average, to tokens for which the student has no id, as far as
            it is stored; None where no labels are.
    """

    teacher: str
    language: str
    sentences: FiniteFloat | None = None
    words: FiniteFloat | None = None
    unmapped: FiniteFloat | None = None
    mass: FiniteFloat | None = None


class StoredText(Part):
    """The labels that one teacher has given to the text of one language.

    Attributes:
        teacher: the model's name.
        language: a code.
        k: words of a position that are stored.
        samples: words of a position sampled from the rest.
        draws: masks of each sequence.
        positions: masked positions, all draws together.
        size: of all files, in bytes.
        kept: the probability of the stored words, the mean over positions.
        entropy: of the teacher's distributions in nats, the mean over positions.
        agreement: share of the positions where the teacher's most probable word is the one that stood there.
        seconds: time of labelling.
        unknown: share of the text's tokens that are unknown to the teacher.
        loss: of the teacher at these positions in nats, the mean.
        counting: the same, of whoever only knows how frequent each token of the text is.
    """

    teacher: str
    language: str
    k: int = Field(ge=1)
    samples: int = Field(default=0, ge=0)
    draws: int = Field(default=1, ge=1)
    positions: int = Field(ge=0)
    size: int = Field(ge=0)
    kept: FiniteFloat | None = None
    entropy: FiniteFloat | None = None
    agreement: FiniteFloat | None = None
    seconds: FiniteFloat | None = Field(default=None, ge=0)
    unknown: FiniteFloat | None = None
    loss: FiniteFloat | None = None
    counting: FiniteFloat | None = None


class Merged(Part):
    """All of it; each in the order in which the page lists it.

    Attributes:
        union: the united vocabulary; None where none is.
        cuts: teacher by teacher.
        labels: store by store.
    """

    union: UnionRecord | None = None
    cuts: tuple[CutText, ...] = ()
    labels: tuple[StoredText, ...] = ()
