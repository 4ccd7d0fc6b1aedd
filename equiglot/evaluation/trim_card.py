"""The model card of a trimmed model: what it is, what was proved of it, and what it can no longer do."""

from collections.abc import Sequence

from equiglot.evaluation.trim_proof import ModelProof, TextProof

_HEAD = "| language | sentences | cut as before | unknown tokens | tokens a word |\n|---|---:|---:|---:|---:|"


def trim_card(
    languages: Sequence[str], source: str, chosen_by: str, texts: Sequence[TextProof], model: ModelProof
) -> str:
    """The card in Markdown; its first lines are the hub's fields."""
    kept = [each for each in texts if each.kept]
    others = [each for each in texts if not each.kept]
    name = source.replace("`", "'").replace("\n", " ")
    parts = [
        "---\nlanguage:\n" + "".join(f"- {code}\n" for code in languages) + "tags:\n- trimmed\n---",
        f"# {', '.join(languages)}, out of `{name}`",
        f"The weights are those of `{name}` ({model.kind}), but that only vocabulary entries needed for "
        f"{', '.join(languages)} are left ({chosen_by}): {model.parameters_before:,} parameters became "
        f"{model.parameters_after:,}. Its licence is that model's.",
        f"Text whose entries were all kept is cut as before, and its last hidden states are equal bit by bit (compared "
        f"on {model.sentences} sentences). On sentences that chose no entry, before and after:",
        "\n".join([_HEAD, *map(_row, kept)]),
        "`trim.json` has every number, `old_ids.json` the old id of each new one.",
    ]
    if others:
        parts += ["## What it can no longer do", "\n".join([_HEAD, *map(_row, others)])]
    else:
        parts += [
            "## What it can no longer do",
            "Languages that were not chosen: what it lost there is not measured.",
        ]
    return "\n\n".join(parts) + "\n"


def _row(text: TextProof) -> str:
    (unknown, unknown_after), (fertility, fertility_after) = text.unknown_rates, text.fertilities
    return (
        f"| {text.language} | {text.sentences:,} | {text.same_share:.1%} | {unknown:.2%} to {unknown_after:.2%} | "
        f"{fertility:.2f} to {fertility_after:.2f} |"
    )
