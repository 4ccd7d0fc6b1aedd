import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equiglot.report import Language, ProbedTask, Report, figures, plots_of, render, write_report
from equiglot.report.drawing import on_page
from equiglot.report.series import all_series

HOSTILE = st.one_of(
    st.sampled_from(
        [
            '"><script>alert(1)</script>',
            "</script><script>alert(1)</script>",
            "</style><img src=x onerror=alert(1)>",
            "<!--<script>",
            "{{ 7 * 7 }}{% raw %}",
            "'; alert(1); '",
            "a\u2028b\u2029c",
            "%{x} <b>&lt;",
            "javascript:alert(1)",
            "]]>",
            "\u202e\u0639\u0631\u0628\u064a\u202c",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
)


class _Reader(HTMLParser):
    """Collects every tag with its attributes, and the contents of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.cdata_elem:
            self.scripts[-1] += data


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    return reader


def _with_text(report: Report, text: str) -> Report:
    """`report` with `text` wherever a run's own text can stand."""
    languages = tuple(
        language.model_copy(update={"name": text, "text": text, "example": (text, text)})
        for language in report.languages
    )
    models = tuple(
        model.model_copy(update={"label": text, "labels": text, "balancing": text, "starved": text})
        for model in report.models
    )
    run = report.run.model_copy(
        update={"recipe": text, "command": text, "versions": {text: text}, "hardware": {text: text}}
    )
    groups = {**{(name if name == "all" else text + name): codes for name, codes in report.groups.items()}}
    tasks = tuple(_task_with_text(task, text) for task in report.tasks)
    changes = {"tasks": tasks, "languages": languages, "models": models, "run": run, "groups": groups, "name": text}
    return report.model_copy(update={**changes, "notes": (text,), "missing": (text,)})


def _task_with_text(task: ProbedTask, text: str) -> ProbedTask:
    languages = tuple(
        language.model_copy(update={"files": text, "notes": (text, text)} if language.files else {})
        for language in task.languages
    )
    return task.model_copy(update={"labels": (text, text), "method": text, "languages": languages})


def test_no_text_becomes_markup(probed: Report) -> None:
    expected = _read(render(_with_text(probed, "plain")))

    @settings(max_examples=20, deadline=None)
    @given(text=HOSTILE)
    def check(text: str) -> None:
        found = _read(render(_with_text(probed, text)))
        # A note that is blank has no element; all others differ in nothing but text.
        assert [tag for tag, _ in found.tags if tag != "span"] == [tag for tag, _ in expected.tags if tag != "span"]
        assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
        assert found.scripts == expected.scripts and len(found.scripts) == 1
        styles = [attributes.get("style") or "" for _, attributes in found.tags]
        assert all(re.fullmatch(r"[-a-z0-9 .:;,%()]*", style) for style in styles)
        assert sum(map(bool, styles)) > 100

    check()


def test_markup_in_names_is_text_in_plots(synthetic: Report) -> None:
    languages = tuple(language.model_copy(update={"name": "<b>x</b>"}) for language in synthetic.languages)
    report = synthetic.model_copy(update={"languages": languages})
    figure = figures.scores_by_language(report, all_series(report))
    assert figure is not None
    assert figure.y.ticks[-1].text == "<b>x</b>"
    (plot,) = [plot for plot in plots_of(report) if plot.name == "scores"]
    drawn = on_page(plot)
    assert drawn.count(">&lt;b&gt;x&lt;/b&gt;</text>") == 5
    assert drawn.count('data-said="&lt;b&gt;x&lt;/b&gt;: ') == 5 * 5
    assert "<b>" not in drawn


def test_the_page_says_everything_it_must(synthetic: Report) -> None:
    text = render(synthetic)
    said = [
        "comes closest to the monolingual teachers",
        "MRR in percent",
        "Learning curves",
        "near duplicates",
        "Tokens a word (fertility)",
        "15.6 k tokens/s",
        "Ties count against the model",
        "do not contain the noise of training",
        "Only comparable within one vocabulary",
        "a &lt; b &amp; c &gt; d",
        "2.13.0",
        "an invented one",
        "2030-01-01 10:00",
    ]
    assert [words for words in said if words not in text] == []
    links, sections = (re.findall(pattern, text) for pattern in ('<li><a href="#(.*?)"', '<section id="(.*?)"'))
    assert links == sections and {"trade-off", "scores", "distance", "learning", "metric", "run"} <= {*links}
    assert not {"likelihood", "rdt", "labels"} & {*links}


def test_probes_have_a_section_each_behind_the_distances(probed: Report) -> None:
    text = render(probed)
    order = [text.index(f'<section id="{name}"') for name in ("distance", "pos", "ner", "learning")]
    assert order == sorted(order)
    assert '<a href="#pos">Part of speech</a>' in text and '<a href="#ner">Named entities</a>' in text
    assert "Other ways to count" in text[order[2] :] and "Other ways to count" not in text[: order[2]]
    assert "<strong><bdi>Zero-shot.</bdi></strong>" in text and 'href="tables/ner-seqeval-f1.csv"' in text


def test_probes_that_are_not_scored_are_said_to_be_missing(probed: Report) -> None:
    text = render(probed.model_copy(update={"scores": ()}))
    assert text.count("No probe of this task is scored over all languages yet.") == 2
    assert text.count("No probe was tested on another language yet.") == 2
    assert "no training data: only tested on" in text
    one = tuple(task.model_copy(update={"languages": task.languages[:1]}) for task in probed.tasks)
    assert "that needs labelled data in two" in render(probed.model_copy(update={"scores": (), "tasks": one}))
    none = tuple(task.model_copy(update={"languages": ()}) for task in probed.tasks)
    assert "Labelled data:" not in render(probed.model_copy(update={"scores": (), "tasks": none}))


def test_tables_and_figures_are_described(probed: Report) -> None:
    reader = _read(render(probed))
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("table") == tags.count("caption") and tags.count("figure") == tags.count("figcaption") == 7
    assert tags.count("h1") == 1
    assert all(
        attributes.get("aria-label") for _, attributes in reader.tags if attributes.get("role") in ("img", "region")
    )
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("part", ["scores", "curves", "models", "languages", "groups"])
def test_a_page_without_one_part_still_stands(synthetic: Report, part: str) -> None:
    empty: object = {} if part == "groups" else ()
    text = render(synthetic.model_copy(update={part: empty}))
    said = {
        "scores": "No verdict yet",
        "curves": "No validation score was recorded yet.",
        "models": "The run has no models.",
        "languages": "No text has been prepared yet.",
        "groups": "The trade-off needs two groups of languages",
    }
    assert said[part] in text


def test_an_empty_run_has_a_page() -> None:
    text = render(Report(name="empty", languages=(Language(code="eu", name="Basque"),)))
    assert "No verdict yet: this run has no models." in text and "Not done yet" not in text


def test_the_file_is_whole_and_not_too_large(synthetic: Report, tmp_path: Path) -> None:
    path = tmp_path / "report" / "index.html"
    write_report(synthetic, path)
    text = path.read_text(encoding="utf-8")
    assert text.rstrip().endswith("</html>") and path.stat().st_size < 300_000
    assert not any("src" in attributes for _, attributes in _read(text).tags)
    assert [entry.name for entry in path.parent.iterdir()] == ["index.html"]


def test_the_same_report_gives_the_same_page(synthetic: Report) -> None:
    assert render(synthetic) == render(synthetic)
