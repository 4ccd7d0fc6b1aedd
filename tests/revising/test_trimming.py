"""Whole trims: every architecture, its heads, what is written, what is proved, and what is refused."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from equiglot.display import print_trim
from equiglot.errors import InputError
from equiglot.finetuning import open_parser, parse
from equiglot.finetuning.biaffine import ParserSettings, new_parser
from equiglot.models import exported_bytes_with
from equiglot.models.trimming import longest_input, trim_weights
from equiglot.revising import TrimRecord, kept_languages, trim_model, trim_texts
from equiglot.revising import trimming as trimming_module
from equiglot.settings import parse_bytes
from equiglot.vocabulary import ReductionSettings
from tests.stock import ARCHITECTURES, SCRIPTS, biased, configuration, save_stock

HEADS = {
    "bert": "cls.predictions.bias",
    "distilbert": "vocab_projector.bias",
    "electra": "generator_lm_head.bias",
    "roberta": "lm_head.bias",
    "xlm-roberta": "lm_head.bias",
    "modernbert": "decoder.bias",
    "deberta-v2": "cls.predictions.bias",
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Language -> a file of parts of its sentence; all of them are different."""
    root = tmp_path_factory.mktemp("texts")
    for code, sentence in SCRIPTS.items():
        words = sentence.split()
        lines = [" ".join(words[first:last]) for last in range(len(words) + 1) for first in range(last)]
        (root / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return {code: root / f"{code}.txt" for code in SCRIPTS}


def _trim(
    folder: Path,
    texts: dict[str, Path],
    into: Path,
    *languages: str,
    keep_text: Path | None = None,
    **amount: float | str,
) -> TrimRecord:
    kept = kept_languages(texts, languages or ("en", "hi"))
    shown = trim_texts({code: path for code, path in texts.items() if code in (*kept, "el")}, kept)
    settings = ReductionSettings.model_validate(amount)
    return trim_model(str(folder), shown, into, settings, languages=kept, keep_text=keep_text)


def _old_ids(folder: Path) -> torch.Tensor:
    return torch.tensor(json.loads((folder / "old_ids.json").read_text())["old_ids"])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_stays_is_the_same_bit_by_bit(architecture: str, texts: dict[str, Path], tmp_path: Path) -> None:
    folder, into = biased(save_stock(tmp_path / "large", architecture)), tmp_path / "small"
    record = _trim(folder, texts, into)
    kept = _old_ids(into)
    before, after = load_file(folder / "model.safetensors"), load_file(into / "model.safetensors")
    assert before.keys() == after.keys() and HEADS[architecture] in after
    cut = {name for name in before if before[name].shape != after[name].shape}
    assert HEADS[architecture] in cut and any("embeddings" in name for name in cut)
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name][kept] if name in cut else before[name]), name
    config, old = AutoConfig.from_pretrained(into), AutoConfig.from_pretrained(folder)
    assert config.vocab_size == len(kept) == record.entries_after < record.entries_before
    assert kept[config.pad_token_id] == old.pad_token_id

    large, small = (AutoModelForMaskedLM.from_pretrained(each).eval() for each in (folder, into))
    tokenizers = [AutoTokenizer.from_pretrained(each) for each in (folder, into)]
    with torch.no_grad():
        for sentence in (SCRIPTS["en"], SCRIPTS["hi"][:40], f"born {tokenizers[0].mask_token} and equal"):
            wide, narrow = (each(sentence, truncation=True, max_length=36)["input_ids"] for each in tokenizers)
            assert wide == kept[narrow].tolist()
            assert tokenizers[0].convert_ids_to_tokens(wide) == tokenizers[1].convert_ids_to_tokens(narrow)
            one, two = torch.tensor([wide]), torch.tensor([narrow])
            assert torch.equal(large.base_model(one)[0], small.base_model(two)[0])
            torch.testing.assert_close(large(one).logits[..., kept], small(two).logits, rtol=0, atol=1e-5)
    loss = small.train()(two, labels=two).loss
    loss.backward()
    with torch.no_grad():
        for weights in small.parameters():
            weights.sub_(0.1 * weights.grad)
    assert torch.isfinite(loss) and small(two, labels=two).loss != loss
    assert small.get_input_embeddings().num_embeddings == len(kept)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_proved(architecture: str, texts: dict[str, Path], tmp_path: Path) -> None:
    record = _trim(save_stock(tmp_path / "large", architecture), texts, tmp_path / "small")
    assert record == TrimRecord.model_validate_json((tmp_path / "small/trim.json").read_text())
    assert [text.language for text in record.texts if text.kept] == ["en", "hi"]
    (lost,) = (text for text in record.texts if not text.kept)
    assert lost.language == "el" and lost.sentences > 20
    for text in record.texts:
        assert text.whole == text.whole_same <= text.same <= text.sentences
        assert text.kept is (text.same == text.sentences) and (text.kept or text.same < text.sentences)
        assert text.unknown_rates[1] == text.unknown_rates[0] or not text.kept
    assert 0 < sum(text.sentences for text in record.texts if text.kept) < 60
    bytewise = architecture in ("roberta", "modernbert")
    assert (lost.unknown_after == 0 and lost.fertilities[1] > lost.fertilities[0]) if bytewise else lost.unknown_after
    assert record.model.hidden_states_equal and record.model.sentences > 3
    special = AutoTokenizer.from_pretrained(tmp_path / "small").all_special_ids
    longest = longest_input(tmp_path / "small")
    assert record.model.entries == min(4 * longest, record.entries_after - len({*special}))
    assert record.model.parameters_after < record.model.parameters_before
    assert record.bytes_after == (tmp_path / "small/model.safetensors").stat().st_size
    card = (tmp_path / "small/README.md").read_text()
    assert card.startswith("---\nlanguage:\n- en\n- hi\n") and "| el |" in card and str(tmp_path) not in card


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_models_are_compared_where_no_sentence_has_all_of_its_entries(
    architecture: str, texts: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, text = save_stock(tmp_path / "large", architecture), tmp_path / "en.txt"
    lines = texts["en"].read_text(encoding="utf-8").splitlines()
    text.write_text("\n".join([*lines, *(f"{line} ελεύθεροι" for line in lines)]), encoding="utf-8")
    monkeypatch.setattr(trimming_module, "_is_held_out", lambda line: "ελεύθεροι" in line)
    record = _trim(folder, {"en": text}, tmp_path / "small", "en")
    assert record.texts[0].whole == record.model.sentences == 0 < record.model.entries
    shown = Console(file=io.StringIO(), width=200)
    print_trim(shown, record)
    said = f"on {record.model.entries:,} of the entries in rows"
    assert f"equal, bit by bit, {said}" in shown.file.getvalue()  # type: ignore[attr-defined]
    assert said in (tmp_path / "small/README.md").read_text()

    def harmful(*given: Any) -> None:
        """Gives an entry of text another's row."""
        trim_weights(*given)
        weights = load_file(given[2] / "model.safetensors")
        table = next(each for name, each in weights.items() if name.endswith("word_embeddings.weight"))
        table[30] = table[31]
        save_file(weights, given[2] / "model.safetensors", {"format": "pt"})

    monkeypatch.setattr(trimming_module, "trim_weights", harmful)
    with pytest.raises(InputError, match="does not compute what the model did"):
        _trim(folder, {"en": text}, tmp_path / "other", "en")
    assert not (tmp_path / "other").exists()


def test_a_fresh_process_reads_the_same(texts: dict[str, Path], tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "large", "xlm-roberta")
    _trim(folder, texts, tmp_path / "small")
    code = (
        "import sys, json; from transformers import AutoTokenizer, AutoModelForMaskedLM as M;"
        "t, m = (each.from_pretrained(sys.argv[1]) for each in (AutoTokenizer, M));"
        "print(json.dumps([t(sys.argv[2])['input_ids'], m.config.vocab_size]))"
    )
    sentence = "free <mask> equal"
    command = [sys.executable, "-c", code, str(tmp_path / "small"), sentence]
    ids, size = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    old = AutoTokenizer.from_pretrained(folder)(sentence)["input_ids"]
    assert _old_ids(tmp_path / "small")[ids].tolist() == old and size == len(_old_ids(tmp_path / "small"))


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "modernbert", "distilbert"])
def test_heads_of_other_tasks_and_bare_models(architecture: str, texts: dict[str, Path], tmp_path: Path) -> None:
    masked = save_stock(tmp_path / "masked", architecture)
    kinds = {"tuned": AutoModelForSequenceClassification, "asked": AutoModelForQuestionAnswering, "bare": AutoModel}
    for name, kind in kinds.items():
        folder, into = tmp_path / name, tmp_path / f"small-{name}"
        AutoTokenizer.from_pretrained(masked).save_pretrained(folder)
        torch.manual_seed(0)
        labels = {} if name == "asked" else {"num_labels": 3}
        kind.from_config(AutoConfig.from_pretrained(masked, **labels)).save_pretrained(folder)
        record = _trim(folder, texts, into)
        before, after = load_file(folder / "model.safetensors"), load_file(into / "model.safetensors")
        assert before.keys() == after.keys()
        assert [name for name in before if before[name].shape != after[name].shape] == [
            name for name in before if name.endswith(("word_embeddings.weight", "tok_embeddings.weight"))
        ]
        assert record.model.largest_difference == (None if name == "bare" else 0)
        assert AutoConfig.from_pretrained(into).architectures == AutoConfig.from_pretrained(folder).architectures


def test_a_head_that_is_not_tied(texts: dict[str, Path], tmp_path: Path) -> None:
    folder, config = save_stock(tmp_path / "large", "bert"), AutoConfig.from_pretrained(tmp_path / "large")
    config.tie_word_embeddings = False
    torch.manual_seed(3)
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    _trim(biased(folder), texts, tmp_path / "small")
    kept = _old_ids(tmp_path / "small")
    before, after = (load_file(each / "model.safetensors") for each in (folder, tmp_path / "small"))
    assert torch.equal(after["cls.predictions.decoder.weight"], before["cls.predictions.decoder.weight"][kept])
    assert not torch.equal(after["cls.predictions.decoder.weight"], after["bert.embeddings.word_embeddings.weight"])


def test_debertas_other_head(texts: dict[str, Path], tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "large", "deberta-v2")
    config = AutoConfig.from_pretrained(folder)
    config.legacy = False
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    _trim(biased(folder), texts, tmp_path / "small")
    before, after = (load_file(each / "model.safetensors") for each in (folder, tmp_path / "small"))
    kept = _old_ids(tmp_path / "small")
    assert torch.equal(after["lm_predictions.lm_head.bias"], before["lm_predictions.lm_head.bias"][kept])
    assert torch.equal(after["lm_predictions.lm_head.dense.weight"], before["lm_predictions.lm_head.dense.weight"])


def test_a_layer_as_wide_as_the_vocabulary_is_large_is_left_alone(texts: dict[str, Path], tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "large", "bert")
    size = AutoConfig.from_pretrained(folder).vocab_size
    config = configuration("bert", size, 0)
    config.intermediate_size = size
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    _trim(folder, texts, tmp_path / "small")
    assert AutoModelForMaskedLM.from_pretrained(tmp_path / "small").config.intermediate_size == size


def test_weights_in_several_files_and_in_half_precision(texts: dict[str, Path], tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "large", "modernbert")
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.bfloat16)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="10KB")
    _trim(folder, texts, tmp_path / "small")
    index = json.loads((tmp_path / "small/model.safetensors.index.json").read_text())
    parts = {name: load_file(tmp_path / "small" / name) for name in set(index["weight_map"].values())}
    assert len(parts) > 1 and all(name in parts[file] for name, file in index["weight_map"].items())
    assert {tensor.dtype for part in parts.values() for tensor in part.values()} == {torch.bfloat16}


def test_the_modules_of_an_embedding_model_come_along(texts: dict[str, Path], tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "large", "xlm-roberta")
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "T"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "P"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    _trim(folder, texts, tmp_path / "small")
    for name in ("modules.json", "1_Pooling/config.json"):
        assert (tmp_path / "small" / name).read_bytes() == (folder / name).read_bytes()
    (folder / "1_Pooling/pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(InputError, match="no safetensors"):
        _trim(folder, texts, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_a_parser_comes_along_and_gives_the_same_trees(
    architecture: str, texts: dict[str, Path], tmp_path: Path
) -> None:
    masked, folder, into = save_stock(tmp_path / "masked", architecture), tmp_path / "parser", tmp_path / "small"
    parser = new_parser(masked, ("det", "obj", "root"), seed=1, settings=ParserSettings(arcs=9, relations=7))
    torch.manual_seed(2)
    for weights in (parser.root, parser.arcs, parser.relations):
        nn.init.normal_(weights, std=0.5)
    parser.save_pretrained(folder)
    AutoTokenizer.from_pretrained(masked).save_pretrained(folder)
    save_file({"en": torch.zeros(1, 5, 2)}, folder / "predictions.safetensors")
    record = _trim(folder, texts, into, min_sentence_share=0)
    assert record.entries_after < record.entries_before and all(
        text.same_share == 1 for text in record.texts if text.kept
    )
    sentences = [SCRIPTS[code].split()[:length] for code in ("en", "hi") for length in (4, 9)]
    before, after = (parse(open_parser(each), sentences) for each in (folder, into))
    assert before == after and len({tree[0] for tree in before}) > 1
    sizes = [(each / "model.safetensors").stat().st_size for each in (folder, into)]
    assert [record.bytes_before, record.bytes_after] == sizes  # of the encoder, whatever else is there


def test_a_size_of_an_export(texts: dict[str, Path], tmp_path: Path) -> None:
    folder, into = save_stock(tmp_path / "large", "roberta"), tmp_path / "small"
    with pytest.raises(InputError, match="does not fit into 1,000 bytes in int8: ") as refused:
        _trim(folder, texts, into, "en", fit=1000, precision="int8")
    budget = int(str(refused.value.fix).split()[1].replace(",", "")) + 2_000
    record = _trim(folder, texts, into, "en", fit=budget, precision="int8")
    tokenizer = (into / "tokenizer.json").stat().st_size
    assert exported_bytes_with(into, record.entries_after) + tokenizer <= budget
    assert record.chosen_by == f"as many entries as fit into {budget:,} bytes in int8"
    assert exported_bytes_with(into, record.entries_after + 8) + tokenizer + 8 * 20 > budget
    with pytest.raises(ValueError, match="`precision` says what `fit` counts"):
        _trim(folder, texts, tmp_path / "other", "en", size=280, precision="int8")


def test_a_size_in_entries_or_bytes_and_text_to_keep(texts: dict[str, Path], tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "large", "roberta")
    with pytest.raises(InputError, match="are the least") as refused:
        _trim(folder, texts, tmp_path / "none", "en", fit=1000)
    least = int(str(refused.value.fix).split()[1].replace(",", ""))
    for budget in (least, least + 2_000):
        into = tmp_path / str(budget)
        record = _trim(folder, texts, into, "en", fit=budget)
        used = sum((into / name).stat().st_size for name in ("model.safetensors", "tokenizer.json"))
        assert used <= budget < used + 300 and "bytes" in record.chosen_by
    assert _trim(folder, texts, tmp_path / "sized", "en", size=280).entries_after == 280
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("ελεύθεροι 한국", encoding="utf-8")
    _trim(folder, texts, tmp_path / "kept", "en", keep_text=prompt)
    old, new = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(tmp_path / "kept")
    assert old.tokenize(prompt.read_text(encoding="utf-8")) == new.tokenize(prompt.read_text(encoding="utf-8"))
    assert old.tokenize(SCRIPTS["el"]) != new.tokenize(SCRIPTS["el"])


def test_what_is_refused(texts: dict[str, Path], tmp_path: Path, program: Callable[..., tuple[int, str, str]]) -> None:
    folder = save_stock(tmp_path / "large", "bert")
    into = tmp_path / "small"
    with pytest.raises(InputError, match="no text in sl"):
        _trim(folder, texts, into, "sl")
    weights = load_file(folder / "model.safetensors")
    size = AutoConfig.from_pretrained(folder).vocab_size
    save_file({**weights, "extra.table": torch.zeros(3, size)}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"what it is for is not known: extra\.table"):
        _trim(folder, texts, into)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (tmp_path / "foreign.txt").write_text("ადამიანი\n" * 3 + "\n".join(f"ა{'დ' * n}" for n in range(40)), "utf-8")
    with pytest.raises(InputError, match="knows nothing of the text in ka"):
        _trim(folder, {"ka": tmp_path / "foreign.txt"}, into, "ka")
    (folder / "own.py").write_text("")
    with pytest.raises(InputError, match="code or a pickle"):
        _trim(folder, texts, into)
    (folder / "own.py").unlink()
    assert not into.exists() and not list(tmp_path.glob(".small*"))
    into.mkdir()
    (into / "mine").write_text("x")
    code, _, told = program("trim", folder, "--text", f"en={texts['en']}", "--into", into)
    assert code == 2 and "there already" in told
    assert (into / "mine").read_text() == "x"


def test_sizes_as_people_write_them() -> None:
    assert [parse_bytes(each) for each in ("60MB", "1.5 GB", "800k", "12")] == [
        60_000_000,
        1_500_000_000,
        800_000,
        12,
    ]
    for wrong in ("", "MB", "-1", "0", "1e3", "nan"):
        with pytest.raises(ValueError, match="no size"):
            parse_bytes(wrong)


def test_the_command_says_where_more_text_would_help(
    texts: dict[str, Path], tmp_path: Path, program: Callable[..., tuple[int, str, str]]
) -> None:
    folder = save_stock(tmp_path / "large", "bert")
    for share, cut in (("0.9", True), ("0", False)):
        into = tmp_path / share
        code, told, _ = program(
            "trim", folder, "--text", f"en={texts['en']}", "--min-sentence-share", share, "--into", into
        )
        assert (
            code == 0
            and ("Many sentences of en are cut otherwise now: give more text" in " ".join(told.split())) == cut
        )
