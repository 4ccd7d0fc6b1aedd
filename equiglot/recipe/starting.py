"""What a model is made of, if not of random weights: another one's weights, or another one with fewer entries."""

from pydantic import Field, model_validator

from equiglot.models import Part
from equiglot.vocabulary import ReductionSettings


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
    before or after distilling).
    """

    model: str = Field(
        description="A model of the recipe, taken, trained or trimmed in the same run; {language} may be in the name."
    )
