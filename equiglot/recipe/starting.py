"""What a model is made of: another one's weights, another one with other entries, or another one with random ones."""

from typing import Literal

from pydantic import Field, model_validator

from equiglot.models import Part
from equiglot.settings import Settings
from equiglot.training import FittingSettings
from equiglot.vocabulary import ExtensionSettings, ReductionSettings


class Start(Part):
    """Where a model's first weights come from: a model of the recipe, or a folder.

    Embeddings, norms and the head are copied with the layers; the vocabulary stays the same.
    """

    model: str | None = Field(
        None, description="A model of the recipe, taken or trained in the same run; {language} may be in the name."
    )
    folder: str | None = Field(None, description="A Hugging Face folder; it must fit the vocabulary.")

    @model_validator(mode="after")
    def _one_place(self) -> "Start":
        if (self.model is None) == (self.folder is None):
            raise ValueError("name either a model of the recipe or a folder")
        return self


class Trim(ReductionSettings):
    """A model of the recipe whose vocabulary keeps the entries that some languages need, all else as it is.

    Trim a teacher before its student starts from it, or a student when it is trained (paper 4, section 5: VocabReduce
    before or after distilling). Where a model that starts from it must fit into a size (`from: {fit: 40MB}`), fewer
    entries stay, so that half of the layers fit beside them; unless `fit` is given here.
    """

    model: str = Field(
        description="A model of the recipe, taken, trained or trimmed in the same run; {language} may be in the name."
    )


class Extend(ExtensionSettings):
    """A model of the recipe whose vocabulary gets entries that some languages lack, all else as it is.

    Pieces that stand side by side in words of the training text are joined, the most frequent first. A row of a new
    entry is the mean of the rows of its pieces; or these rows, and nothing else, are fitted, so that hidden states are
    those of the old pieces (VocabAmp, which paper 4, section 5, leaves open; arXiv 2505.20133); or, of an entry that
    another model has, what that one knows of it is said by entries that both have (arXiv 2506.06607).
    """

    model: str = Field(
        description="A model of the recipe, taken, trained, trimmed or extended in the same run; {language} may be in "
        "the name."
    )
    start: Literal["mean", "fitted", "transplanted"] = Field("fitted", description="What a new row is.")
    fitting: FittingSettings = FittingSettings()
    donor: str | None = Field(
        None,
        description="transplanted: the model of the recipe that has them; {language} may be in it.",
    )
    anchors: int = Field(
        8, gt=0, le=4096, description="transplanted: entries of both models, at most, that stand for a new one."
    )

    @model_validator(mode="after")
    def _fits(self) -> "Extend":
        if self.start != "fitted" and "fitting" in self.model_fields_set:
            raise ValueError(
                f"rows of `start: {self.start}` are not fitted: leave out fitting, or take `start: fitted`"
            )
        given = sorted({"donor", "anchors"} & self.model_fields_set)
        if self.start != "transplanted" and given:
            raise ValueError(f"only rows that are transplanted have a donor: leave out {', '.join(given)}")
        if self.start == "transplanted" and self.donor is None:
            raise ValueError("`donor` is missing: name a model of the recipe that knows the language")
        return self


class Fresh(Settings):
    """A model of the recipe with random weights in place of its own, all else as it is, and not trained.

    Fine-tuned beside it, it shows what its pretraining is worth: all that it knows is what a task's training data teach
    it. The weights are drawn once, from the recipe's seed and its name, as transformers initialises that architecture;
    several fine-tunings start from the same ones.
    """

    model: str = Field(
        description="A model of the recipe, taken, trained, trimmed or extended in the same run; {language} may be in "
        "the name."
    )
