from .extending import EXTENSION, FITTING_HELD_OUT, Donor, ExtensionRecord, ExtensionText, extend_model, extension_parts
from .proof import ModelProof, TextProof
from .trimming import ID_MAP, MOST_HELD_OUT, TrimRecord, TrimText, kept_languages, trim_model, trim_texts

__all__ = [
    "EXTENSION",
    "FITTING_HELD_OUT",
    "ID_MAP",
    "MOST_HELD_OUT",
    "Donor",
    "ExtensionRecord",
    "ExtensionText",
    "ModelProof",
    "TextProof",
    "TrimRecord",
    "TrimText",
    "extend_model",
    "extension_parts",
    "kept_languages",
    "trim_model",
    "trim_texts",
]
