"""From templates to whole pages: one HTML file each that needs nothing else, neither the network nor another file."""

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from equiglot.report.drawing import on_page, sign
from equiglot.report.sections import Section

_HERE = Path(__file__).parent


def render_page(template: str, sections: Sequence[Section], **content: Any) -> str:
    """A page as HTML. Every text of sections and `content` is escaped where it stands."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(unbroken=_unbroken, on_page=on_page, sign=sign)
    return environment.get_template(template).render(sections=sections, trusted=_trusted(), **content)


def _trusted() -> dict[str, Markup]:
    """Text that stands on the page unescaped: our style and script.

    The policy names the script by its hash: nothing else can run, even if some text did get through unescaped.
    """
    script = our_text("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {"style": Markup(our_text("page.css")), "script": Markup(script), "source": Markup(f"'sha256-{digest}'")}


def _unbroken(text: str) -> str:
    """`text` without line breaks inside intervals and after "D ="."""
    return re.sub(r"\[(\S+), (\S+)\]", "[\\1,\N{NO-BREAK SPACE}\\2]", text).replace(
        "D = ", "D\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"
    )


def our_text(name: str) -> str:
    """A file of this package."""
    return (_HERE / name).read_text(encoding="utf-8")
