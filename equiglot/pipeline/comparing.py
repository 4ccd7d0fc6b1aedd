"""Several runs on one page: which numbers of theirs can be compared, and how they differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, takewhile
from pathlib import Path
from typing import Any

from equiglot.errors import InputError
from equiglot.evaluation import Bootstrap, ByLanguage, Score, difference_rows
from equiglot.pipeline.assembling import Assembly
from equiglot.pipeline.folder import read_run
from equiglot.pipeline.work import bootstrap_of
from equiglot.recipe import Recipe
from equiglot.report import ComparedRun, Comparison, Field, is_comparison, listed, name_in, write_comparison
from equiglot.run import RunDirectory, canonical_json, check_new, fingerprint

_WORDS: dict[str, Any] = {  # fields of a recipe that change nothing that is made
    "name": True, "description": True, "report": True, "languages": {"__all__": {"wikipedia"}},
}  # fmt: skip
_MISSING = object()
_SHOWN = 200  # characters of a value


def compare_runs(roots: Sequence[Path], into: Path, *, replace: bool = False) -> Path:
    """Writes one page about several runs; what is not done of them is left out, and the page says so.

    Args:
        roots: the run folders.
        into: the page, an HTML file; an earlier page of this kind is written over.
        replace: whether any other file may be written over, too.

    Returns:
        The path of the page.

    Raises:
        InputError: fewer than two runs, one of them twice, no run folder, a page that is no HTML file, or another file
            in its place.
    """
    _check(roots, into, replace=replace)
    recipes = [read_run(root) for root in roots]
    names, bootstrap = _names(roots), bootstrap_of(recipes[0].masked)
    runs = [_Run(*each, bootstrap) for each in zip(names, roots, recipes, strict=True)]
    groups = _common_groups(recipes)
    pairs = list(combinations(runs, 2))
    comparison = Comparison(
        runs=tuple(run.compared(groups) for run in runs),
        groups=groups,
        fields=(
            *_fields([recipe.model_dump(mode="json", exclude=_WORDS) for recipe in recipes]),
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
    """One of the runs, and how its intervals are made: as those of all others."""

    name: str
    root: Path
    recipe: Recipe
    bootstrap: Bootstrap

    @cached_property
    def assembly(self) -> Assembly:
        return Assembly(RunDirectory(self.root), self.recipe, self.bootstrap)

    @property
    def scores(self) -> dict[str, ByLanguage]:
        """MRR of the monolingual teachers together, and of every model that is compared with them."""
        shown = {name for name, plan in self.recipe.plans().items() if not self.recipe.is_expert(plan)}
        models = {name: scores for name, scores in self.assembly.mrr.items() if name in shown}
        return {self.recipe.report.reference: self.assembly.teachers(), **models}

    def compared(self, groups: Mapping[str, Sequence[str]]) -> ComparedRun:
        single = [score for score in self.assembly.scores() if score.group is None and score.metric == "mrr"]
        scores = [*single, *(score for score in self.assembly.comparisons(groups) if score.metric != "difference")]
        records = {name: self.assembly.record(f"model/{name}") for name in self.recipe.plans()}
        tests = {code: test for code in self.recipe.trained_languages if (test := self.test_of(code))}
        return ComparedRun(
            name=self.name,
            folder=str(self.root),
            report=self.assembly.report(scores),
            trainings={name: record.fingerprint for name, record in records.items() if record},
            seeds={name: canonical_json(self._seeds(name)) for name in self.recipe.plans()},
            seedless=fingerprint(self._seedless()),
            tests={code: fingerprint(test) for code, test in tests.items()},
        )

    def _seedless(self) -> Any:
        """Its recipe without names, words and seeds, and what its texts and start weights are, not where they lie.

        Of what is not known, nothing can be said: it is that of this run alone.
        """
        alone = {"of": str(self.root)}
        corpora = {*self.recipe.trained_languages, *self.recipe.vocabulary_languages}
        texts = {code: self.assembly.record(f"corpus/{code}") for code in sorted(corpora)}
        starts = {
            name: self.assembly.record(f"model/{name}")
            for name, plan in self.recipe.plans().items()
            if plan.encoder.folder is not None
        }
        return {
            "recipe": _without_seeds(self.recipe),
            "texts": {code: record.inputs["source"] if record else alone for code, record in texts.items()},
            "starts": {name: record.inputs["encoder"] if record else alone for name, record in starts.items()},
        }

    def _seeds(self, name: str) -> Any:
        """All that is drawn for a training is drawn from these: of its text, of itself and of its teachers."""
        plans = self.recipe.plans()
        teachers = sorted(set(plans[name].teachers().values()) & plans.keys())
        return [self.recipe.seed, plans[name].seed(self.recipe), *map(self._seeds, teachers)]

    def test_of(self, language: str) -> dict[str, Any]:
        """What its scores in a language hang on besides the model: reason -> a mark; nothing if that is not known."""
        if not all(map(self.assembly.record, ("vocabulary/shared", f"corpus/{language}", f"tokens/{language}"))):
            return {}
        cut = {file: mark for file, mark in self._outputs(f"tokens/{language}").items() if file.startswith("test")}
        return {
            "their vocabularies differ, and other tokens are easier or harder to guess":
                self._outputs("vocabulary/shared").get("tokenizer.json"),
            "their test texts differ": self._outputs(f"corpus/{language}").get("test.arrow"),
            "their test texts are cut otherwise": cut,
            "other positions are masked": self.recipe.masked.model_dump(exclude={"resamples"}),
        }  # fmt: skip

    def _outputs(self, job: str) -> dict[str, str]:
        record = self.assembly.record(job)
        return record.outputs if record else {}


def _without_seeds(recipe: Recipe) -> Any:
    """A recipe without names, words, places and the seeds of trainings; those of the test belong to it."""
    tree = recipe.model_dump(mode="json", exclude={**_WORDS, "seed": True})
    for settings in (tree, *tree["models"].values()):
        settings["training"].pop("seed")
        settings["encoder"].pop("folder")
    for language in tree["languages"].values():
        language.pop("text")
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


def _fields(trees: Sequence[Any]) -> list[Field]:
    """Where recipes differ; what a model only has from the recipe's own settings is not told again."""
    found = {path: values for path, values in _leaves(trees, ())}
    kept = {
        path: values
        for path, values in found.items()
        if not (path[0] == "models" and path[2:3] in (("encoder",), ("training",)) and found.get(path[2:]) == values)
    }
    return [Field(name=".".join(path), values=values) for path, values in kept.items()]


def _changed_texts(runs: Sequence[_Run]) -> Iterator[Field]:
    """The languages whose text is not the same, whatever its place is called."""
    for code in runs[0].recipe.languages:
        records = [run.assembly.record(f"corpus/{code}") for run in runs]
        marks = tuple(fingerprint(record.inputs["source"])[:8] for record in records if record)
        if len(marks) == len(runs) and len(set(marks)) > 1:
            yield Field(name=f"the text of {code} itself", values=marks)


def _leaves(trees: Sequence[Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    trees = [_numbered(tree) for tree in trees]
    if all(isinstance(tree, dict) for tree in trees):
        for key in dict.fromkeys(key for tree in trees for key in tree):
            yield from _leaves([tree.get(key, _MISSING) for tree in trees], (*path, key))
    elif any(isinstance(tree, dict) for tree in trees) and any(tree is _MISSING for tree in trees):
        yield path, tuple("" if tree is _MISSING else "there" for tree in trees)
    else:
        values = tuple(map(_value, trees))
        if len(set(values)) > 1:
            yield path, _shown(values)


def _numbered(tree: Any) -> Any:
    """A list of settings as a mapping, so that what differs in them is found; everything else as it is."""
    settings = isinstance(tree, list) and tree and all(isinstance(each, dict) for each in tree)
    return {str(number): each for number, each in enumerate(tree)} if settings else tree


def _value(tree: Any) -> str:
    return "" if tree is _MISSING else tree if isinstance(tree, str) else canonical_json(tree)


def _shown(values: Sequence[str]) -> tuple[str, ...]:
    """Long values cut to where they begin to differ."""
    given = set(values) - {""}
    same = sum(1 for _ in takewhile(lambda signs: len(set(signs)) == 1, zip(*given, strict=False)))
    long = len(given) > 1 and max(map(len, given)) > _SHOWN
    start = max(0, same - _SHOWN // 4) if long else 0
    return tuple(_cut(value, start) for value in values)


def _cut(text: str, start: int) -> str:
    dots = "\N{HORIZONTAL ELLIPSIS}"
    part = text[start : start + _SHOWN]
    return f"{dots if start and text else ''}{part}{dots if start + _SHOWN < len(text) else ''}"


def _unlike(one: _Run, two: _Run, language: str) -> tuple[str, ...]:
    """Why scores of two runs in a language cannot be compared; nothing where they can, or that is not known."""
    first, second = one.test_of(language), two.test_of(language)
    if not first or not second:
        return ()
    reasons = [reason for reason in first if first[reason] != second[reason]]
    cut = "their test texts are cut otherwise"  # follows from either of the others
    return tuple(reason for reason in reasons if reason != cut or reasons[0] == cut)


def _shared_languages(one: _Run, two: _Run) -> list[str]:
    return [code for code in one.recipe.trained_languages if code in two.recipe.trained_languages]


def _obstacles(one: _Run, two: _Run) -> Iterator[str]:
    """Sentences that say what of two runs cannot be compared, and why."""
    shared = _shared_languages(one, two)
    if not shared:
        yield f"{one.name} and {two.name} have no language in common."
    found: dict[tuple[str, ...], list[str]] = {}
    for code in shared:
        if why := _unlike(one, two, code):
            found.setdefault(why, []).append(code)
    for why, codes in found.items():
        where = "" if len(codes) == len(shared) else f" in {listed(codes)}"
        yield f"MRR of {one.name} and {two.name} is not comparable{where}: {listed(why)}."


def _differences(one: _Run, two: _Run, groups: Mapping[str, Sequence[str]]) -> Iterator[Score]:
    """The later run's models minus the equally named ones of the earlier, where they can be compared."""
    tests = {code: (one.test_of(code), two.test_of(code)) for code in _shared_languages(one, two)}
    comparable = [code for code, (first, second) in tests.items() if first and first == second]
    before = one.scores
    for name, scores in two.scores.items():
        first = {code: each for code, each in before.get(name, {}).items() if code in comparable}
        second = {code: each for code, each in scores.items() if code in comparable}
        named = ((name_in(two.name, name), second), (name_in(one.name, name), first))
        yield from difference_rows(*named, groups=groups, seed=two.recipe.seed)
