"""From templates to whole pages: one HTML file each that needs nothing else, neither the network nor another file."""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from equiglot.report.plots import Plot
from equiglot.report.sections import Section, every_part

_HERE = Path(__file__).parent


def render_page(template: str, sections: Sequence[Section], **content: Any) -> str:
    """A page as HTML. Every text of sections and `content` is escaped where it stands."""
    plots = [part for part in every_part(sections) if isinstance(part, Plot)]
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["unbroken"] = _unbroken
    return environment.get_template(template).render(sections=sections, trusted=_trusted(plots), **content)


def _trusted(plots: Iterable[Plot]) -> dict[str, Markup]:
    """Text that stands on the page unescaped: our style and scripts, and JSON in which every <, >, & is escaped.

    The policy names the scripts by their hashes: nothing else can run, even if some text did get through unescaped.
    """
    script = our_text("page.js")
    specs = {plot.id: [view.to_plotly_json() for view in plot.views.values()] for plot in plots if plot.views}
    hashes = (hashlib.sha256(text.encode()).digest() for text in (_plotly(), script))
    sources = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    return {
        "style": Markup(our_text("page.css")),
        "script": Markup(script),
        "plotly": Markup(_plotly()),
        "sources": Markup(sources),
        "figures": htmlsafe_json_dumps(specs, allow_nan=False),
    }


def _unbroken(text: str) -> str:
    """`text` without line breaks inside intervals and after "D ="."""
    return re.sub(r"\[(\S+), (\S+)\]", "[\\1,\N{NO-BREAK SPACE}\\2]", text).replace(
        "D = ", "D\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"
    )


def our_text(name: str) -> str:
    """A file of this package."""
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    return str(get_plotlyjs())
