"""The kinds of steps of a run, one a file: what each depends on, where it writes, and what it does."""

from equiglot.pipeline.steps.agreement import Agreement
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.corpus import Corpus
from equiglot.pipeline.steps.extended_model import ExtendedModel
from equiglot.pipeline.steps.labels import Labels
from equiglot.pipeline.steps.leaks import LeakSearch
from equiglot.pipeline.steps.likelihood import LikelihoodBits
from equiglot.pipeline.steps.losses import Losses
from equiglot.pipeline.steps.model import TakenModel, TrainedModel, TrimmedModel
from equiglot.pipeline.steps.probe import Features, Probes, TaskData
from equiglot.pipeline.steps.scores import Scores
from equiglot.pipeline.steps.step import Step
from equiglot.pipeline.steps.tokens import Tokens
from equiglot.pipeline.steps.vocabulary import Vocabulary

__all__ = [
    "Agreement",
    "Context",
    "Corpus",
    "ExtendedModel",
    "Features",
    "Labels",
    "LeakSearch",
    "LikelihoodBits",
    "Losses",
    "Probes",
    "Scores",
    "Step",
    "TakenModel",
    "TaskData",
    "Tokens",
    "TrainedModel",
    "TrimmedModel",
    "Vocabulary",
]
