"""This run's numbers beside those that others have published of the same experiment."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from equiglot.evaluation import MASKED_LM
from equiglot.report.data import Report
from equiglot.report.printed import Agreement, Place, Printed
from equiglot.report.tables import Table
from equiglot.report.words import count, short_count


@dataclass(frozen=True)
class Beside:
    """The section of the page: what is compared with what, and one table for each published one.

    A table of probes becomes two, for in-language and zero-shot numbers.

    Attributes:
        source, theirs, ours: the publication, its scale, and this run's.
        agreement: over all tables, in words.
        findings: title of a table -> how far it agrees, in words.
        tables: name -> table; first those of masked language modelling, then the `probed`.
        probed: the names of the tables of probes.
    """

    source: str
    theirs: str
    ours: str
    agreement: str
    findings: dict[str, str]
    tables: dict[str, Table]
    probed: tuple[str, ...]


def beside(report: Report) -> Beside | None:
    """This run beside what is published; None where there is nothing to compare."""
    published = report.published
    if published is None:
        return None
    places = dict.fromkeys(Place.of(number) for number in published.numbers)
    found = [Printed(report, published, place) for place in places]
    shown = sorted((printed for printed in found if printed.rows), key=lambda printed: printed.task != MASKED_LM)
    if not shown:
        return None
    files = _files(shown)
    return Beside(
        source=published.source,
        theirs=published.scale,
        ours=_scale(report),
        agreement=sum((printed.agreement for printed in shown), Agreement()).words,
        findings={printed.title: words for printed in shown if (words := printed.agreement.words)},
        tables={file: printed.table for file, printed in files.items()},
        probed=tuple(file for file, printed in files.items() if printed.task != MASKED_LM),
    )


def _files(shown: Iterable["Printed"]) -> dict[str, "Printed"]:
    """Name of a file -> table; no two names are equal, whatever the tables are called."""
    files: dict[str, Printed] = {}
    for printed in shown:
        name = f"beside-{re.sub('[^a-z0-9]+', '-', printed.title.lower())}"
        while name in files:
            name += "-"
        files[name] = printed
    return files


def _scale(report: Report) -> str:
    """How much text and how large models this run has."""
    models = [model for model in report.models if model.compared]
    texts = sorted(language.train.characters for language in report.languages if language.train)
    sizes = sorted(model.parameters for model in models if model.parameters is not None)
    updates = sorted(model.updates for model in models if model.updates is not None)
    found = {
        "characters of training text a language": [short_count(size) for size in texts],
        "parameters a model": [count(size) for size in sizes],
        "updates a model": [count(number) for number in updates],
    }
    spans = {what: " to ".join(dict.fromkeys((words[0], words[-1]))) for what, words in found.items() if words}
    return ", ".join(f"{span} {what}" for what, span in spans.items())
