"""The card of an exported model: what it is, how it is used without PyTorch, and what was compared."""

from equiglot.exporting.record import Agreement, ExportRecord, language_of

USE = """import numpy as np
from onnxruntime import InferenceSession
from tokenizers import Tokenizer

tokenizer, session = Tokenizer.from_file("{folder}/tokenizer.json"), InferenceSession("{folder}/{graph}")
rows = tokenizer.encode_batch(["A sentence.", "Another, longer sentence."])
given = {{
    "input_ids": [row.ids for row in rows],
    "attention_mask": [row.attention_mask for row in rows],
    "token_type_ids": [row.type_ids for row in rows],
}}
(output,) = session.run(None, {{each.name: np.array(given[each.name]) for each in session.get_inputs()}})"""
"""How an exported folder is used: all that is needed is onnxruntime and tokenizers."""
_MEANING = {
    "encoder": "`last_hidden_state`, float32 [batch, length, width]",
    "masked language model": "`logits`, float32 [batch, length, vocabulary]",
    "token classifier": "`logits`, float32 [batch, length, labels]; names of the labels are `id2label` in config.json",
    "text classifier": "`logits`, float32 [batch, labels]; names of the labels are `id2label` in config.json",
}


def export_card(record: ExportRecord) -> str:
    """The card in Markdown; its first lines are the hub's fields."""
    name = record.source.replace("`", "'").replace("\n", " ")
    largest = max(each.largest_difference for each in record.shapes)
    parts = [
        "---\nlibrary_name: onnx\ntags:\n- onnx\n---",
        f"# `{name}` for ONNX Runtime",
        f"The {record.head} `{name}` as `{record.graph}`. Its licence is that model's. It reads {record.longest} "
        f"tokens at most; its output is {_MEANING[record.head]}. It needs onnxruntime (1.18 or later) and tokenizers, "
        "and neither PyTorch nor transformers:",
        f"```python\n{USE.format(folder='.', graph=record.graph)}\n```",
        f"In fp32 its outputs differ from PyTorch's by {largest:.1e} at most, at {len(record.shapes)} shapes that "
        "`export.json` lists.",
    ]
    if record.reduce_range is not None:
        parts.append(f"Its weights are int8. {for_which_processor(reduce_range=record.reduce_range)}")
    if record.agreement:
        rows = [f"| {each.text} | {each.what} | {each.count:,} | {value_of(each)} |" for each in record.agreement]
        parts += [
            "int8 against fp32:",
            "\n".join(["| text | compared | count | result |", "|---|---|---:|---|", *rows]),
        ]
    if record.scores:
        rows = [f"| {each.model} | {language_of(each)} | {each.metric} | {each.value:.1f} |" for each in record.scores]
        parts.append("\n".join(["| form | language | metric | score |", "|---|---|---|---:|", *rows]))
    return "\n\n".join(parts) + "\n"


def for_which_processor(*, reduce_range: bool) -> str:
    """Where int8 weights give what was measured."""
    if reduce_range:
        return "They have seven bits, so that sums do not overflow without VNNI: it is for any processor."
    return (
        "They have eight bits: it is for processors with VNNI (or ARM). On other x86 processors sums may overflow, and "
        "it is not what was measured here; for these, export with --any-processor."
    )


def value_of(found: Agreement) -> str:
    """A result in words."""
    if found.what == "hidden states":
        return f"cosine {found.value:.4f}, {found.lowest:.4f} at least"
    return f"differ by {found.value:.4f}" if found.what == "numbers of texts" else f"{found.value:.2%} the same"
