"""Facts of a run as rows of tables: its text, its vocabulary, its models."""

from collections.abc import Mapping

from equiglot.report.data import Model, Portion, Report, Size
from equiglot.report.format import capital, count, decimal, duration, short_count
from equiglot.report.score_index import teachers_of
from equiglot.report.tables import Cell, Table, language_cell


def data_table(report: Report, caption: str) -> Table:
    """Per language: its group, what the text is, and how much of it there is in each split."""
    rows = tuple(
        (
            language_cell(report, language),
            Cell(language.text),
            *(_size_cell(size) for size in (language.train, language.valid, language.test)),
        )
        for language in report.languages
        if language.has_text
    )
    return Table(caption, ("Language", "Text", "train", "valid", "test"), rows, numeric_from=2)


def _size_cell(size: Size | None) -> Cell:
    if size is None:
        return Cell(count(None), values={"characters": None})
    note = f"{count(size.sentences)} sentences\n{count(size.tokens)} tokens"
    values = {"characters": size.characters, "sentences": size.sentences, "tokens": size.tokens}
    return Cell(count(size.characters), note, values=values)


def cleaning_table(report: Report, caption: str) -> Table:
    """What each step of cleaning did: one row a step, in order, one column a language."""
    cleaned = [language for language in report.languages if language.cleaning]
    done = {(step.name, language.code): step.counts for language in cleaned for step in language.cleaning}
    names = dict.fromkeys(name for name, _ in done)
    rows = tuple(
        (Cell(name), *(_step_cell(done.get((name, language.code), {})) for language in cleaned)) for name in names
    )
    return Table(caption, ("Step", *(language.name for language in cleaned)), rows)


def _step_cell(counts: Mapping[str, int]) -> Cell:
    did = ", ".join(f"{count(number)} {what}" for what, number in counts.items() if what != "left")
    return Cell(did or count(None), f"{count(counts['left'])} left" if "left" in counts else "", values=counts)


def portion_table(report: Report, caption: str) -> Table:
    """What each model really got: one row a model, one column a language; the teachers share a row."""
    columns = ("Model", *(language.name for language in report.languages))
    own = {language.code: report.teacher_of(language.code) for language in report.languages}
    teachers = {code: model.portions[code] for code, model in own.items() if model and code in model.portions}
    wide = [(model.label, model.portions) for model in report.of_role("baseline", "student")]
    got: list[tuple[str, Mapping[str, Portion]]] = [(capital(teachers_of(report)), teachers), *wide]
    rows = tuple(
        (Cell(label), *(_portion_cell(portions.get(language.code)) for language in report.languages))
        for label, portions in got
        if portions
    )
    return Table(caption, columns, rows)


def _portion_cell(portion: Portion | None) -> Cell:
    if portion is None:
        return Cell(count(None), values={"characters": None})
    note = f"{short_count(portion.tokens)} tokens\n{decimal(portion.passes)} passes\n{count(portion.updates)} updates"
    return Cell(short_count(portion.characters), note, values=portion.model_dump())


def vocabulary_table(report: Report, caption: str) -> Table:
    """How the shared vocabulary takes each language."""
    known = [language for language in report.languages if language.fertility is not None]
    rows = tuple(
        (
            language_cell(report, language),
            Cell(decimal(language.fertility, 2), values={"": language.fertility}),
            share_cell(language.continued, 1),
            share_cell(language.unknown, 2),
        )
        for language in known
    )
    columns = ("Language", "Tokens a word (fertility)", "Words cut into several (%)", "[UNK] tokens (%)")
    return Table(caption, columns, rows)


def share_cell(share: float | None, digits: int) -> Cell:
    """A share from 0 to 1 in percent."""
    percentage = None if share is None else 100 * share
    return Cell(decimal(percentage, digits), values={"": percentage})


def models_table(report: Report, caption: str) -> Table:
    """The models: what each is, learns from, and cost; whose vocabulary it has, where that is not the same for all."""
    columns = ("Model", "Labels", "Balancing", "Vocabulary", "Parameters", "Updates", "Tokens read", "Time")
    roles = bool(report.of_role("teacher", "student"))
    rows = tuple(_model_row(model, roles=roles) for model in report.models)
    if any(model.vocabulary for model in report.models):
        return Table(caption, columns, rows, numeric_from=4)
    less = tuple((*row[:3], *row[4:]) for row in rows)
    return Table(caption, (*columns[:3], *columns[4:]), less, numeric_from=3)


def _model_row(model: Model, *, roles: bool) -> tuple[Cell, ...]:
    """What a model is for is said only where models have different roles."""
    speed = model.tokens / model.seconds if model.tokens is not None and model.seconds else None
    seed = None if model.seed is None else f"seed {model.seed}"
    taken = f"taken from {model.source}" if model.source else None
    about = ", ".join(
        filter(
            None,
            (
                model.role if roles or model.role == "reference" else None,
                seed,
                None if model.starved is None else "starved",
                taken,
            ),
        )
    )
    best = "" if model.best_update in (None, model.updates) else f"best: {count(model.best_update)}"
    identity = {"": model.label, "role": model.role, "seed": model.seed, "starved": model.starved}
    identity |= {"source": model.source} if model.source else {}
    sizes = {"": model.parameters, **({} if model.embedding is None else {"embedding": model.embedding})}
    width = "" if model.embedding is None else f"embeddings {count(model.embedding)} wide"
    vocabulary = model.vocabulary or ("" if model.role == "reference" else "the run's")
    return (
        Cell(model.label, about, values=identity),
        Cell(model.labels or count(None)),
        Cell(model.balancing or count(None)),
        Cell(vocabulary or count(None)),
        Cell(count(model.parameters), width, values=sizes),
        Cell(count(model.updates), best, values={"": model.updates, "best": model.best_update}),
        Cell(short_count(model.tokens), values={"": model.tokens}),
        Cell(duration(model.seconds), f"{short_count(speed)} tokens/s" if speed else "", values={"s": model.seconds}),
    )
