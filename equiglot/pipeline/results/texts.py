"""What a run knows of its text: each language's, and how the vocabulary takes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import langcodes

from equiglot.corpus import CleaningStep as CorpusStep
from equiglot.corpus import Leaks, read_leaks, read_sentences, read_statistics
from equiglot.files import read_json
from equiglot.pipeline.results.wording import vocabulary_in_words
from equiglot.pipeline.steps.corpus import ALL_TEXT
from equiglot.pipeline.steps.tokens import SPLITS
from equiglot.recipe import Recipe
from equiglot.report import CleaningStep, Language, Size
from equiglot.run import RunDirectory
from equiglot.vocabulary import TokenStatistics, load_backend, readable_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_EXAMPLE_TOKENS = 30


class RunText:
    """The text of a run, as far as it is prepared.

    Args:
        run: the run folder.
        recipe: its recipe.
        done: whether a job is.
    """

    def __init__(self, run: RunDirectory, recipe: Recipe, done: Callable[[str], bool]) -> None:
        self._run, self._recipe, self._done = run, recipe, done

    def language(self, code: str) -> Language:
        """A language of the run: its text, and how the vocabulary takes it."""
        name = _language_name(code)
        if not self._done(f"corpus/{code}"):
            return Language(code=code, name=name, has_text=code in self._recipe.sources)
        corpus, leaks = read_statistics(self._run.corpus(code)), self._leaks()
        counts = self._token_counts(code)
        sizes = {}
        for split in SPLITS:
            part, tokens = getattr(corpus, split), counts[split].tokens if counts else None
            sizes[split] = Size(characters=part.characters, sentences=part.sentences, tokens=tokens)
        steps = [CleaningStep(name=step.name, counts=_step_counts(step)) for step in corpus.steps]
        if leaks is not None and code in leaks.languages:
            leaked = leaks.languages[code].leaked
            steps.append(CleaningStep(name="leaks between languages", counts=_leak_counts(leaks, code)))
            if leaks.dropped:
                characters, sentences = corpus.train.characters, corpus.train.sentences
                sizes["train"] = Size(
                    characters=characters - leaked.characters,
                    sentences=sentences - leaked.sentences,
                    tokens=sizes["train"].tokens,
                )
        held_out = counts.get("valid")
        return Language(
            code=code,
            name=name,
            text=corpus.description,
            wikipedia=self._recipe.languages[code].wikipedia,
            cleaning=tuple(steps),
            fertility=held_out.fertility if held_out else None,
            continued=held_out.continued_share if held_out else None,
            unknown=held_out.unknown_rate if held_out else None,
            example=self._example(code) if counts else (),
            **sizes,
        )

    def vocabulary(self) -> str:
        """What the vocabulary is, a sentence; nothing before it is made."""
        if not self._done("vocabulary/shared"):
            return ""
        names = self._recipe.united or [_language_name(code) for code in self._recipe.vocabulary_languages]
        return vocabulary_in_words(self._recipe.vocabulary, self._tokenizer.get_vocab_size(), names)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return load_backend(self._run.vocabulary)

    def _leaks(self) -> Leaks | None:
        return read_leaks(self._run.leaks) if self._done(f"leaks/{ALL_TEXT}") else None

    def _example(self, code: str) -> tuple[str, ...]:
        """A held-out sentence as the vocabulary cuts it."""
        sentence = next(read_sentences(self._run.corpus(code) / "valid.arrow", 0, 1))[0]
        return readable_pieces(self._tokenizer, sentence)[:_EXAMPLE_TOKENS]

    def _token_counts(self, code: str) -> dict[str, TokenStatistics]:
        if not self._done(f"tokens/{code}"):
            return {}
        saved = read_json(self._run.tokens(code) / "tokens.json")
        return {split: TokenStatistics.model_validate(counts) for split, counts in saved.items()}


def _language_name(code: str) -> str:
    return langcodes.Language.get(code).display_name()


def _step_counts(step: CorpusStep) -> dict[str, int]:
    counts = {"dropped": step.dropped, "changed": step.changed}
    return {**{word: number for word, number in counts.items() if number}, "left": step.left}


def _leak_counts(leaks: Leaks, code: str) -> dict[str, int]:
    found = leaks.languages[code]
    into = "training sentences dropped" if leaks.dropped else "training sentences held out elsewhere"
    return {"test sentences in other training text": found.found, into: found.leaked.sentences}
