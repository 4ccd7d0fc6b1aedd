"""What a run knows of one task that is probed: its data, the estimates of every model, and all rows of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from equiglot import probing
from equiglot.evaluation import (
    ESTIMATES,
    PairEstimates,
    Score,
    group_members,
    monolingual,
    rdt_rows,
    read_estimates,
    read_scores,
    transfer_rows,
)
from equiglot.pipeline.results.wording import probe_in_words
from equiglot.probing import FixedProbe
from equiglot.recipe import ProbedTask as Settings
from equiglot.recipe import Recipe
from equiglot.report import ProbedTask
from equiglot.run import RunDirectory
from equiglot.tasks import TaskSummary, open_task


class ProbedModels:
    """The probes of a task, as far as they are done.

    Args:
        run: the run folder.
        recipe: its recipe.
        settings: how the task is probed.
        models: names of the models whose probes are done; empty where the task's own data is not.
    """

    def __init__(self, run: RunDirectory, recipe: Recipe, settings: Settings, models: Sequence[str]) -> None:
        self._run, self._recipe, self._settings, self._models = run, recipe, settings, models

    @cached_property
    def summary(self) -> TaskSummary:
        """What the labelled data is."""
        return open_task(self._run.task(self._settings.task)).summary

    @cached_property
    def estimates(self) -> dict[str, PairEstimates]:
        """Model -> all that is known of it."""
        return {name: read_estimates(self._run.probes(self._subject(name)) / ESTIMATES) for name in self._models}

    @property
    def multilingual(self) -> dict[str, PairEstimates]:
        """The same of the models that are compared with the monolingual experts."""
        plans = self._recipe.plans()
        return {name: each for name, each in self.estimates.items() if not self._recipe.is_expert(plans[name])}

    @property
    def teachers(self) -> PairEstimates:
        """The monolingual teachers', each in its own language."""
        named = {code: self._recipe.reference(code) for code in self._recipe.trained_languages}
        return monolingual({code: self.estimates[name] for code, name in named.items() if name in self.estimates})

    def scores(self, groups: Mapping[str, Sequence[str]]) -> Iterator[Score]:
        """Every number: of each model by language, then of groups, of the teachers together, and differences."""
        for name in self._models:
            yield from read_scores(self._run.probes(self._subject(name)) / "scores.jsonl")
        yield from self.comparisons(groups)

    def comparisons(self, groups: Mapping[str, Sequence[str]]) -> Iterator[Score]:
        """Means over groups of languages, the monolingual teachers together, and differences between models."""
        data = self.summary.languages
        trained, tested = ([each.code for each in data if each.items.get(split)] for split in ("train", "test"))
        name, seed = self._recipe.reference_name, self._recipe.seed
        members = group_members(groups, trained, tested)
        yield from transfer_rows(
            self._settings.task, self.multilingual, self.teachers, reference=name, members=members, seed=seed
        )
        if self._recipe.merges:
            experts = {each: found for each, found in self.estimates.items() if each not in self.multilingual}
            references = {code: self._recipe.reference(code) for code in self._recipe.trained_languages}
            yield from rdt_rows(
                self._settings.task,
                self.multilingual,
                experts,
                references,
                reference=name,
                members=members,
                seed=seed,
            )

    def task(self) -> ProbedTask:
        """What the page says of the task."""
        probe = self._settings.probe
        return ProbedTask(
            **dict(self.summary),
            method=f"{probe_in_words(self._settings)}{self._unfinished()}",
            repeats=probe.seeds if isinstance(probe, FixedProbe) else 1,
            converged=not isinstance(probe, FixedProbe) and self._settings.layers != "mix",  # which is not convex
        )

    def _unfinished(self) -> str:
        """What a reader must know of probes that had to stop before they converged; nothing if there are none."""
        facts = [
            fact for name in self._models for fact in probing.read_facts(self._run.probes(self._subject(name))).values()
        ]
        stopped = sum(fact.converged is False for fact in facts)
        return f" (but {stopped:,} of {len(facts):,} probes had to stop before)" if stopped else ""

    def _subject(self, model: str) -> str:
        return f"{self._settings.task}.{model}"
