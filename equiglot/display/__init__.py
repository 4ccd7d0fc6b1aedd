"""What the terminal shows: progress, plans, states, scores, labels."""

from equiglot.display.cost import print_cost
from equiglot.display.exporting import print_export
from equiglot.display.finetuning import FineTuningDisplay, print_fine_tuned
from equiglot.display.labels import print_doubts, print_store, print_stores
from equiglot.display.models import print_external_scores, print_fillers, print_upload
from equiglot.display.progress import RunDisplay, progress_in_words, text_in_words, training_in_words
from equiglot.display.runs import (
    print_audit,
    print_found,
    print_labelled,
    print_plan,
    print_results,
    print_scores,
    print_status,
)
from equiglot.display.trimming import print_trim
from equiglot.display.words import duration, printable

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
