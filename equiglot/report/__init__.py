"""The report: what a run ends in, one HTML page that says who won, language by language, and how sure that is.

`Report` is all that the page shows; `write_report` writes it. In between, `verdict` puts the numbers in a sentence,
`tables` and `figures` lay them out.
"""

from equiglot.report.data import CleaningStep, Curve, Language, Model, Portion, Report, Role, Run, Size
from equiglot.report.page import render, write_report
from equiglot.report.verdict import Verdict, verdict

__all__ = [
    "CleaningStep",
    "Curve",
    "Language",
    "Model",
    "Portion",
    "Report",
    "Role",
    "Run",
    "Size",
    "Verdict",
    "render",
    "verdict",
    "write_report",
]
