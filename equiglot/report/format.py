"""Numbers and names as the page prints them."""

from collections.abc import Sequence
from datetime import datetime

from equiglot.objectives.terms import WORDS
from equiglot.tasks import task_of

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"
"""What stands where there is no number."""

_GROUPS = {"low": "Low-resource", "high": "High-resource", "all": "All languages"}
_TASKS = {
    "mlm": "Masked words",
    "pos": "Part of speech",
    "parse": "Dependency trees",
    "ner": "Named entities",
    "topic": "Topic of a text",
    "pair": "Class of a pair of texts",
    "qa": "Question answering",
    "place": "Place in its document",
}
UNITS = {"word": "words", "sentence": "texts", "pair": "pairs", "question": "questions"}
"""What is labelled, or answered -> what many of it are called."""
GROUPS = {"word": "sentences", "sentence": "sentences", "pair": "pairs", "question": "paragraphs"}
"""The same -> what intervals are over."""
_SPELT = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TERMS = {"loss": "loss", "total": "total loss", "hard": "gold labels (cross-entropy)", "soft": "soft labels (KL)"}


def decimal(value: float | None, digits: int = 1) -> str:
    """`value` rounded, with a true minus sign; never "−0.0"."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    if not text.strip("-0."):
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 1) -> str:
    """`value` as a difference: with its sign, also where it is positive."""
    text = decimal(value, digits)
    return text if value is None or text.startswith(MINUS) or not text.strip("0.") else f"+{text}"


def interval(low: float | None, high: float | None, *, sign: bool = False, digits: int = 1) -> str:
    """A 95 % interval such as "[−1.6, −0.8]"; empty where there is none."""
    if low is None or high is None:
        return ""
    show = signed if sign else decimal
    return f"[{show(low, digits)}, {show(high, digits)}]"


def count(value: float | None) -> str:
    """A whole number with thousands set apart."""
    return NONE if value is None else f"{round(value):,}"


def short_count(value: float | None) -> str:
    """A number with three digits that matter: 12.3 M."""
    if value is None:
        return NONE
    rounded = float(f"{value:.3g}")
    for unit, name in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if abs(rounded) >= unit:
            return f"{rounded / unit:,g}{name}"
    return f"{rounded:.3g}"


def duration(seconds: float | None) -> str:
    """A time such as "1 h 05 min" or "42 s"."""
    if seconds is None:
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def moment(text: str) -> str:
    """A date with time as ISO 8601 writes it, for people; what is none stays as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = f" {when.tzname()}" if when.tzinfo else ""
    return f"{when:%Y-%m-%d %H:%M:%S}{zone}"


def listed(items: Sequence[str], word: str = "and") -> str:
    """A list in prose: "a, b and c"."""
    return f" {word} ".join((", ".join(items[:-1]), items[-1])) if len(items) > 1 else "".join(items)


def capital(text: str) -> str:
    """`text` with its first letter in upper case, the others untouched."""
    return text[:1].upper() + text[1:]


def group_label(name: str) -> str:
    """What a group is called in a table."""
    return _GROUPS.get(name, capital(name))


def group_phrase(name: str) -> str:
    """What a group is called within a sentence."""
    known = {"low": "low-resource languages", "high": "high-resource languages", "all": "all languages"}
    return known.get(
        name, f"the languages of group \N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"
    )


def term_label(metric: str) -> str:
    """What a loss term is called."""
    return {**_TERMS, **WORDS}.get(metric, metric)


def shortened(text: str, length: int = 22) -> str:
    """`text` cut to fit beside a point or a line."""
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def spelt(number: int) -> str:
    """A small number in letters."""
    return _SPELT[number] if number < len(_SPELT) else count(number)


def task_title(task: str) -> str:
    """What a task is called in a title."""
    title = _TASKS.get(task_of(task), capital(task_of(task)))
    return title if task == task_of(task) else f"{title}, fine-tuned"


SURE = 0.05
"""A p above it is no evidence."""


def probability(p: float) -> str:
    """A p with its sign: "= 0.016" or "< 0.001"."""
    return f"= {p:.3f}" if p >= 0.001 else "< 0.001"
