"""The command line: words around the functions of the package, nothing more.

The package is imported inside the commands: it brings torch, and `equiglot --help` should not take seconds.
"""

import io
import json
import os
import select
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from equiglot.arguments import (
    Into,
    Models,
    ModelsAndText,
    On,
    OneModel,
    Overrides,
    Quick,
    RecipeName,
    Replace,
    ReplaceFile,
    Reuse,
    RunFolder,
    Threads,
    Workers,
)
from equiglot.errors import InputError, Interrupted, check_name, refusal
from equiglot.run import RunDirectory, check_absent, check_new
from equiglot.terminal import Terminal

if TYPE_CHECKING:
    from equiglot.models import OpenModel
    from equiglot.pipeline import Machine
    from equiglot.recipe import Recipe


class _Commands(TyperGroup):
    """Commands to which it is a signal, not a bug, that whoever read the output has gone: `| head -1`."""

    def invoke(self, ctx: Any) -> Any:
        """Does what is asked for, and writes out what is printed."""
        with _reader():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


@contextmanager
def _reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise Interrupted(signal.SIGPIPE) if _reader_is_gone() else refusal(error) or error from None


def _reader_is_gone() -> bool:
    """Whether nobody can read the output any more; what is still to be written then goes nowhere."""
    gone = select.poll()
    gone.register(sys.stdout.fileno(), select.POLLOUT)
    if not any(event & select.POLLERR for _, event in gone.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


_DATA = (
    "SPLIT=FILE (train, dev, test); a folder or glob of files named ...-train.conllu and so on; or hub:NAME:CONFIG. "
)
_DATA += "{language} stands for a code."

app = typer.Typer(
    cls=_Commands,
    help="One multilingual encoder in which no language pays for another.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_output, _errors = Terminal(), Terminal(stderr=True)


@app.command()
def demo(quick: Quick = False, into: Into = None, replace: Replace = False, workers: Workers = None) -> None:
    """Trains everything on the embedded sample and ends with a page."""
    from equiglot.pipeline import Machine
    from equiglot.recipe import load_recipe

    recipe = load_recipe("demo-quick" if quick else "demo")
    _run(recipe, into, Machine.of_here(workers), replace=replace)


@app.command()
def recipes() -> None:
    """Lists the built-in recipes."""
    from equiglot.recipe import builtin_recipes

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, description in builtin_recipes().items():
        table.add_row(Text(name, style="bold"), Text(description))
    _output.print(table)


@app.command()
def plan(
    recipe: RecipeName, into: Into = None, overrides: Overrides = None, workers: Workers = None, threads: Threads = None
) -> None:
    """Tells what a run will take, and what is done already; trains nothing."""
    from equiglot.display import print_plan
    from equiglot.pipeline import Machine, plan_recipe
    from equiglot.recipe import load_recipe

    _be_quiet()
    loaded = load_recipe(recipe, overrides or [])
    print_plan(_output, plan_recipe(loaded, _folder(loaded, into), Machine.of_here(workers, threads)))


@app.command()
def run(
    recipe: RecipeName,
    into: Into = None,
    overrides: Overrides = None,
    replace: Replace = False,
    reuse: Reuse = None,
    workers: Workers = None,
    threads: Threads = None,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="Time between checkpoints of a training.")] = 60.0,
    on: On = "local",
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Though a command elsewhere holds the run: you know that it has ended.")
    ] = False,
    other_conditions: Annotated[
        bool,
        typer.Option(
            "--other-conditions",
            help="Continue unfinished trainings with other threads, another device or library: not bit for bit.",
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="With slurm:PROFILE: the command itself becomes a job, too; log out.")
    ] = False,
) -> None:
    """Runs, or continues, everything that is not done."""
    from equiglot.pipeline import Machine, detach_recipe
    from equiglot.recipe import load_recipe

    if on.startswith("slurm") and (workers or threads):
        fix = "change `jobs` and `cpus` there, and leave these options out"
        raise InputError("the profile says how many jobs and threads there are", where="--workers, --threads", fix=fix)
    machine = Machine.of_here(workers, threads)
    machine = Machine(machine.workers, machine.threads, checkpoint_seconds)
    loaded = load_recipe(recipe, overrides or [])
    options: dict[str, Any] = {"replace": replace, "reuse": reuse or [], "take_over": take_over}
    same = _same_command(_folder(loaded, into), on, checkpoint_seconds, other_conditions=other_conditions, **options)
    if detach:
        job = detach_recipe(loaded, _folder(loaded, into), on, same, **options)
        _print_detached(job, _folder(loaded, into))
    else:
        _run(loaded, into, machine, on, same, other_conditions=other_conditions, **options)


@app.command()
def label(
    recipe: RecipeName,
    into: Into = None,
    overrides: Overrides = None,
    replace: Replace = False,
    reuse: Reuse = None,
    workers: Workers = None,
    threads: Threads = None,
) -> None:
    """Computes and stores the labels of a run's teachers, and what they need; trains no student.

    `equiglot run` does it too where it is not done. Killed, it continues where it was.
    """
    from equiglot.display import RunDisplay, print_stores
    from equiglot.pipeline import Machine, run_recipe, stored_texts, stores_labels
    from equiglot.recipe import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    folder = _folder(loaded, into)
    if not stores_labels(loaded):
        fix = "give a model `labels: {kind: stored, teachers: ...}`"
        raise InputError("no model of this recipe learns from stored labels", where=recipe, fix=fix)
    machine = Machine.of_here(workers, threads)
    with RunDisplay(_output) as shown:
        run_recipe(
            loaded,
            folder,
            only="labels",
            replace=replace,
            reuse=reuse or [],
            machine=machine,
            watcher=shown.watcher(),
        )
    print_stores(_output, stored_texts(folder, loaded))


labels_app = typer.Typer(help="Looks at stored labels.", no_args_is_help=True)
app.add_typer(labels_app, name="labels")


@labels_app.command()
def inspect(
    store: Annotated[Path, typer.Argument(help="A store of labels: RUN/labels/TEACHER.LANGUAGE.k8")],
    examples: Annotated[int, typer.Option(min=0, help="Masked positions shown in words.")] = 5,
) -> None:
    """Shows what a store holds: sizes, the probability that is kept, entropy, agreement, and examples in words."""
    from equiglot.display import print_store
    from equiglot.pipeline import inspect_labels

    print_store(_output, inspect_labels(store, examples))


@app.command()
def status(run: RunFolder) -> None:
    """Tells what is done, running and left, and the scores so far."""
    from equiglot.display import print_status
    from equiglot.pipeline import read_status

    print_status(_output, read_status(run))


@app.command()
def report(run: RunFolder) -> None:
    """Makes the page again."""
    from equiglot.pipeline import publish, read_run

    publish(RunDirectory(run), read_run(run))
    _print_page(RunDirectory(run).report)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Two run folders or more.")],
    into: Annotated[Path, typer.Option(help="The page, an HTML file.")] = Path("comparison.html"),
    replace: ReplaceFile = False,
) -> None:
    """Makes one page of several runs: what differs, scores side by side, the spread over seeds."""
    from equiglot.pipeline import compare_runs

    _print_page(compare_runs(runs, into, replace=replace))


@app.command()
def schema() -> None:
    """Prints the recipe's JSON Schema, for editors."""
    from equiglot.recipe import recipe_schema

    print(json.dumps(recipe_schema(), indent=1))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of text: en.txt, tr/, wiki.de.txt, ...")],
    into: Annotated[Path, typer.Option(help="The recipe to write.")] = Path("recipe.yaml"),
    replace: ReplaceFile = False,
) -> None:
    """Makes a commented recipe from a folder of text."""
    from equiglot.display import print_found
    from equiglot.models import device
    from equiglot.recipe import initialise

    found, doubts = initialise(folder, into, gpu=device().type != "cpu", replace=replace)
    print_found(_output, found, doubts, str(into))


@app.command()
def fill(
    arguments: ModelsAndText,
    top: Annotated[int, typer.Option(min=1, help="Words for each mask.")] = 5,
) -> None:
    """Shows what models put in the place of [MASK], side by side.

    A MODEL is a Hugging Face folder, RUN/model, a run folder for all its models, or a name on the hub.
    """
    from equiglot.display import print_fillers
    from equiglot.evaluation import fill as fill_masks

    *sources, text = arguments
    if not sources:
        raise InputError("no model is named", fix='equiglot fill MODEL [MODEL ...] "text with [MASK]"')
    print_fillers(_output, text, {each.name: fill_masks(each, text, top) for each in _open_models(sources)})


@app.command()
def evaluate(
    models: Models,
    text: Annotated[list[str], typer.Option(metavar="CODE=FILE", help="A language and its text, a sentence a line.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every number to this file as well.")] = None,
    likelihood_lines: Annotated[
        int, typer.Option(min=0, help="Lines of each text that bits per character are measured on; 0 for none.")
    ] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of masks and intervals.")] = 0,
    replace: ReplaceFile = False,
) -> None:
    """Scores any masked language models on lines of text.

    A MODEL is a Hugging Face folder, RUN/model, a run folder for all its models, or a name on the hub.
    """
    from equiglot.display import print_external_scores
    from equiglot.evaluation import EvalSettings, read_texts, score_external, write_external_scores

    if json_file is not None:
        check_new(json_file, "--json", replace=replace)
    texts = read_texts(text)
    opened = list(_open_models(models))
    settings = EvalSettings(seed=seed, likelihood_lines=likelihood_lines)
    with _errors.status("") as shown:
        scores = score_external(opened, texts, settings, lambda what: shown.update(escape(what)))
    print_external_scores(_output, scores)
    if json_file is not None:
        write_external_scores(json_file, scores)


@app.command()
def finetune(
    model: OneModel,
    task: Annotated[str, typer.Option(help="pos, parse, ner, topic, pair or qa.")],
    data: Annotated[list[str], typer.Option(metavar="DATA", help=_DATA)],
    languages: Annotated[str, typer.Option(metavar="CODE,...", help="Languages of the data, trained on and tested.")],
    into: Annotated[Path, typer.Option(metavar="DIR", help="A new folder for the model and its scores.")],
    zero_shot: Annotated[str, typer.Option(metavar="CODE,...", help="Languages that are only tested.")] = "",
    columns: Annotated[
        str | None, typer.Option(metavar="TEXT,LABEL", help="Columns of a table, Parquet file or dataset.")
    ] = None,
    rename: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="A label, or type of entity, that is called otherwise.")
    ] = None,
    types: Annotated[str, typer.Option(metavar="TYPE,...", help="Types of entities that count; others are O.")] = "",
    rules: Annotated[
        str | None,
        typer.Option(
            metavar="RULES", help="How it is scored: squad or mlqa (answers), official or paper3 (trees, entities)."
        ),
    ] = None,
    train_sentences: Annotated[int | None, typer.Option(min=1, help="Train on so many of a language at most.")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the training data.")] = 10,
    learning_rate: Annotated[float, typer.Option(help="Its peak, reached after the warm-up.")] = 5e-5,
    warmup: Annotated[int, typer.Option(help="Updates of warm-up; at most half of all.")] = 500,
    weight_decay: Annotated[float, typer.Option(help="AdamW's, of matrices only.")] = 0.01,
    batch: Annotated[int, typer.Option(help="Sentences of an update.")] = 16,
    validations: Annotated[int | None, typer.Option(help="On dev data; once an epoch if not given.")] = None,
    patience: Annotated[int | None, typer.Option(help="Stop after so many validations without a new best.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens read at once; what is longer, in windows.")] = None,
    seed: Annotated[int, typer.Option(help="Of new weights, order, dropout and intervals.")] = 0,
    seeds: Annotated[int, typer.Option(help="Trainings; scores are their mean.")] = 1,
    threads: Threads = None,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="Time between checkpoints.")] = 60.0,
) -> None:
    """Trains a model to label words or texts, to parse sentences, or to find answers, and scores it on test data.

    Killed, the same command continues.

    MODEL is a Hugging Face folder, RUN/model, or a name on the hub.
    """
    from equiglot.display import FineTuningDisplay, print_fine_tuned
    from equiglot.finetuning import check_settings, fine_tune, name_data

    settings = check_settings(
        epochs=epochs,
        learning_rate=learning_rate,
        warmup=warmup,
        weight_decay=weight_decay,
        batch=batch,
        validations=validations,
        patience=patience,
        max_length=max_length,
        seed=seed,
        seeds=seeds,
    )
    trained, tested = _listed(languages), _listed(zero_shot)
    labelled = name_data(
        task,
        data,
        trained,
        zero_shot=tested,
        columns=columns,
        rename=rename or [],
        types=_listed(types),
        train_sentences=train_sentences,
        rules=rules,
    )
    with _stoppable(threads) as stop, FineTuningDisplay(_errors) as shown:
        done = fine_tune(
            model,
            labelled,
            [*trained, *tested],
            settings,
            into,
            checkpoint_seconds=checkpoint_seconds,
            watch=shown.watch,
            stop=stop,
        )
    print_fine_tuned(_output, done)


def _listed(text: str) -> list[str]:
    """The parts of a list with commas."""
    return [part for each in text.split(",") if (part := each.strip())]


@contextmanager
def _stoppable(threads: int | None) -> Iterator[Callable[[], bool]]:
    """Prepares this process for a training; yields what tells it that a signal asked to stop."""
    from equiglot.pipeline.execution.pool import StopSignals
    from equiglot.pipeline.execution.workers import prepare_process
    from equiglot.training import Stopped

    prepare_process(threads or 1)
    with StopSignals() as signals:
        try:
            yield lambda: signals.received is not None
        except Stopped:
            signals.check()
            raise


@app.command()
def audit(
    models: Models,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder with labelled data; the text of a run if not given.")
    ] = None,
    languages: Annotated[str, typer.Option(metavar="CODE,...", help="Of the data; of a run, all if not given.")] = "",
    tasks: Annotated[str, typer.Option(metavar="TASK,...", help="Of those with data; all if not given.")] = "",
    source: Annotated[
        str, typer.Option(metavar="CODE,...", help="Train on these together, and test on all (zero-shot).")
    ] = "",
    preset: Annotated[str, typer.Option(help="quick, or paper3: how models are fine-tuned.")] = "quick",
    seeds: Annotated[int | None, typer.Option(min=1, help="Trainings of each; one gives no verdict.")] = None,
    train_sentences: Annotated[int | None, typer.Option(min=1, help="Train on so many of a language at most.")] = None,
    into: Into = None,
    replace: Replace = False,
    workers: Workers = None,
    threads: Threads = None,
) -> None:
    """Tells which languages models serve badly, and why. Killed, the same command continues.

    A MODEL is a Hugging Face folder, RUN/model, a run folder for all its models, or a name on the hub.
    """
    from equiglot.display import print_labelled
    from equiglot.pipeline import Machine
    from equiglot.recipe import audit_recipe, parse_recipe, preset_of

    _be_quiet()
    tuning = preset_of(preset, seeds=seeds, train_sentences=train_sentences)
    folder = into or Path("runs/audit")
    tree, found = audit_recipe(
        models,
        _listed(languages),
        data,
        name=folder.name,
        tuning=tuning,
        tasks=_listed(tasks),
        source=_listed(source),
    )
    print_labelled(_errors, found)
    _run(parse_recipe(tree, Path.cwd()), folder, Machine.of_here(workers, threads), replace=replace)


@app.command()
def trim(
    model: OneModel,
    text: Annotated[list[str], typer.Option(metavar="CODE=FILE", help="A language and its text, a sentence a line.")],
    into: Annotated[Path, typer.Option(help="The folder to make.")],
    languages: Annotated[
        str | None, typer.Option(metavar="CODES", help="For which it is to be: sl,hr; all that have text if not given.")
    ] = None,
    min_sentence_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Entries stay that so many of a language's sentences have.  [default: 0.0005]"),
    ] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Or so many entries, the languages in turn.")] = None,
    fit: Annotated[str | None, typer.Option(metavar="BYTES", help="Or what fits: 60MB, weights and tokenizer.")] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="TYPE", help="int8: --fit counts the model's export in int8.")
    ] = None,
    keep_text: Annotated[Path | None, typer.Option(help="Text that must be cut as before, whatever it is.")] = None,
) -> None:
    """Makes a small model of a multilingual one: the vocabulary of some languages, everything else bit by bit.

    A language of --text that is not among --languages shows what the model can no longer do.
    """
    from equiglot.display import print_trim
    from equiglot.evaluation import kept_languages, name_texts, trim_model, trim_texts
    from equiglot.vocabulary import ReductionSettings

    if sum(each is not None for each in (min_sentence_share, size, fit)) > 1:
        raise InputError("two amounts are given", fix="give one of --min-sentence-share, --size and --fit")
    if precision not in (None, "int8"):
        raise InputError(f"--precision cannot be {precision!r}", where="--precision", fix="write int8")
    if precision and fit is None:
        raise InputError("--precision says what --fit counts", where="--precision", fix="give --fit, or leave it out")
    byte_count = None if fit is None else _byte_count(fit)
    amounts = {"min_sentence_share": min_sentence_share, "size": size, "fit": byte_count, "precision": precision}
    amount = ReductionSettings.model_validate({name: value for name, value in amounts.items() if value is not None})
    paths = name_texts(text)
    check_absent(into, "--into")
    kept = kept_languages(paths, None if languages is None else [each.strip() for each in languages.split(",")])
    _be_quiet()
    with _errors.status("") as shown:
        record = trim_model(
            model,
            trim_texts(paths, kept),
            into,
            amount,
            languages=kept,
            keep_text=keep_text,
            progress=lambda what: shown.update(escape(what)),
        )
    print_trim(_output, record)
    _output.print(f"The model: {into}", soft_wrap=True, highlight=False, markup=False)


@app.command("export")
def export_(
    model: OneModel,
    into: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help="onnx.")] = "onnx",
    quantize: Annotated[str | None, typer.Option(metavar="TYPE", help="int8 weights; fp32 if not given.")] = None,
    text: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Text to compare int8 on, a sentence a line.")
    ] = None,
    any_processor: Annotated[
        bool, typer.Option("--any-processor", help="int8 for processors without VNNI, too: weights of seven bits.")
    ] = False,
    data: Annotated[
        list[str] | None, typer.Option(metavar="DATA", help="Labelled data to score a fine-tuned model on.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="pos, ner or topic; what task.json says if not given.")] = None,
    languages: Annotated[
        str | None, typer.Option(metavar="CODE,...", help="Of the data; those of task.json if not given.")
    ] = None,
    columns: Annotated[str | None, typer.Option(metavar="TEXT,LABEL", help="Columns of the data.")] = None,
    rename: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="A label of the data that is called otherwise.")
    ] = None,
    types: Annotated[str, typer.Option(metavar="TYPE,...", help="Types of entities that count; others are O.")] = "",
    max_loss: Annotated[float, typer.Option(min=0, max=1, help="The share of the score that int8 may lose.")] = 0.01,
    threads: Threads = None,
) -> None:
    """Writes an encoder for ONNX Runtime, and proves that it is the same: onnxruntime and tokenizers run it.

    MODEL is a Hugging Face folder, RUN/model, or a name on the hub, with or without a head.
    """
    from equiglot.display import print_export
    from equiglot.exporting import ExportSettings, export_onnx, name_scored_data

    for option, given, known in (("--to", to, "onnx"), ("--quantize", quantize, "int8")):
        if given not in (None, known):
            raise InputError(f"{option} cannot be {given!r}", where=option, fix=f"write {known}")
    scored = name_scored_data(
        model,
        data or [],
        task=task,
        languages=_listed(languages or ""),
        columns=columns,
        rename=rename or [],
        types=_listed(types),
    )
    settings = ExportSettings(
        quantize="int8" if quantize else None,
        texts=tuple(text or ()),
        data=scored,
        max_loss=max_loss,
        any_processor=any_processor,
        threads=threads or 1,
    )
    _be_quiet()
    with _errors.status("") as shown:
        record = export_onnx(model, into, settings, lambda what: shown.update(escape(what)))
    print_export(_output, record)
    _output.print(f"The model: {into}", soft_wrap=True, highlight=False, markup=False)


@app.command()
def cost(
    models: Models,
    text: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Sentences to read, one a line.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every number to this file as well.")] = None,
    sentences: Annotated[int, typer.Option(min=1, help="Read in each round.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Of all models, which take turns.")] = 5,
    threads: Threads = None,
    replace: ReplaceFile = False,
) -> None:
    """Measures what models cost: parameters, bytes on disk and in memory, time; beside each other.

    A MODEL is a Hugging Face folder, a folder that `equiglot export` made, RUN/model, a run folder for all its models,
    or a name on the hub.
    """
    from equiglot.display import print_cost
    from equiglot.exporting import CostSettings, measure_cost, read_sentences
    from equiglot.models import name_models
    from equiglot.run import write_json

    if json_file is not None:
        check_new(json_file, "--json", replace=replace)
    settings = CostSettings(threads=threads or 1, sentences=sentences, rounds=rounds)
    lines = read_sentences(text or [], sentences)
    _be_quiet()
    with _errors.status("") as shown:
        record = measure_cost(name_models(models), lines, settings, lambda what: shown.update(escape(what)))
    print_cost(_output, record)
    if json_file is not None:
        write_json(json_file, record.model_dump(mode="json"))


@app.command()
def push(
    model: OneModel,
    repository: Annotated[str, typer.Argument(metavar="REPO", help="On the Hugging Face hub: name/model.")],
    private: Annotated[bool, typer.Option("--private", help="Make a private repository.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Sends a model to the Hugging Face hub."""
    from equiglot.display import print_upload
    from equiglot.models import check_token, find_model, look_up, prepare_upload, send

    upload = prepare_upload(find_model(model))
    check_token()
    print_upload(_output, upload, repository, there=look_up(repository, private=private), private=private)
    if not yes and not sys.stdin.isatty():
        raise InputError("nothing was sent: nobody is there to be asked", fix="add --yes")
    if yes or typer.confirm("Send it?"):
        _output.print(f"The model: {send(upload, repository, private=private)}", highlight=False)
    else:
        _output.print("Nothing was sent.")


def _byte_count(text: str) -> int:
    from equiglot.settings import parse_bytes

    try:
        return parse_bytes(text)
    except ValueError as error:
        raise InputError(str(error), where="--fit") from None


def _open_models(sources: list[str]) -> Iterator["OpenModel"]:
    from equiglot.models import name_models, open_model

    _be_quiet()
    return (open_model(name, source) for name, source in name_models(sources).items())


def _be_quiet() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _same_command(
    folder: Path,
    on: str,
    checkpoint_seconds: float,
    *,
    replace: bool,
    reuse: Sequence[Path],
    take_over: bool,
    other_conditions: bool,
) -> list[str]:
    """The arguments of `equiglot` that go on with a run from any folder, with the recipe as it is there."""
    kind, colon, about = on.partition(":")
    flags = {"--replace": replace, "--take-over": take_over, "--other-conditions": other_conditions}
    return [
        "run",
        os.path.abspath(RunDirectory(folder).recipe),
        f"--into={os.path.abspath(folder)}",
        f"--on={kind}{colon}{os.path.abspath(about) if kind == 'slurm' and about else about}",
        f"--checkpoint-seconds={checkpoint_seconds}",
        *(f"--reuse={os.path.abspath(each)}" for each in reuse),
        *(name for name, given in flags.items() if given),
    ]


def _run(
    recipe: "Recipe",
    into: Path | None,
    machine: "Machine",
    on: str = "local",
    same: Sequence[str] = (),
    **options: Any,
) -> None:
    """Runs a recipe `on` other machines or here, where it can be watched.

    Before the time of a job is over that the command itself is, it is given to the cluster once more, with the
    arguments `same`; `options` are those of `run_recipe`.
    """
    from equiglot.display import RunDisplay, print_audit, print_doubts, print_results
    from equiglot.pipeline import detach_again, pool_on, read_audit, read_status, run_recipe, stored_texts

    folder, display, begun = _folder(recipe, into), RunDisplay(_output), time.monotonic()
    pool = pool_on(on, display.ask)
    try:
        with display as shown:
            page = run_recipe(recipe, folder, machine=machine, watcher=shown.watcher(), pool=pool, **options)
    except Interrupted as why:
        if why.signal == signal.SIGUSR1 and (job := detach_again(folder, on, same, time.monotonic() - begun)):
            _output.print(f"The time of this job is nearly over; SLURM job {job} goes on.", highlight=False)
            return
        raise
    print_results(_output, read_status(folder), recipe)
    if (audited := read_audit(folder, recipe)) is not None:
        print_audit(_output, audited)
    print_doubts(_output, stored_texts(folder, recipe))
    _print_page(page)


def _print_detached(job: str, folder: Path) -> None:
    words = (
        f"The command is SLURM job {job}. Follow it: equiglot status {shlex.quote(str(folder))}; end it: scancel {job}"
    )
    _output.print(words, highlight=False, soft_wrap=True)


def _folder(recipe: "Recipe", into: Path | None) -> Path:
    return into or Path("runs") / recipe.name


def _print_page(page: Path) -> None:
    _output.print(f"The page: {page}", soft_wrap=True, highlight=False)


def main() -> None:
    """The program: exit code 0 done, 2 bad input (one message), 1 a bug (a traceback), 128 + n after signal n.

    Where whoever read the output has gone, that is as after SIGPIPE, and without a word.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a pipe of another encoding cannot take is written as \\xfc
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        for argument in sys.argv:
            check_name(argument)
        app()
    except Interrupted as error:
        if error.signal != signal.SIGPIPE:
            _errors.print("Stopped; the same command continues.")
        sys.exit(128 + error.signal)
    except InputError as error:
        _fail(error)
    except BaseException as error:
        refused = refusal(error)
        if refused is None:
            raise
        _fail(refused)


def _fail(error: InputError) -> None:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(2)
