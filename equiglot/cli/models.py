"""Commands about models, of runs or not: what is asked of them, and what is made of them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from equiglot.cli.arguments import Models, ModelsAndText, OneModel, ReplaceFile, Texts, Threads
from equiglot.cli.program import app, be_quiet, errors, listed, output
from equiglot.errors import InputError
from equiglot.files import check_absent, check_new

if TYPE_CHECKING:
    from equiglot.models import OpenModel

_DATA = (
    "SPLIT=FILE (train, dev, test); a folder or glob of files named ...-train.conllu and so on; or hub:NAME:CONFIG. "
)
_DATA += "{language} stands for a code."
_FEW_LINES = 200  # of a language, to show what a trimmed model can no longer do


@app.command()
def fill(
    arguments: ModelsAndText,
    top: Annotated[int, typer.Option(min=1, max=100, help="Words for each mask.")] = 5,
) -> None:
    """Shows what models put in the place of [MASK], side by side.

    A MODEL is a Hugging Face folder, RUN/model, a run folder for all its models, or a name on the hub.
    """
    from equiglot.display import print_fillers
    from equiglot.evaluation import fill as fill_masks

    *sources, text = arguments
    if not sources:
        raise InputError("no model is named", fix='equiglot fill MODEL [MODEL ...] "text with [MASK]"')
    print_fillers(output, text, {each.name: fill_masks(each, text, top) for each in _open_models(sources)})


@app.command()
def evaluate(
    models: Models,
    text: Texts,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every number to this file as well.")] = None,
    likelihood_lines: Annotated[
        int,
        typer.Option(
            min=0, max=10_000_000, help="Lines of each text that bits a character are measured on; 0 for none."
        ),
    ] = 300,
    seed: Annotated[int, typer.Option(min=0, max=999_999_999, help="Of masks and intervals.")] = 0,
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
    with errors.status("") as shown:
        scores = score_external(opened, texts, settings, lambda what: shown.update(escape(what)))
    print_external_scores(output, scores)
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
    trained, tested = listed(languages), listed(zero_shot)
    labelled = name_data(
        task,
        data,
        trained,
        zero_shot=tested,
        columns=columns,
        rename=rename or [],
        types=listed(types),
        train_sentences=train_sentences,
        rules=rules,
    )
    with _stoppable(threads) as stop, FineTuningDisplay(errors) as shown:
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
    print_fine_tuned(output, done)


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
def trim(
    model: OneModel,
    text: Texts,
    into: Annotated[Path, typer.Option(help="The folder to make.")],
    languages: Annotated[
        str | None, typer.Option(metavar="CODES", help="For which it is to be: sl,hr; all that have text if not given.")
    ] = None,
    min_sentence_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Entries stay that so many of a language's sentences have.  [default: 0.0005]"),
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=1, max=10_000_000, help="Or so many entries, the languages in turn.")
    ] = None,
    fit: Annotated[str | None, typer.Option(metavar="BYTES", help="Or what fits: 60MB, weights and tokenizer.")] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="TYPE", help="int8: --fit counts the model's export in int8.")
    ] = None,
    keep_text: Annotated[Path | None, typer.Option(help="Text that must be cut as before, whatever it is.")] = None,
) -> None:
    """Makes a small model of a multilingual one: the vocabulary of some languages, everything else bit by bit.

    A language of --text that is not among --languages shows what the model can no longer do; without, lines of the
    embedded sample do, where it is installed.
    """
    from equiglot.display import print_trim
    from equiglot.evaluation import name_texts
    from equiglot.exporting import few_lines
    from equiglot.revising import TrimText, kept_languages, trim_model, trim_texts
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
    kept = kept_languages(paths, None if languages is None else listed(languages))
    texts = trim_texts(paths, kept)
    if {*texts} == {*kept}:
        with suppress(InputError):  # it is not installed
            lost = {code: lines for code, lines in few_lines(_FEW_LINES).items() if code not in kept}
            texts |= {code: TrimText((), lines, "the embedded sample") for code, lines in lost.items()}
    be_quiet()
    with errors.status("") as shown:
        record = trim_model(
            model,
            texts,
            into,
            amount,
            languages=kept,
            keep_text=keep_text,
            progress=lambda what: shown.update(escape(what)),
        )
    print_trim(output, record)
    output.print(f"The model: {into}", soft_wrap=True, highlight=False, markup=False)


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
        languages=listed(languages or ""),
        columns=columns,
        rename=rename or [],
        types=listed(types),
    )
    settings = ExportSettings(
        quantize="int8" if quantize else None,
        texts=tuple(text or ()),
        data=scored,
        max_loss=max_loss,
        any_processor=any_processor,
        threads=threads or 1,
    )
    be_quiet()
    with errors.status("") as shown:
        record = export_onnx(model, into, settings, lambda what: shown.update(escape(what)))
    print_export(output, record)
    output.print(f"The model: {into}", soft_wrap=True, highlight=False, markup=False)


@app.command()
def cost(
    models: Models,
    text: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Sentences to read, one a line.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every number to this file as well.")] = None,
    sentences: Annotated[int, typer.Option(min=1, max=1_000_000, help="Read in each round.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, max=10_000, help="Of all models, which take turns.")] = 5,
    threads: Threads = None,
    replace: ReplaceFile = False,
) -> None:
    """Measures what models cost: parameters, bytes on disk and in memory, time; beside each other.

    A MODEL is a Hugging Face folder, a folder that `equiglot export` made, RUN/model, a run folder for all its models,
    or a name on the hub.
    """
    from equiglot.display import print_cost
    from equiglot.exporting import CostSettings, measure_cost, read_sentences
    from equiglot.files import write_json
    from equiglot.models import name_models

    if json_file is not None:
        check_new(json_file, "--json", replace=replace)
    settings = CostSettings(threads=threads or 1, sentences=sentences, rounds=rounds)
    lines = read_sentences(text or [], sentences)
    be_quiet()
    with errors.status("") as shown:
        record = measure_cost(name_models(models), lines, settings, lambda what: shown.update(escape(what)))
    print_cost(output, record)
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
    print_upload(output, upload, repository, there=look_up(repository, private=private), private=private)
    if not yes and not sys.stdin.isatty():
        raise InputError("nothing was sent: nobody is there to be asked", fix="add --yes")
    if yes or typer.confirm("Send it?"):
        output.print(f"The model: {send(upload, repository, private=private)}", highlight=False)
    else:
        output.print("Nothing was sent.")


def _byte_count(text: str) -> int:
    from equiglot.settings import parse_bytes

    try:
        return parse_bytes(text)
    except ValueError as error:
        raise InputError(str(error), where="--fit") from None


def _open_models(sources: list[str]) -> Iterator["OpenModel"]:
    from equiglot.models import name_models, open_model

    be_quiet()
    return (open_model(name, source) for name, source in name_models(sources).items())
