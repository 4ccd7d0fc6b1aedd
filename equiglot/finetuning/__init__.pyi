from .classification import Classification, Examples, predict, read_examples
from .data import name_data
from .epochs import CHOOSING
from .kinds import KINDS
from .neighbours import neighbour_baseline, neighbour_predictions
from .ngrams import NGRAM_TASKS, ngram_predictions
from .parsing import open_parser, parse
from .running import FineTuned, fine_tune, open_data
from .scores import PREDICTIONS, TRAINING, Predictions, fine_tuned_estimates, fine_tuned_rows
from .settings import FineTuning, check_settings
from .tuning import FineTuner, check_trained_labels

__all__ = [
    "CHOOSING",
    "KINDS",
    "NGRAM_TASKS",
    "PREDICTIONS",
    "TRAINING",
    "Classification",
    "Examples",
    "FineTuned",
    "FineTuner",
    "FineTuning",
    "Predictions",
    "check_settings",
    "check_trained_labels",
    "fine_tune",
    "fine_tuned_estimates",
    "fine_tuned_rows",
    "name_data",
    "neighbour_baseline",
    "neighbour_predictions",
    "ngram_predictions",
    "open_data",
    "open_parser",
    "parse",
    "predict",
    "read_examples",
]
