"""Several runs on one page: which numbers of theirs can be compared, and how they differ."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from equiglot.errors import InputError
from equiglot.evaluation import MASKED_LM, ByLanguage, Score, difference_rows, groups_within
from equiglot.files import check_new, fingerprint
from equiglot.pipeline.execution.folder import read_run
from equiglot.pipeline.results.comparable import RunToCompare, recipe_tree, unlike
from equiglot.pipeline.results.recipe_diff import changed_fields
from equiglot.recipe import Recipe
from equiglot.report import Comparison, Field, is_comparison, listed, name_in, task_title, write_comparison


def compare_runs(roots: Sequence[Path], into: Path, *, replace: bool = False) -> Path:
    """Writes one page about several runs; what is not done of them is left out, and the page says so.

    Args:
        roots: the run folders.
        into: the page, an HTML file; an earlier page of this kind is written over.
        replace: whether any other file may be written over, too.

    Returns:
        The path of the page.

    Raises:
        InputError: fewer than two runs, one of them twice, no run folder, one whose files have changed since they were
            made, a page that is no HTML file, or another file in its place.
    """
    _check(roots, into, replace=replace)
    recipes = [read_run(root) for root in roots]
    runs = [RunToCompare(*each) for each in zip(_names(roots), roots, recipes, strict=True)]
    groups = _common_groups(recipes)
    pairs = list(combinations(runs, 2))
    comparison = Comparison(
        runs=tuple(run.compared(groups) for run in runs),
        groups=groups,
        fields=(
            *changed_fields([recipe_tree(recipe) for recipe in recipes]),
            *_changed_texts(runs),
        ),
        obstacles=tuple(sentence for one, two in pairs for sentence in _obstacles(one, two)),
        differences=tuple(row for one, two in pairs for row in _differences(one, two, groups)),
    )
    write_comparison(comparison, into)
    return into


def _check(roots: Sequence[Path], into: Path, *, replace: bool) -> None:
    if len(roots) < 2:
        where, fix = listed(list(map(str, roots))), "name two run folders or more; `equiglot report RUN` is for one"
        raise InputError("one run alone is no comparison", where=where, fix=fix)
    places = [root.resolve() for root in roots]
    for root, place in zip(roots, places, strict=True):
        if places.count(place) > 1:
            raise InputError("this run is named twice", where=root, fix="name each run once")
    if into.suffix.lower() not in (".html", ".htm"):
        raise InputError("the page is an HTML file", where=f"--into {into}", fix="let its name end in .html")
    check_new(into, "--into", replace=replace or (into.is_file() and is_comparison(into)))


def _names(roots: Sequence[Path]) -> list[str]:
    """What the runs are called: their folders' names, or where two are equal, all paths."""
    short = [root.resolve().name for root in roots]
    return short if len(set(short)) == len(short) else [str(root) for root in roots]


def _common_groups(recipes: Sequence[Recipe]) -> dict[str, tuple[str, ...]]:
    """Groups of the languages that all runs have, if all runs group them so; "all" for all of them."""
    common = [
        code for code in recipes[0].trained_languages if all(code in other.trained_languages for other in recipes)
    ]
    groups = {}
    for name in recipes[0].groups:
        members = [{*recipe.groups.get(name, ())} & {*common} for recipe in recipes]
        if members[0] and all(each == members[0] for each in members):
            groups[name] = tuple(code for code in common if code in members[0])
    return groups


def _changed_texts(runs: Sequence[RunToCompare]) -> Iterator[Field]:
    """The languages whose text or labels are not the same, whatever their places are called."""
    for code in runs[0].recipe.languages:
        yield from _changed(f"the text of {code} itself", [run.source_of(f"corpus/{code}") for run in runs])
    for task in runs[0].labelled:
        sources = [run.source_of(f"task/{task}") or {} for run in runs]
        for code in runs[0].recipe.trained_languages:
            yield from _changed(f"the labels of {task} in {code} themselves", [each.get(code) for each in sources])


def _changed(name: str, sources: Sequence[Any]) -> Iterator[Field]:
    marks = tuple(fingerprint(source)[:8] for source in sources if source is not None)
    if len(marks) == len(sources) and len(set(marks)) > 1:
        yield Field(name=name, values=marks)


def _shared_languages(one: RunToCompare, two: RunToCompare) -> list[str]:
    return [code for code in one.recipe.trained_languages if code in two.recipe.trained_languages]


def _obstacles(one: RunToCompare, two: RunToCompare) -> Iterator[str]:
    """Sentences that say what of two runs cannot be compared, and why."""
    shared, names = _shared_languages(one, two), f"{one.name} and {two.name}"
    if not shared:
        yield f"{names} have no language in common."
    yield from _sentences(f"MRR of {names}", {code: unlike(one.test_of(code), two.test_of(code)) for code in shared})
    for task in (task for task in one.tasks if task in two.tasks):
        alone = {code: unlike(one.labels_of(task, code), two.labels_of(task, code)) for code in shared}
        yield from _sentences(f"{task_title(task)} of {names}", alone)
        if task in one.recipe.probed:
            means = {
                code: () if alone[code] else unlike(one.sources_of(task, code), two.sources_of(task, code))
                for code in shared
            }
            yield from _sentences(f"{task_title(task)}, zero-shot, of {names}", means)


def _sentences(what: str, reasons: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """One sentence for all languages that have the same reasons."""
    found: dict[tuple[str, ...], list[str]] = {}
    for code, why in reasons.items():
        if why:
            found.setdefault(why, []).append(code)
    for why, codes in found.items():
        where = "" if len(codes) == len(reasons) else f" in {listed(codes)}"
        yield f"{what} is not comparable{where}: {listed(why)}."


def _differences(one: RunToCompare, two: RunToCompare, groups: Mapping[str, Sequence[str]]) -> Iterator[Score]:
    """The later run's models minus the equally named ones of the earlier, where they can be compared and paired."""
    shared = _shared_languages(one, two)
    comparable = [code for code in shared if one.test_of(code) and one.test_of(code) == two.test_of(code)]
    yield from _paired(one, two, MASKED_LM, (one.scores, two.scores), comparable, groups)
    for task, source in two.tuned_scores:
        if (task, source) in one.tuned_scores and one.resampled(task) == two.resampled(task):
            comparable = [code for code in shared if one.labels_of(task, code) == two.labels_of(task, code)]
            scores = one.tuned_scores[task, source], two.tuned_scores[task, source]
            yield from _paired(one, two, task, scores, comparable, groups, source)


def _paired(
    one: RunToCompare,
    two: RunToCompare,
    task: str,
    scores: tuple[Mapping[str, ByLanguage], Mapping[str, ByLanguage]],
    comparable: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    source: str | None = None,
) -> Iterator[Score]:
    """The differences of one task, over these languages; `scores` are those of the models of either run."""
    before, after = scores
    for name in after:
        first, second = (
            {code: each for code, each in of.get(name, {}).items() if code in comparable} for of in (before, after)
        )
        within = groups if source is None else groups_within(groups, [code for code in second if code in first])
        named = ((name_in(two.name, name), second), (name_in(one.name, name), first))
        yield from difference_rows(task, *named, groups=within, seed=two.recipe.seed, source=source)
