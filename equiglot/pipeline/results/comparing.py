"""Several runs on one page: which numbers of theirs can be compared, and how they differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from equiglot.errors import InputError
from equiglot.evaluation import MASKED_LM, ByLanguage, Score, difference_rows
from equiglot.pipeline.execution.folder import read_run
from equiglot.pipeline.execution.states import checked_graph
from equiglot.pipeline.results.assembling import Assembly
from equiglot.pipeline.results.recipe_diff import changed_fields
from equiglot.recipe import Recipe
from equiglot.report import ComparedRun, Comparison, Field, is_comparison, listed, name_in, task_title, write_comparison
from equiglot.run import RunDirectory, canonical_json, check_new, fingerprint
from equiglot.tasks import SPLITS

_WORDS: dict[str, Any] = {  # fields of a recipe that change nothing that is made
    "name": True, "description": True, "report": True, "languages": {"__all__": {"wikipedia"}},
}  # fmt: skip
_CUT = "their test texts are cut otherwise"
_OTHER_SOURCES = "some of the probes are trained on other labelled data"
_FOLLOWING = (_CUT, _OTHER_SOURCES)  # not worth saying where there is another reason


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
    runs = [_Run(*each) for each in zip(_names(roots), roots, recipes, strict=True)]
    groups = _common_groups(recipes)
    pairs = list(combinations(runs, 2))
    comparison = Comparison(
        runs=tuple(run.compared(groups) for run in runs),
        groups=groups,
        fields=(
            *changed_fields([_tree(recipe) for recipe in recipes]),
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


@dataclass(frozen=True)
class _Run:
    """One of the runs."""

    name: str
    root: Path
    recipe: Recipe

    @cached_property
    def assembly(self) -> Assembly:
        checked_graph(RunDirectory(self.root), self.recipe)
        return Assembly(RunDirectory(self.root), self.recipe)

    @property
    def scores(self) -> dict[str, ByLanguage]:
        """MRR of the monolingual teachers together, and of every model that is compared with them."""
        shown = {name for name, plan in self.recipe.plans().items() if not self.recipe.is_expert(plan)}
        models = {name: scores for name, scores in self.assembly.mrr.items() if name in shown}
        return {self.recipe.reference_name: self.assembly.teachers(), **models}

    def compared(self, groups: Mapping[str, Sequence[str]]) -> ComparedRun:
        records = {name: self.assembly.record(f"model/{name}") for name in self.recipe.plans()}
        tests = {code: test for code in self.recipe.trained_languages if (test := self.test_of(code))}
        return ComparedRun(
            name=self.name,
            folder=str(self.root),
            report=self.assembly.report(list(self.assembly.scores(groups))),
            trainings={name: record.fingerprint for name, record in records.items() if record},
            seeds={name: canonical_json(self._seeds(name)) for name in self.recipe.plans()},
            seedless=fingerprint(self._seedless()),
            tests={code: fingerprint(test) for code, test in tests.items()},
            labels={task: self._labels(task) for task in self.assembly.probed},
        )

    def _labels(self, task: str) -> dict[str, str]:
        return {code: fingerprint(self.probe_of(task, code)) for code in self.recipe.trained_languages}

    def _seedless(self) -> Any:
        """Its recipe without names, words and seeds, and what its texts, labels and start weights are, not where.

        Of what is not known, nothing can be said: it is that of this run alone.
        """
        alone = {"of": str(self.root)}
        corpora = sorted({*self.recipe.text_languages, *self.recipe.vocabulary_languages})
        starts = {
            name: self.assembly.record(f"model/{name}")
            for name, plan in self.recipe.plans().items()
            if plan.start is not None and plan.start.folder is not None
        }
        return {
            "recipe": _without_seeds(self.recipe),
            "texts": {code: self.source_of(f"corpus/{code}") or alone for code in corpora},
            "labels": {task: self.source_of(f"task/{task}") or alone for task in self.recipe.probed},
            "starts": {name: record.inputs["source"] if record else alone for name, record in starts.items()},
        }

    def _seeds(self, name: str) -> Any:
        """All that is drawn for a training is drawn from these: of its text, of itself and of what it is made from."""
        plans = self.recipe.plans()
        before = sorted(set(plans[name].made_from) & plans.keys())
        return [self.recipe.seed, plans[name].seed(self.recipe), *map(self._seeds, before)]

    def source_of(self, job: str) -> Any:
        """What stands for a job's text or labels; None where that is not known."""
        record = self.assembly.record(job)
        return record.inputs["source"] if record else None

    def test_of(self, language: str) -> dict[str, Any]:
        """What its scores in a language hang on besides the model: reason -> a mark; nothing if that is not known."""
        task = self.recipe.masked
        if task is None or not all(
            map(self.assembly.record, ("vocabulary/shared", f"corpus/{language}", f"tokens/{language}"))
        ):
            return {}
        cut = {file: mark for file, mark in self._outputs(f"tokens/{language}").items() if file.startswith("test")}
        return {
            "their vocabularies differ, and other tokens are easier or harder to guess":
                self._outputs("vocabulary/shared").get("tokenizer.json"),
            "their test texts differ": self._outputs(f"corpus/{language}").get("test.arrow"),
            _CUT: cut,
            "other positions are masked": task.model_dump(exclude={"resamples"}),
        }  # fmt: skip

    def probe_of(self, task: str, language: str) -> dict[str, Any]:
        """The same of the probes of a task whose data is prepared: model and vocabulary may be any."""
        settings, data = self.recipe.probed[task], self._outputs(f"task/{task}")
        return {
            "their labelled data differ": [data.get(f"{language}-{split}.arrow") for split in SPLITS],
            "their probes are trained otherwise": settings.probe.model_dump(mode="json", exclude={"seeds"}),
            "their probes read other layers": settings.layers,
        }

    def sources_of(self, task: str, language: str) -> dict[str, Any]:
        """The same of the means over the probes that were trained on all other languages."""
        data = self._outputs(f"task/{task}")
        others = [code for code in self.recipe.trained_languages if code != language]
        sources = {code: data[f"{code}-train.arrow"] for code in sorted(others) if f"{code}-train.arrow" in data}
        chosen = {code: data.get(f"{code}-dev.arrow") for code in sources}
        return {"their probes are trained on other languages": list(sources), _OTHER_SOURCES: [sources, chosen]}

    def _outputs(self, job: str) -> dict[str, str]:
        record = self.assembly.record(job)
        return record.outputs if record else {}


def _tree(recipe: Recipe) -> Any:
    """A recipe without names and words, JSON-able; how it is scored by task, in whatever order."""
    tree = recipe.model_dump(mode="json", exclude=_WORDS)
    return {**tree, "evaluation": {settings["task"]: settings for settings in tree["evaluation"]}}


def _without_seeds(recipe: Recipe) -> Any:
    """A recipe without names, words, places and the seeds of trainings; those of tests and probes belong to it."""
    tree = _tree(recipe)
    tree.pop("seed")
    for settings in (tree, *tree["models"].values()):
        settings["training"].pop("seed")
        (settings.get("from") or {}).pop("folder", None)
    for language in tree["languages"].values():
        language.pop("text")
    for settings in tree["evaluation"].values():
        settings.pop("data", None)
    return tree


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


def _changed_texts(runs: Sequence[_Run]) -> Iterator[Field]:
    """The languages whose text or labels are not the same, whatever their places are called."""
    for code in runs[0].recipe.languages:
        yield from _changed(f"the text of {code} itself", [run.source_of(f"corpus/{code}") for run in runs])
    for task in runs[0].recipe.probed:
        sources = [run.source_of(f"task/{task}") or {} for run in runs]
        for code in runs[0].recipe.trained_languages:
            yield from _changed(f"the labels of {task} in {code} themselves", [each.get(code) for each in sources])


def _changed(name: str, sources: Sequence[Any]) -> Iterator[Field]:
    marks = tuple(fingerprint(source)[:8] for source in sources if source is not None)
    if len(marks) == len(sources) and len(set(marks)) > 1:
        yield Field(name=name, values=marks)


def _unlike(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, ...]:
    """Why scores of two runs cannot be compared, of reason -> a mark; nothing where they can, or that is not known."""
    if not first or not second:
        return ()
    reasons = [reason for reason in first if first[reason] != second[reason]]
    return tuple(reason for reason in reasons if reason not in _FOLLOWING or reasons[0] == reason)


def _shared_languages(one: _Run, two: _Run) -> list[str]:
    return [code for code in one.recipe.trained_languages if code in two.recipe.trained_languages]


def _obstacles(one: _Run, two: _Run) -> Iterator[str]:
    """Sentences that say what of two runs cannot be compared, and why."""
    shared, names = _shared_languages(one, two), f"{one.name} and {two.name}"
    if not shared:
        yield f"{names} have no language in common."
    yield from _sentences(f"MRR of {names}", {code: _unlike(one.test_of(code), two.test_of(code)) for code in shared})
    for task in (task for task in one.assembly.probed if task in two.assembly.probed):
        alone = {code: _unlike(one.probe_of(task, code), two.probe_of(task, code)) for code in shared}
        yield from _sentences(f"{task_title(task)} of {names}", alone)
        means = {
            code: () if alone[code] else _unlike(one.sources_of(task, code), two.sources_of(task, code))
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


def _differences(one: _Run, two: _Run, groups: Mapping[str, Sequence[str]]) -> Iterator[Score]:
    """The later run's models minus the equally named ones of the earlier, where they can be compared."""
    tests = {code: (one.test_of(code), two.test_of(code)) for code in _shared_languages(one, two)}
    comparable = [code for code, (first, second) in tests.items() if first and first == second]
    before = one.scores
    for name, scores in two.scores.items():
        first = {code: each for code, each in before.get(name, {}).items() if code in comparable}
        second = {code: each for code, each in scores.items() if code in comparable}
        named = ((name_in(two.name, name), second), (name_in(one.name, name), first))
        yield from difference_rows(MASKED_LM, *named, groups=groups, seed=two.recipe.seed)
