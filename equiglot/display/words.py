"""Text and numbers, as the terminal shows them."""

import unicodedata

from rich.text import Text


def printable(text: str) -> Text:
    """Text from outside, as the terminal may show it: no markup, control characters written out, no loose marks."""
    return Text("".join(_visible(before, each) for before, each in zip(" " + text, text, strict=False)))


def _visible(before: str, character: str) -> str:
    if not character.isprintable():
        return f"\\u{ord(character):04x}"
    # A mark (a vowel sign, say) that stands on nothing is shown on a circle.
    loose = before in " #" and unicodedata.category(character).startswith("M")
    return f"◌{character}" if loose else character


def duration(seconds: float) -> str:
    """Seconds in words: 12 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
