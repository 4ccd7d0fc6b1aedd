from .classification import CHOOSING, Classification, Examples, predict, read_examples
from .data import name_data
from .running import FineTuned, fine_tune, open_data
from .scores import fine_tuned_rows
from .settings import FineTuning, check_settings

__all__ = [
    "CHOOSING",
    "Classification",
    "Examples",
    "FineTuned",
    "FineTuning",
    "check_settings",
    "fine_tune",
    "fine_tuned_rows",
    "name_data",
    "open_data",
    "predict",
    "read_examples",
]
