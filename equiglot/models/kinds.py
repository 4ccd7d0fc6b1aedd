"""Which model folders hold masked language models, and what the others hold."""

from collections.abc import Collection, Iterable
from pathlib import Path

from transformers import CONFIG_MAPPING, PreTrainedModel
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from equiglot.errors import InputError
from equiglot.models.checking import read_config

# What checkpoints of masked language models have beside them: a layer on [CLS], the other half of BERT's and ALBERT's
# pretraining (is this the next sentence?), and buffers that older versions of transformers saved.
_BESIDE = ("pooler", "seq_relationship", "sop_classifier", "position_ids", "token_type_ids", "inv_freq")
_INSTEAD = "use a masked language model (BERT, RoBERTa, ModernBERT and their like)"


def check_kind(folder: Path) -> None:
    """Refuses a model that is no masked language model by what its config.json says.

    Raises:
        InputError: a model that writes, an encoder with a decoder, or one that transformers does not know.
    """
    config = read_config(folder)
    kind, where = config.get("model_type"), f"{folder / 'config.json'}, field model_type"
    if not isinstance(kind, str):
        fix = 'write it there if you know it, such as "model_type": "bert"'
        raise InputError("the configuration does not say what kind of model it is", where=where, fix=fix)
    if config.get("is_encoder_decoder") or kind in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        raise InputError(f"this model ({kind}) is an encoder with a decoder", where=where, fix=_INSTEAD)
    writes = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if config.get("is_decoder") or writes:
        what = f"this model ({kind}) is a decoder: it reads from left to right and cannot fill a gap"
        raise InputError(what, where=where, fix=_INSTEAD)
    if kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        known = kind in CONFIG_MAPPING
        what = (
            "models of type {!r} are no masked language models"
            if known
            else "transformers knows no models of type {!r}"
        )
        raise InputError(what.format(kind), where=where, fix=_INSTEAD)


def missing_weights(model: PreTrainedModel, missing: Collection[str], folder: Path) -> InputError:
    """What to say of a folder that lacks weights of `model`: usually those that turn hidden states into words."""
    first, *others = sorted(missing)
    some = f"{first} and {len(others)} more" if others else first
    if any(name.startswith(f"{model.base_model_prefix}.") for name in missing):
        what = f"the folder lacks weights of its model ({some})"
        return InputError(what, where=folder, fix="get or make the folder again")
    named = read_config(folder).get("architectures") or ["encoder"]
    return InputError(
        f"the head of a masked language model is missing ({some}): the configuration names a {named[0]}",
        where=folder,
        fix=f"get the model as it was pretrained, with its head (a {type(model).__name__})",
    )


def check_unasked(model: PreTrainedModel, unexpected: Iterable[str], folder: Path) -> None:
    """Refuses weights in a folder that `model`, which its configuration describes, has no place for.

    They would be dropped, and the model would not be the one that was saved: layers beyond `num_hidden_layers`, say.
    Dropped in silence are a pooler, BERT's and ALBERT's heads for pairs of sentences, buffers, and other heads: what
    masked words do not depend on.

    Raises:
        InputError: there are such weights, in the encoder or in its masked-LM head.
    """
    parts = {name for each in (model, model.base_model) for name, _ in each.named_children()}
    own = [name for name in sorted(unexpected) if name.split(".")[0] in parts and not {*name.split(".")} & {*_BESIDE}]
    if own:
        some = f"{own[0]} and {len(own) - 1} more" if len(own) > 1 else own[0]
        raise InputError(
            f"the folder has weights that its config.json does not ask for ({some})",
            where=folder,
            fix="correct config.json (the number of layers, say), or get the folder again",
        )
