from .card import write_card
from .comparison import ComparedRun, Comparison, Field, name_in
from .comparison_page import is_comparison, render_comparison, write_comparison
from .data import (
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
from .format import listed, task_title
from .merging import doubtful
from .page import plots_of, render, tables_of, write_report
from .parts import CutText, Merged, StoredText
from .published import Published, PublishedNumber, read_published
from .verdict import Verdict, verdict
from .writing import write_figures, write_tables

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
