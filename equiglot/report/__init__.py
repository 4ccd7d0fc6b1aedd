"""The report: what a run ends in, one HTML page that says who won, language by language, and how sure that is.

`Report` is all that the page shows; `write_report` writes it. In between, `verdict` puts the numbers in a sentence,
`tables` and `figures` lay them out, and `contents` lists those that a report has: `write_tables` and `write_figures`
write them for papers. `write_card` tells of one model, `write_comparison` of several runs.
"""

from equiglot.report.card import write_card
from equiglot.report.comparison import ComparedRun, Comparison, Field, name_in
from equiglot.report.comparison_page import is_comparison, render_comparison, write_comparison
from equiglot.report.data import (
    AuditReport,
    CleaningStep,
    Curve,
    FineTunedTask,
    Language,
    Model,
    Portion,
    ProbedTask,
    Report,
    Role,
    Run,
    Size,
)
from equiglot.report.format import listed, task_title
from equiglot.report.merging import doubtful
from equiglot.report.page import plots_of, render, tables_of, write_report
from equiglot.report.parts import CutText, Merged, StoredText
from equiglot.report.published import Published, PublishedNumber, read_published
from equiglot.report.verdict import Verdict, verdict
from equiglot.report.writing import write_figures, write_tables

__all__ = [
    "AuditReport",
    "CleaningStep",
    "ComparedRun",
    "Comparison",
    "Curve",
    "CutText",
    "Field",
    "FineTunedTask",
    "Language",
    "Merged",
    "Model",
    "Portion",
    "ProbedTask",
    "Published",
    "PublishedNumber",
    "Report",
    "Role",
    "Run",
    "Size",
    "StoredText",
    "Verdict",
    "doubtful",
    "is_comparison",
    "listed",
    "name_in",
    "plots_of",
    "read_published",
    "render",
    "render_comparison",
    "tables_of",
    "task_title",
    "verdict",
    "write_card",
    "write_comparison",
    "write_figures",
    "write_report",
    "write_tables",
]
