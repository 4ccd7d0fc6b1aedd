"""How often the run's tokenizer cuts a sentence as another does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equiglot import vocabulary
from equiglot.files import atomic_folder, write_json
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.material import AGREEMENT
from equiglot.pipeline.steps.step import Step
from equiglot.run import RunDirectory, tokens_of
from equiglot.vocabulary import read_map


@dataclass(frozen=True)
class Agreement(Step):
    """How often a student's tokenizer cuts a language's sentences as that of the teacher `teacher` does.

    The tokenizers' owners are `teacher` and `student`, "" for the run's.
    """

    kind = "agreement"
    folder = staticmethod(RunDirectory.agreement)
    language: str
    teacher: str
    student: str

    @property
    def subject(self) -> str:
        """language.teacher."""
        return tokens_of(self.language, self.teacher)

    @property
    def needs(self) -> tuple[str, ...]:
        """The language's text, cut by both."""
        return (f"tokens/{self.subject}", f"tokens/{tokens_of(self.language, self.student)}")

    def run(self, context: Context) -> None:
        """Compares the two texts."""
        run = context.run
        mapping = read_map(vocabulary.map_path(run.vocabulary, self.teacher))
        student = vocabulary.pieces_of(vocabulary.load_tokenizer(run.vocabulary))
        ours, theirs = (run.tokens(self.language, owner) / "train" for owner in ("", self.teacher))
        found = vocabulary.agreement(ours, theirs, mapping, student)
        with atomic_folder(context.output) as folder:
            np.save(folder / AGREEMENT, found.sentences, allow_pickle=False)
            write_json(folder / "agreement.json", found.summary())
