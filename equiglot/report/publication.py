"""What others have published, as data."""

from collections.abc import Mapping

from pydantic import Field

from equiglot.evaluation import Score
from equiglot.report.parts import Part

TEACHERS = "teachers"
"""In a publication, the model that stands for each language's own teacher, whatever its name."""


class PublishedNumber(Score):
    """One number of a publication: a score of the model of the run that it is to be compared with.

    `TEACHERS` are those together, as `model` and as `reference`; `n` and `seed` are 0, for they are not known.

    Attributes:
        table: where it stands there, such as "Table 2".
        doubt: why it may not be what was meant, a phrase; empty where nothing is in doubt.
    """

    n: int = 0
    seed: int = 0
    table: str
    doubt: str = ""


class Published(Part):
    """What others have published of the same experiment.

    Attributes:
        source: the publication.
        scale: at what scale it was done there, a phrase.
        groups: name -> the codes that its groups of languages have.
        numbers: its numbers.
    """

    source: str
    scale: str
    groups: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    numbers: tuple[PublishedNumber, ...]
