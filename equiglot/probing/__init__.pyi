from .features import Features, open_features, write_features
from .settings import ConvergedProbe, FixedProbe, Layers, Probing
from .transfer import PairPredictions, ProbeFacts, probe_pairs, read_facts, read_predictions, write_predictions

__all__ = [
    "ConvergedProbe",
    "Features",
    "FixedProbe",
    "Layers",
    "PairPredictions",
    "ProbeFacts",
    "Probing",
    "open_features",
    "probe_pairs",
    "read_facts",
    "read_predictions",
    "write_features",
    "write_predictions",
]
