from .cost import print_cost
from .exporting import print_export
from .finetuning import FineTuningDisplay, print_fine_tuned
from .labels import print_doubts, print_store, print_stores
from .models import print_external_scores, print_fillers, print_upload
from .progress import RunDisplay, progress_in_words, text_in_words, training_in_words
from .runs import (
    print_audit,
    print_found,
    print_labelled,
    print_plan,
    print_results,
    print_scores,
    print_status,
)
from .trimming import print_trim
from .words import duration, printable

__all__ = [
    "FineTuningDisplay",
    "RunDisplay",
    "duration",
    "print_audit",
    "print_cost",
    "print_doubts",
    "print_export",
    "print_external_scores",
    "print_fillers",
    "print_fine_tuned",
    "print_found",
    "print_labelled",
    "print_plan",
    "print_results",
    "print_scores",
    "print_status",
    "print_store",
    "print_stores",
    "print_trim",
    "print_upload",
    "printable",
    "progress_in_words",
    "text_in_words",
    "training_in_words",
]
