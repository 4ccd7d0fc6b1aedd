"""The kinds of steps of a run: what each depends on, where it writes, and what it does.

What trains or reads models is reached through its package when a step is at work (`models.load_model`): the command
that leads a run, or looks at one, does not wait for it.
"""

from equiglot.pipeline.steps.agreement import Agreement
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.corpus import Corpus, LeakSearch
from equiglot.pipeline.steps.export import Exported, exported_steps
from equiglot.pipeline.steps.finetune import FineTuned, FineTunedData, fine_tuned_steps, halved_steps
from equiglot.pipeline.steps.labels import Labels, Losses
from equiglot.pipeline.steps.measuring import Measuring
from equiglot.pipeline.steps.model import TakenModel, TrainedModel
from equiglot.pipeline.steps.ngrams import Neighbours, NGrams, simple_steps
from equiglot.pipeline.steps.probe import Features, Probes, TaskData
from equiglot.pipeline.steps.revised_model import ExtendedModel, FreshModel, TrimmedModel
from equiglot.pipeline.steps.scores import LikelihoodBits, Scores
from equiglot.pipeline.steps.segmentation import Segmented, read_segmentation
from equiglot.pipeline.steps.step import Step
from equiglot.pipeline.steps.tokens import Tokens
from equiglot.pipeline.steps.vocabulary import Vocabulary

__all__ = [
    "Agreement",
    "Context",
    "Corpus",
    "Exported",
    "ExtendedModel",
    "Features",
    "FineTuned",
    "FineTunedData",
    "FreshModel",
    "Labels",
    "LeakSearch",
    "LikelihoodBits",
    "Losses",
    "Measuring",
    "NGrams",
    "Neighbours",
    "Probes",
    "Scores",
    "Segmented",
    "Step",
    "TakenModel",
    "TaskData",
    "Tokens",
    "TrainedModel",
    "TrimmedModel",
    "Vocabulary",
    "exported_steps",
    "fine_tuned_steps",
    "halved_steps",
    "read_segmentation",
    "simple_steps",
]
