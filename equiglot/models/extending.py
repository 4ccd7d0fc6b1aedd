"""A model folder with more vocabulary entries: tensors that have a row for each get new ones, all others stay.

As in `trimming`, weights are written file by file and tensor by tensor, without building the model.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from equiglot.files import write_json
from equiglot.models.config import read_config
from equiglot.models.trimming import check_known_ids, rewrite_weights, vocabulary_size
from equiglot.models.whole import empty_models, load_config


def extend_weights(
    folder: Path, first: int, parts: Sequence[Sequence[int]], into: Path, rows: Tensor | None = None
) -> None:
    """Writes the weights and the configuration of `folder` to `into`, with rows for new entries.

    A new row is the mean of the rows of the old entries that it is made of: in the input embeddings, in the head, tied
    to them or not, and in the head's bias. Logits are linear in these, so that of a new entry is the mean of the logits
    of its parts, whatever the text: it is never more probable than all of them. Rows of entries that the tokenizer has
    stay, bit by bit; rows behind the last one, which make a table's size round, are filled first.

    Args:
        folder: as `check_trimmable` takes it.
        first: the id of the first new entry.
        parts: for each new entry, the old ids that it is made of.
        into: a folder that is there.
        rows: float [new, width], in place of the means in the input embeddings, and so in a head that is tied to them.

    Raises:
        InputError: what `check_trimmable` refuses, or the tokenizer gives ids that the model does not have.
    """
    check_known_ids(folder, first - 1)
    embeddings = frozenset[str]() if rows is None else _embedding_names(folder)

    def change(name: str, tensor: Tensor, axis: int) -> Tensor:
        by_entry = tensor.movedim(axis, 0)
        means = mean_rows(by_entry, parts) if rows is None or name not in embeddings else rows
        new = means.to(tensor.dtype)
        extended = torch.cat([by_entry[:first], new, by_entry[first + len(parts) :]])
        return extended.movedim(0, axis).contiguous()

    rewrite_weights(folder, change, into)
    size = max(vocabulary_size(folder), first + len(parts))
    write_json(into / "config.json", read_config(folder) | {"vocab_size": size})


def mean_rows(table: Tensor, parts: Sequence[Sequence[int]]) -> Tensor:
    """The mean of some rows for each new entry, float64 [new, ...], of a table [entries, ...]."""
    lengths = torch.tensor([len(each) for each in parts])
    owners = torch.repeat_interleave(torch.arange(len(parts)), lengths)
    chosen = table[torch.tensor([*chain.from_iterable(parts)])].double()
    sums = torch.zeros(len(parts), *table.shape[1:], dtype=torch.float64).index_add_(0, owners, chosen)
    return sums / lengths.view(-1, *[1] * (table.dim() - 1))


def _embedding_names(folder: Path) -> frozenset[str]:
    """What the input embeddings are called in a file, and a head that is tied to them."""
    names = set[str]()
    for model in empty_models(load_config(folder)):
        table = model.get_input_embeddings().weight
        model.tie_weights()
        same = {name for name, each in model.named_parameters(remove_duplicate=False) if each is table}
        names |= same | {name.removeprefix(f"{model.base_model_prefix}.") for name in same}
    return frozenset(names)
