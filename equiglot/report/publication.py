"""What others have published, as data."""

from collections.abc import Mapping

from pydantic import Field, FiniteFloat

from equiglot.evaluation import MetricName
from equiglot.report.parts import Part

TEACHERS = "teachers"
"""In a publication, the model that stands for each language's own teacher, whatever its name."""


class PublishedNumber(Part):
    """One number of a publication.

    Attributes:
        table: where it stands there, such as "Table 2".
        task, language, source, reference: as in `Score`; no reference of an RDT: the teachers together.
        metric: as in `Score`.
        model: the model of the run that it is to be compared with; `TEACHERS` for those together.
        value: the number, in the metric's unit.
        deviation: the standard deviation that stands beside it.
        doubt: why it may not be what was meant, a phrase; empty where nothing is in doubt.
    """

    table: str
    task: str
    metric: MetricName
    language: str
    source: str | None = None
    reference: str | None = None
    model: str
    value: FiniteFloat
    deviation: FiniteFloat | None = None
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
