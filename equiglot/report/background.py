"""The end of the page: trainings; text, and whether it is as unequal as Wikipedias; vocabularies, models, the run."""

from collections.abc import Iterator
from dataclasses import dataclass

from equiglot.evaluation import MASKED_LM
from equiglot.report import facts, figures
from equiglot.report.data import Report
from equiglot.report.format import capital, count, decimal, duration, moment, short_count
from equiglot.report.labels import Point, text_positions
from equiglot.report.merging import doubtful, merging_tables, union_differences, union_words
from equiglot.report.plotting import Axis, Dot, Figure, Plot, Tick, Trace, round_ticks, single
from equiglot.report.score_index import MASKED, measure_of, measures_distance, numbers_of, teachers_of
from equiglot.report.sections import Code, CutSentences, Facts, Heading, NamedTable, Notes, Paragraph, Part, Section

_FEWEST = 3
"""Languages through which a line says something."""


@dataclass(frozen=True)
class Fit:
    """The least-squares line of characters against the logarithm of a Wikipedia's size.

    Attributes:
        points: a language's logarithm and its characters, with its name.
        slope: characters for each doubling of a Wikipedia.
        intercept: characters where the logarithm is zero.
        r: Pearson's correlation.
    """

    points: tuple[Point, ...]
    slope: float
    intercept: float
    r: float

    @property
    def words(self) -> str:
        """The line in a sentence."""
        more = "more" if self.slope >= 0 else "fewer"
        return (
            f"Each doubling of a Wikipedia goes with {short_count(abs(self.slope))} characters {more} here (least "
            f"squares over {len(self.points)} languages, r = {decimal(self.r, 2)})."
        )


def wikipedia_fit(report: Report) -> Fit | None:
    """The line through all languages whose Wikipedia's size is stated; None where there are too few, or none differ."""
    from scipy.stats import linregress

    points = tuple(
        Point(language.wikipedia, language.train.characters, language.name)
        for language in report.languages
        if language.wikipedia is not None and language.train is not None
    )
    if len(points) < _FEWEST or len({point.x for point in points}) < 2:
        return None
    line = linregress([point.x for point in points], [point.y for point in points])
    return Fit(points, float(line.slope), float(line.intercept), float(line.rvalue))


def wikipedia_figure(fit: Fit) -> Figure:
    """Paper 1, Figure 2: characters of training text by the logarithm of the Wikipedia's size, and the line."""
    ends = min(point.x for point in fit.points), max(point.x for point in fit.points)
    line = [fit.intercept + fit.slope * x for x in ends]
    room = 0.08 * (ends[1] - ends[0])
    top = max(*(point.y for point in fit.points), *line)
    x_range, y_range = (ends[0] - room, ends[1] + room), (min(0.0, *line) - 0.04 * top, 1.1 * top)
    ticks = tuple(Tick(tick.place, short_count(tick.place)) for tick in round_ticks(0, top))
    points = [
        Trace(point.label, [Dot(point.x, point.y, said)], "var(--blue)", "circle", side=side)
        for point, side in zip(fit.points, text_positions(fit.points, x_range, y_range), strict=True)
        for said in [f"{short_count(point.y)} characters, {short_count(2**point.x)} MB"]
    ]
    return Figure(
        height=330,
        x=Axis("size of the Wikipedia (binary logarithm of MB)", x_range),
        y=Axis("characters of training text", y_range, ticks),
        traces=[Trace("", tuple(map(Dot, ends, line)), "var(--teacher)", dash="dot"), *points],
    )


def learning_sections(report: Report) -> Iterator[Section]:
    """Validations and losses, where models are trained."""
    if report.models and all(model.source or model.role == "reference" for model in report.models):
        return
    validations = Plot(
        name="learning",
        title="Line chart: validation MRR by update",
        caption="MRR on the validation text during training. A line that still climbs at its end has not had updates "
        "enough. Teachers are shown with their own language.",
        absent="No validation score was recorded yet.",
        views=figures.learning_curves(report),
        choice="Validation MRR in",
    )
    losses = Plot(
        name="loss",
        title="Line chart: loss by update, one line a language",
        caption="Losses by language; low-resource languages are dashed. A soft-label loss that stays high shows a "
        "teacher that the student cannot follow; one that falls fast to nothing, a teacher that knows little.",
        absent="No loss was recorded yet.",
        views=figures.loss_curves(report),
        choice="Loss of",
    )
    yield Section("learning", "Learning curves", "Learning curves", (validations, losses))


def data_sections(report: Report) -> Iterator[Section]:
    """The text, and what each model got of it, where there is any."""
    if report.languages and not any(language.has_text for language in report.languages):
        return
    data = facts.data_table(
        report, "The text of each language after cleaning: characters; beneath, sentences and tokens."
    )
    cleaning = facts.cleaning_table(
        report, "Cleaning: what each step did, in order, to paragraphs and, after they are split, to sentences."
    )
    portion = facts.portion_table(
        report,
        "What each model really got of each language: characters of the balanced text; beneath, its tokens, how often "
        "it was read, and its share of the updates.",
    )
    absent = () if data.rows else (Paragraph("No text has been prepared yet.", absent=True),)
    tables = {"cleaning": cleaning, "portion": portion, "tokens": merging_tables(report)["tokens"]}
    parts = (*absent, NamedTable("data", data), *_wikipedia(report))
    yield Section("data", "Data", "Data", (*parts, *(NamedTable(name, table) for name, table in tables.items())))


def _wikipedia(report: Report) -> tuple[Plot, ...]:
    """A figure, where the recipe states how large the languages' Wikipedias are."""
    fit = wikipedia_fit(report)
    if fit is None:
        return ()
    plot = Plot(
        name="wikipedia",
        title="Scatter plot: characters of training text against the size of the language's Wikipedia",
        caption="Are the texts as unequal as the Wikipedias? Characters of training text against the binary logarithm "
        f"of the size of the language's Wikipedia in MB, as the recipe states it. {fit.words}",
        absent="",
        views=single(wikipedia_figure(fit)),
    )
    return (plot,)


def vocabulary_sections(report: Report) -> Iterator[Section]:
    """The vocabulary, united or learnt, and how it takes the languages."""
    if not report.has_vocabulary:
        return
    tables, union = merging_tables(report), union_words(report)
    own = facts.vocabulary_table(report, "How the vocabulary takes the validation text of each language.")
    parts: list[Part] = []
    if not own.rows:
        parts.append(Paragraph("The vocabulary has not been measured yet.", absent=True))
    if union or report.vocabulary:
        parts.append(Paragraph(union or report.vocabulary))
    if otherwise := union_differences(report):
        parts.append(Paragraph("What the student's tokenizer does to text otherwise than that of:"))
        parts.append(Notes.of({model: " ".join(texts) for model, texts in otherwise.items()}))
    parts += [NamedTable(name, tables[name]) for name in ("union", "segmentation")]
    parts.append(NamedTable("vocabulary", own))
    if examples := tuple(language for language in report.languages if language.example):
        parts += [Heading("How it cuts a sentence"), CutSentences(examples)]
    yield Section("vocabulary", "Vocabulary", "Vocabulary", tuple(parts))
    if tables["labels"].rows:
        doubts = doubtful(report.merged.labels if report.merged else ())
        notes = (Notes(tuple(("", text) for text in doubts)),) if doubts else ()
        yield Section("labels", "Stored labels", "Stored labels", (*notes, NamedTable("labels", tables["labels"])))


def model_sections(report: Report) -> Iterator[Section]:
    """The models."""
    table = facts.models_table(report, "The models of the run; beneath the time, tokens read a second.")
    absent = () if table.rows else (Paragraph("The run has no models.", absent=True),)
    fitted = {model.label: f" {capital(model.fitted)}." for model in report.models if model.fitted}
    notes = (Notes.of(fitted),) if fitted else ()
    yield Section("models", "Models", "Models", (*absent, NamedTable("models", table), *notes))


def reading_sections(report: Report) -> Iterator[Section]:
    """How to read the numbers."""
    masked, seeds = measure_of(report) == MASKED, numbers_of(report).seeds
    distance = (
        f"the MRR of model M minus the MRR of that language's {teachers_of(report).removesuffix('s')}, in points"
        if masked
        else "the bits per character that model M saves against that language's teacher: the teacher's bits minus the "
        "model's"
    )
    several = (
        f" These scores are means of {seeds} seeds, and an interval spans those of all seeds." if seeds > 1 else ""
    )
    masked_words = (
        (
            "MRR",
            ", mean reciprocal rank: for every chosen position of a test sentence the model ranks the whole "
            "vocabulary, and the position scores 1 / (rank of the token that stood there). Every chosen position is "
            "replaced by [MASK]. Ties count against the model: tokens with an equal score are ranked before the right "
            "one. The mean is over positions within a language, then over languages. It is given in percent.",
        ),
        (
            "The same masks",
            " for all models, so that their differences are paired, and the intervals of the differences are narrower "
            "than those of the scores suggest.",
        ),
    )
    away = (
        (
            "D(M, L)",
            f" is the mean over the languages L of {distance}. It is positive where the model is better than the "
            "teachers. It says nothing of how good the teachers are: look at their scores too.",
        ),
    )
    one_vocabulary = (
        (
            f"{'Only' if masked else 'MRR is only'} comparable within one vocabulary.",
            " Another vocabulary cuts other tokens, which are easier or harder to guess: never compare these numbers "
            "with those of a run with another one.",
        ),
    )
    scored = MASKED_LM in report.evaluated
    notes = (
        *(masked_words if scored else ()),
        *(away if measures_distance(report) else ()),
        *(one_vocabulary if scored else ()),
        (
            "Intervals",
            " are 95 % bootstrap intervals over test sentences. They do not contain the noise of training: another "
            "seed moves the scores too, and only repeated trainings show by how much. Sentences are taken as "
            "independent, also those of one document or of parallel pages: where text is parallel, the intervals are "
            f"somewhat too narrow.{several}",
        ),
        *(("", note) for note in report.notes),
    )
    yield Section("metric", "How to read the numbers", "How to read the numbers", (Notes(notes),))


def run_sections(report: Report) -> Iterator[Section]:
    """What was run."""
    run = report.run
    parts: list[Part] = [Facts(_run_facts(report))]
    for title, items in {"Hardware": run.hardware, "Versions": run.versions}.items():
        parts += [Heading(title), Facts(items)] if items else []
    if run.recipe:
        parts.append(Code("The recipe, complete", run.recipe))
    yield Section("run", "What was run", "What was run", tuple(parts))


def _run_facts(report: Report) -> dict[str, str]:
    tokens = [model.tokens for model in report.models if model.tokens is not None]
    seconds = report.run.seconds
    known = {
        "Command": report.run.command,
        "Started": moment(report.run.started),
        "Finished": moment(report.run.finished),
        "Time of all jobs": "" if seconds is None else f"{duration(seconds)}, added up; several can run side by side",
        "Tokens read": f"{short_count(sum(tokens))} in training, all models together" if tokens else "",
        "Models": count(len(report.models)),
    }
    return {name: value for name, value in known.items() if value}
