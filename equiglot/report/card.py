"""Model cards: what a model is, on what it was trained, how good it is and what it cannot do."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from equiglot.errors import InputError
from equiglot.evaluation import LIKELIHOOD, MASKED_LM, METRICS, metrics_of
from equiglot.files import write_text
from equiglot.models.cards import card_head, card_languages
from equiglot.reading import read_yaml
from equiglot.report.data import Model, Portion, Report
from equiglot.report.format import capital, count, decimal, duration, listed, short_count, task_title
from equiglot.report.score_index import ScoreIndex, measure_of, numbers_of
from equiglot.report.tables import Cell, Table, number_cell, row_header, row_languages
from equiglot.report.writing import markdown_line, markdown_text

MARK = "<!-- Made by Equiglot, and made again with the page. Take this line out to keep a text of your own. -->"
_FENCE = "---\n"
_HEAD = re.compile(r"\s*---[ \t]*\n(.*?)\n---[ \t]*\n", re.DOTALL)
_ROLES = {
    "teacher": "a {kind} expert that other models are compared with",
    "baseline": "a {kind} model that learnt from the masked words alone",
    "student": "a {kind} model that learnt from the distributions of other models",
    "reference": "a reference",
}
_UNLICENSED = (
    "No licence is stated here: it depends on the text above, and on the licences of its teachers, if it has any. "
    "Before the model is published, the metadata at the top of this file need a line for it (license: ...)."
)
_LITTLE = 100_000_000
"""Characters of a language below which a card says that its text is little."""


def write_card(report: Report, model: Model, path: Path) -> None:
    """Writes a model's card, unless it is the same already, or a person's own: one that has lost its last line.

    What a person has added to the metadata at its top, a licence for instance, stays. A card that cannot be read, or
    not its metadata, is left as it is: nothing of it gets lost.
    """
    try:
        old = path.read_text(encoding="utf-8-sig") if path.is_file() else MARK
        added = _metadata(old)
    except ValueError:
        return
    new = model_card(report, model, added)
    if MARK in old and new != old:
        write_text(path, new)


def model_card(report: Report, model: Model, added: dict[str, Any] | None = None) -> str:
    """The card of a trained model, Markdown with YAML metadata as the Hugging Face hub reads it.

    `added` are metadata of a person's own: ours go over them, but not over `language`, and `tags` are joined.
    """
    environment = Environment(  # Markdown: the filter `line` is what escapes
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["line"] = markdown_line
    metadata = _joined(added or {}, _our_metadata(model))
    columns = _columns(report, model)
    scores = _score_table(report, model, columns)
    names = [report.language_name(code) for code in model.languages]
    body = environment.get_template("card.md.jinja").render(
        report=report,
        model=model,
        languages=listed(names),
        example=_letters(names[0]),
        role=_ROLES[model.role].format(kind="multilingual" if len(model.languages) > 1 else "monolingual"),
        version=report.run.versions.get("equiglot", ""),
        facts=_facts(report, model),
        text=markdown_text(_text_table(report, model)),
        scores=markdown_text(scores) if scores.rows else "",
        explained=[column.explanation.replace("{reference}", report.reference) for column in columns],
        limits=[*_limits(report, model), *([] if "license" in metadata else [_UNLICENSED])],
        mark=MARK,
    )
    return f"{card_head(metadata)}\n{body}"


def _our_metadata(model: Model) -> dict[str, Any]:
    tags = ["equiglot", *(["knowledge-distillation"] if model.role == "student" else [])]
    return {
        "language": card_languages(model.languages),
        "library_name": "transformers",
        "pipeline_tag": "fill-mask",
        "tags": [*tags, *(["multilingual"] if len(model.languages) > 1 else [])],
    }


def _joined(added: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    tags = added.get("tags") or []
    theirs = tags if isinstance(tags, list) else [tags]
    kept = {"language": added.get("language") or ours["language"]}  # ours is always the same for one model
    return {**added, **ours, **kept, "tags": [*theirs, *(tag for tag in ours["tags"] if tag not in theirs)]}


def _metadata(card: str) -> dict[str, Any]:
    """The metadata at the top of a card; nothing where there are none.

    Raises:
        ValueError: there are some, and they cannot be read.
    """
    if not card.lstrip().startswith("---"):
        return {}
    head = _HEAD.match(card)
    try:
        found = read_yaml(head[1], "")[0] if head else None
    except InputError as error:
        raise ValueError(error.what) from None
    if not isinstance(found, dict):
        raise ValueError("the metadata are no mapping")
    return found


def _letters(name: str) -> str:
    """A language's name as it can stand in a program's text."""
    return "".join(sign for sign in name if sign.isalpha() or sign in " -()")


def _teachers(report: Report, model: Model) -> str:
    """The models that taught it, each with its languages; those that were taken, with where they are from."""
    taught: dict[str, list[str]] = {}
    for code, names in model.teachers.items():
        for name in names:
            taught.setdefault(name, []).append(report.language_name(code))
    sources = {each.name: each.source for each in report.models}
    where = {name: f", {sources[name]}" if sources.get(name, name) not in ("", name) else "" for name in taught}
    return "; ".join(f"{name}{where[name]} ({listed(languages)})" for name, languages in taught.items())


def _facts(report: Report, model: Model) -> dict[str, str]:
    facts = {
        "Encoder": model.encoder,
        "Parameters": count(model.parameters),
        "Vocabulary": model.vocabulary or report.vocabulary,
        "Learnt from": model.labels,
        "Teachers": _teachers(report, model),
        "Balancing": model.balancing,
        "Updates": count(model.updates),
        "Weights kept": f"those of update {count(model.best_update)}" if model.best_update is not None else "",
        "Tokens read": short_count(model.tokens),
        "Time": duration(model.seconds),
        "Seed": "" if model.seed is None else str(model.seed),
    }
    return {name: value for name, value in facts.items() if value}


def _text_table(report: Report, model: Model) -> Table:
    known = {language.code: language for language in report.languages}
    rows = []
    for code in model.languages:
        portion, language = model.portions.get(code, Portion()), known.get(code)
        sizes = (count(portion.characters), decimal(portion.passes))
        texts = (report.language_name(code), language.text if language else "", *sizes)
        rows.append(tuple(map(Cell, texts)))
    columns = ("Language", "Text", "Characters", "Times read")
    return Table("The text that it was trained on, after cleaning and balancing.", columns, tuple(rows), numeric_from=2)


@dataclass(frozen=True)
class _Column:
    """A metric of a model."""

    title: str
    explanation: str
    numbers: ScoreIndex
    metric: str
    digits: int

    def cell(self, model: Model, language: str) -> Cell:
        number = self.numbers.of(model.name, self.metric, language)
        return number_cell(number, "", signs=METRICS[self.metric].signed, digits=self.digits)


def _columns(report: Report, model: Model) -> list[_Column]:
    """Metrics that have an explanation, of masked words and of likelihood, and D: those that the model has."""
    found = [
        _Column(capital(each.axis), each.explanation, ScoreIndex(report, task), each.name, each.digits)
        for task in (MASKED_LM, LIKELIHOOD)
        for each in metrics_of(task)
        if each.explanation
    ]
    apart = measure_of(report).difference
    found.append(_Column(apart.column, apart.explanation, numbers_of(report), "d", apart.digits))
    rows = _rows(report, model)
    return [one for one in found if any(one.numbers.of(model.name, one.metric, row[0]) for row in rows)]


def _rows(report: Report, model: Model) -> list[tuple[str, str, str]]:
    """Groups and languages of `row_languages`, without groups that the model lacks in part."""
    numbers = ScoreIndex(report)
    return [row for row in row_languages(report) if set(numbers.languages_of(row[0])) <= set(model.languages)]


def _score_table(report: Report, model: Model, columns: Sequence[_Column]) -> Table:
    """One row a group or language that there is any number of."""
    rows = tuple(
        (row_header(*row), *(column.cell(model, row[0]) for column in columns))
        for row in _rows(report, model)
        if any(column.numbers.of(model.name, column.metric, row[0]) for column in columns)
    )
    titles = ("Language", *(column.title for column in columns))
    return Table("On held-out text of the same sources, with 95 % intervals.", titles, rows)


def _tested(report: Report, model: Model) -> str:
    """What a model was tested on, a phrase."""
    found = {score.task for score in report.scores if score.model == model.name}
    probed = [task_title(task.task).lower() for task in report.tasks if task.task in found]
    tuned = [task_title(task.task).lower() for task in report.fine_tuned if task.name in found]
    ways = {"by linear probes on": probed, "by fine-tuning on": tuned}
    said = [f"{how} {listed(tasks)}" for how, tasks in ways.items() if tasks]
    return f"masked words, and {listed(said)}: on nothing else" if said else "masked words only: on no task"


def _limits(report: Report, model: Model) -> Iterator[str]:
    sizes = [portion.characters for portion in model.portions.values() if portion.characters is not None]
    if sizes and min(sizes) < _LITTLE:
        yield "It was trained on little text: what it knows of its languages, and of the world, is what stands in it."
    yield f"It was tested on {_tested(report, model)}, and not for bias. Test it on what you need it for."
    yield (
        "MRR depends on the vocabulary: the numbers can be compared with those of models of the same vocabulary and "
        "test text, and with no others."
    )
    yield (
        "The intervals are over test sentences. They do not contain the noise of training: this is one training from "
        "one seed."
    )
    if model.starved is not None:
        yield f"Its run calls it starved, too weak to teach: {model.starved}."
    starved = [teacher for teacher in report.of_role("teacher") if teacher.starved is not None]
    weak = [report.language_name(code) for teacher in starved for code in teacher.languages if code in model.languages]
    if model.role == "student" and weak:
        yield f"Its run calls the teachers of these languages too weak to teach: {listed(weak)}."
    yield from report.notes
