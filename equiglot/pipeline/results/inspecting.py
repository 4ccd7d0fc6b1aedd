"""Looking at stored labels: those of a run, and one store in detail."""

from pathlib import Path

from equiglot.errors import InputError
from equiglot.labels import StoreSummary, inspect_store
from equiglot.pipeline.execution.folder import read_run
from equiglot.pipeline.execution.states import check_outputs, recorded_graph, state_of
from equiglot.pipeline.results.merged import MergedRun
from equiglot.pipeline.steps.stores import all_stores
from equiglot.pipeline.steps.vocabulary import tokenizer_folder
from equiglot.recipe import Recipe
from equiglot.report import StoredText
from equiglot.run import RunDirectory
from equiglot.vocabulary import load_tokenizer, open_tokens


def stored_texts(root: Path, recipe: Recipe) -> tuple[StoredText, ...]:
    """What the finished stores of a run hold."""
    run = RunDirectory(root)
    jobs = recorded_graph(run, recipe).jobs
    merged = MergedRun(run, recipe, lambda name: name in jobs and state_of(run, jobs[name]) == "done").merged()
    return merged.labels if merged else ()


def inspect_labels(path: Path, examples: int) -> StoreSummary:
    """What a store holds, with some of its positions in words where it lies in its run.

    Raises:
        InputError: there is no store, it is not finished, or it, its text or its teacher are not as they were made.
    """
    root = path.resolve().parent.parent
    try:
        recipe, run = read_run(root), RunDirectory(root)
    except InputError:  # a store that was copied elsewhere: its words are not known
        return inspect_store(path, None, None, examples=examples)
    store = next((each for each in all_stores(recipe) if each.subject == path.resolve().name), None)
    if store is None:
        return inspect_store(path, None, None, examples=examples)
    jobs = recorded_graph(run, recipe).jobs
    labels = jobs.get(f"labels/{store.subject}")
    if labels is not None:
        check_outputs(run, (labels, *(jobs[name] for name in labels.needs)))
    tokenizer = load_tokenizer(tokenizer_folder(run, recipe, store.owner))
    return inspect_store(
        path, tokenizer, open_tokens(run.tokens(store.language, store.owner) / "train"), examples=examples
    )
