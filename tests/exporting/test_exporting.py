"""Whole exports: every architecture and head, what is written, what runs it, and what is refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir
import pytest
import torch
from onnxruntime import InferenceSession
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertConfig,
    BertForQuestionAnswering,
    LongformerConfig,
    LongformerModel,
)

from equiglot.errors import InputError
from equiglot.exporting import ExportRecord, ExportSettings, export_onnx
from equiglot.exporting import exporting as exporting_module
from equiglot.exporting import graph as graph_module
from equiglot.exporting.runtime import Processor, this_processor
from equiglot.files import checksums
from equiglot.models.budget import exported_bytes
from equiglot.models.trimming import load_config
from equiglot.models.whole import load_whole
from tests.exporting.conftest import Model
from tests.stock import ARCHITECTURES, POSITIONS, SCRIPTS

Call = Callable[..., tuple[int, str, str]]
HEADS_OF = dict(zip(ARCHITECTURES, ("texts", "tokens", "masked", "bare", "masked", "tokens", "texts"), strict=True))


def _run(folder: Path, lines: list[str]) -> tuple[dict[str, Any], Any]:
    """What goes into an exported graph and comes out, with tokenizers and onnxruntime alone."""
    record = json.loads((folder / "export.json").read_text())
    rows = Tokenizer.from_file(str(folder / "tokenizer.json")).encode_batch(lines)
    given = {
        "input_ids": np.array([row.ids for row in rows]),
        "attention_mask": np.array([row.attention_mask for row in rows]),
        "token_type_ids": np.array([row.type_ids for row in rows]),
    }
    session = InferenceSession(str(folder / record["graph"]))
    given = {each.name: given[each.name] for each in session.get_inputs()}
    return given, session.run(None, given)[0]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_gives_what_the_model_gives(
    architecture: str, model: Model, text: Path, tmp_path: Path
) -> None:
    folder, into = model(architecture, HEADS_OF[architecture]), tmp_path / "onnx"
    record = export_onnx(str(folder), into, ExportSettings())
    assert {each.name for each in into.iterdir()} == {
        *("model.onnx", "config.json", "tokenizer.json", "tokenizer_config.json", "export.json", "README.md")
    }
    assert record == ExportRecord.model_validate_json((into / "export.json").read_text())
    longest = min(POSITIONS, record.longest)
    assert {(each.batch, each.length) for each in record.shapes} == {
        (batch, length) for batch in (1, 3, 32) for length in (1, 2, 17, longest)
    }
    assert all(0 < each.largest_difference <= 1e-4 * max(1, each.largest_output) for each in record.shapes)
    lines = [*SCRIPTS.values(), "a"]
    given, output = _run(into, lines)
    reference = load_whole(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    wanted = tokenizer(lines, padding=True, truncation=True, max_length=record.longest, return_tensors="pt")
    assert given["input_ids"].tolist() == wanted["input_ids"].tolist()
    assert given["attention_mask"].tolist() == wanted["attention_mask"].tolist()
    with torch.no_grad():
        expected = reference(**{name: torch.from_numpy(each) for name, each in given.items()})[0].numpy()
    seen = given["attention_mask"] > 0
    pair = (output, expected) if expected.ndim == 2 else (output[seen], expected[seen])
    np.testing.assert_allclose(*pair, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("architecture", "head"),
    [("bert", "masked"), ("xlm-roberta", "bare"), ("electra", "tokens"), ("roberta", "texts")],
)
def test_int8(architecture: str, head: str, model: Model, text: Path, tmp_path: Path) -> None:
    folder, into = model(architecture, head), tmp_path / "onnx"
    record = export_onnx(str(folder), into, ExportSettings(quantize="int8", texts=(text,)))
    assert (into / "model_int8.onnx").stat().st_size == record.bytes_after
    assert head == "masked" or record.bytes_after <= exported_bytes(load_config(folder))
    assert not (into / "model.onnx").exists() and record.graph == "model_int8.onnx"
    (found,) = record.agreement
    assert found.text == "scripts.txt" and found.count >= 14 and 0.5 < found.value <= 1
    assert (found.lowest is not None) == (head == "bare")
    graph = onnx.load(into / "model_int8.onnx").graph
    weights = {each.name: each for each in graph.initializer}
    floats = [each for each in weights.values() if each.data_type == onnx.TensorProto.FLOAT and len(each.dims) > 1]
    assert not [each.name for each in floats if np.prod(each.dims) >= 256], "a matrix has stayed in fp32"
    tables = [node for node in graph.node if node.op_type == "Gather" and node.input[0] in weights]
    assert any(weights[node.input[0]].data_type in (2, 3) for node in tables)
    assert sum(node.op_type == "MatMulInteger" for node in graph.node) >= 8
    _, output = _run(into, [*SCRIPTS.values()])
    assert np.isfinite(output).all()


@pytest.fixture(scope="module")
def exported(model: Model, text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token classifier in int8."""
    into = tmp_path_factory.mktemp("exported") / "onnx"
    export_onnx(str(model("distilbert", "tokens")), into, ExportSettings(quantize="int8", texts=(text,)))
    return into


def test_onnxruntime_and_tokenizers_are_enough(exported: Path) -> None:
    """The program of the card, in a process in which PyTorch and transformers cannot be imported."""
    blocked = (
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'transformers', 'equiglot', 'onnx', 'onnxscript'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "try:\n    import torch\nexcept ModuleNotFoundError:\n    pass\nelse:\n    sys.exit('not blocked')\n"
    )
    program = (exported / "README.md").read_text().split("```python\n")[1].split("```")[0]
    end = "print(output.shape, sorted({*sys.modules} & {'torch', 'transformers'}))"
    command = [sys.executable, "-c", f"{blocked}{program}\n{end}"]
    done = subprocess.run(command, cwd=exported, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (rows, length, labels), modules = done.stdout.strip().rsplit(" ", 1)[0].strip("()").split(", "), done.stdout[-4:]
    assert (rows, labels) == ("2", "3") and int(length) > 4 and modules.strip() == "[]"


def test_the_same_model_gives_the_same_files(exported: Path, model: Model, text: Path, tmp_path: Path) -> None:
    export_onnx(str(model("distilbert", "tokens")), tmp_path / "again", ExportSettings(quantize="int8", texts=(text,)))
    assert checksums(tmp_path / "again") == checksums(exported)


def test_nothing_in_the_folder_tells_of_the_machine(exported: Path, model: Model) -> None:
    everything = b"".join(path.read_bytes() for path in exported.iterdir())
    for word in (str(model("distilbert", "tokens").parent), "site-packages", "forward", "torch.nn"):
        assert word.encode() not in everything
    record = json.loads((exported / "export.json").read_text())
    assert record["processor"]["name"] and record["versions"]["onnxruntime"]
    assert AutoConfig.from_pretrained(exported).num_labels == 3


def test_weights_beyond_two_gigabytes_stand_beside_the_graph(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "_MOST_BYTES", 1000)
    record = export_onnx(str(model("distilbert", "tokens")), tmp_path / "onnx", ExportSettings())
    data = tmp_path / "onnx" / "model.onnx.data"
    assert data.stat().st_size > 10_000 and {"model.onnx", "model.onnx.data"} <= {*record.files}
    assert record.bytes_after == data.stat().st_size + (tmp_path / "onnx" / "model.onnx").stat().st_size
    assert np.isfinite(_run(tmp_path / "onnx", ["Свобода"])[1]).all()


def test_without_vnni_weights_have_seven_bits(
    model: Model, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without VNNI two products of int8 may overflow 16 bits, so weights have seven."""
    monkeypatch.setattr(exporting_module, "this_processor", lambda: Processor("x", "x86_64", ("avx2",)))
    record = export_onnx(
        str(model("distilbert", "bare")), tmp_path / "onnx", ExportSettings(quantize="int8", texts=(text,))
    )
    assert record.reduce_range is True and record.processor.flags == ("avx2",)
    assert "it is for any processor" in (tmp_path / "onnx" / "README.md").read_text()
    graph = onnx.load(tmp_path / "onnx" / "model_int8.onnx").graph
    products = {node.input[1] for node in graph.node if node.op_type == "MatMulInteger"}
    weights = [onnx.numpy_helper.to_array(each) for each in graph.initializer if each.name in products]
    assert len(weights) >= 12 and 32 < max(int(np.abs(each.astype(int)).max()) for each in weights) <= 64


@pytest.mark.parametrize(
    ("machine", "flags", "overflow"),
    [
        ("x86_64", "fpu avx2 avx512f", True),
        ("x86_64", "fpu avx2 avx512_vnni", False),
        ("x86_64", "", True),
        ("aarch64", "asimd", False),
    ],
)
def test_flags_are_read_where_the_system_tells_them(
    machine: str, flags: str, overflow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: {flags}\n")
    monkeypatch.setattr("platform.machine", lambda: machine)
    found = this_processor(tmp_path / "cpuinfo")
    assert found.name == "Some CPU" and found.sums_may_overflow is overflow and "fpu" not in found.flags
    assert this_processor(tmp_path / "none").flags == ()


def test_a_graph_that_computes_something_else_is_refused(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(traced: Any, names: Any) -> Any:
        program = graph_module.trace(traced, names)
        bias = program.graph.initializers["classifier.bias"]
        bias.const_value = onnx_ir.tensor(bias.const_value.numpy() + np.float32(0.01))
        return program

    monkeypatch.setattr(exporting_module, "trace", wrong)
    with pytest.raises(InputError, match="does not compute what the model does: on 1 x 1 tokens outputs differ"):
        export_onnx(str(model("bert", "tokens")), tmp_path / "onnx", ExportSettings())
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("told", [False, True])
def test_two_texts_are_told_apart_where_the_tokenizer_tells(told: bool, model: Model, tmp_path: Path) -> None:
    """As in training: a model whose tokenizer names no segments was never told of them."""
    folder = shutil.copytree(model("bert", "texts"), tmp_path / "bert")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["model_input_names"] = ["input_ids", *(["token_type_ids"] if told else []), "attention_mask"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    record = export_onnx(str(folder), tmp_path / "onnx", ExportSettings())
    assert ("token_type_ids" in record.inputs) == told
    pair = SCRIPTS["en"], SCRIPTS["el"]
    row = Tokenizer.from_file(str(tmp_path / "onnx" / "tokenizer.json")).encode(*pair)
    given = {"input_ids": row.ids, "attention_mask": row.attention_mask, "token_type_ids": row.type_ids}
    session = InferenceSession(str(tmp_path / "onnx" / "model.onnx"))
    output = session.run(None, {each.name: np.array([given[each.name]]) for each in session.get_inputs()})[0]
    with torch.no_grad():
        cut = {"truncation": True, "max_length": record.longest, "return_tensors": "pt"}
        read = AutoTokenizer.from_pretrained(folder)(*pair, **cut)
        expected = load_whole(folder)(**read).logits.numpy()
    assert read["input_ids"].tolist() == [row.ids]
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_texts_of_one_name_are_compared_each(model: Model, tmp_path: Path) -> None:
    for code in ("el", "ko"):
        (tmp_path / code).mkdir()
        (tmp_path / code / "news.txt").write_text(f"{SCRIPTS[code]}\n" * 3, encoding="utf-8")
    texts = tuple(tmp_path / code / "news.txt" for code in ("el", "ko"))
    settings = ExportSettings(quantize="int8", texts=texts)
    record = export_onnx(str(model("electra", "bare")), tmp_path / "onnx", settings)
    assert [each.text for each in record.agreement] == ["el/news.txt", "ko/news.txt"]
    assert record.agreement[0].count != record.agreement[1].count
    with pytest.raises(InputError, match="this text is named twice"):
        export_onnx(str(model("electra", "bare")), tmp_path / "two", replace(settings, texts=(texts[0], texts[0])))


def test_a_folder_that_is_where_one_stands_has_its_name(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model("electra", "bare"))
    record = export_onnx(".", tmp_path / "onnx", ExportSettings())
    assert record.source == "electra-bare"


def test_without_a_mask_int8_is_refused_before_anything_is_traced(model: Model, text: Path, tmp_path: Path) -> None:
    shutil.copytree(model("bert", "masked"), tmp_path / "model")
    config = json.loads((tmp_path / "model" / "tokenizer_config.json").read_text())
    config.pop("mask_token")
    (tmp_path / "model" / "tokenizer_config.json").write_text(json.dumps(config))
    said: list[str] = []
    with pytest.raises(InputError, match="mask"):
        export_onnx(
            str(tmp_path / "model"), tmp_path / "onnx", ExportSettings(quantize="int8", texts=(text,)), said.append
        )
    assert said == ["loading the model"] and not (tmp_path / "onnx").exists()


def test_bad_input_is_one_message(
    model: Model, text: Path, program: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    good = model("distilbert", "bare")
    tokenizer = AutoTokenizer.from_pretrained(good)
    sizes = {"vocab_size": len(tokenizer), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "max_position_embeddings": 40}
    answering, longformer, unknown = (tmp_path / name for name in ("answering", "longformer", "unknown"))
    BertForQuestionAnswering(BertConfig(**sizes)).save_pretrained(answering)
    LongformerModel(LongformerConfig(**sizes, attention_window=[4], pad_token_id=0)).save_pretrained(longformer)
    shutil.copytree(good, unknown)
    for folder in (answering, longformer):
        tokenizer.save_pretrained(folder)
    config = json.loads((good / "config.json").read_text())
    (unknown / "config.json").write_text(json.dumps(config | {"model_type": "nonesuch"}))
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "exported").mkdir()
    for name, text_of in (("config.json", (good / "config.json").read_text()), ("export.json", "{}")):
        (tmp_path / "exported" / name).write_text(text_of)
    names = {each.name for each in tmp_path.iterdir()}
    new = ["--into", "new"]
    for arguments, words in (
        ([good, "--into", "there"], "something is there already"),
        ([answering, *new], "a model with this head is not exported: BertForQuestionAnswering"),
        ([longformer, *new], "the exporter cannot trace this architecture (longformer)"),
        ([unknown, *new], "transformers knows no models of type 'nonesuch'"),
        ([tmp_path / "nowhere", *new], "there is no such"),
        ([tmp_path / "exported", *new], "this folder is an export"),
        ([good, *new, "--to", "tflite"], "--to cannot be 'tflite'"),
        ([good, *new, "--quantize", "int4"], "write int8"),
        ([good, *new, "--quantize", "int8", "--text", "empty.txt"], "the file has no text"),
        ([good, *new, "--data", "x-test.conllu"], "nothing says what the data is for"),
    ):
        code, out, err = program("export", *arguments)
        assert (code, out) == (2, "") and err.startswith("Error: ") and "Traceback" not in err, err
        assert words in err
        assert {each.name for each in tmp_path.iterdir()} == names
    monkeypatch.setattr(graph_module, "_LIBRARIES", ("onnx", "onnxruntime_that_is_not_there"))
    code, _, err = program("export", good, *new)
    assert code == 2 and "onnxruntime_that_is_not_there is not installed" in err
    assert "pip install 'equiglot[export]'" in err and not (tmp_path / "new").exists()


def test_the_command_says_what_int8_changes(model: Model, text: Path, program: Call) -> None:
    code, out, err = program(
        *("export", model("xlm-roberta", "masked"), "--quantize", "int8", "--any-processor"),
        *("--text", text, "--into", "new"),
    )
    assert code == 0, err
    for words in ("bytes became", "1 x 2, 1 x 17, ", "seven bits", "scripts.txt", "masked words", "% the same"):
        assert words in out
    assert "give --data to a fine-tuned model" in out and "The model: new" in out and not err


def test_without_text_the_embedded_sample_is_read(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = export_onnx(str(model("electra", "bare")), tmp_path / "onnx", ExportSettings(quantize="int8"))
    assert [each.text for each in record.agreement] == ["en", "ru", "ar", "zh", "ko", "tr"]
    assert all(each.count > 50 and 0.5 < each.value <= 1 for each in record.agreement)
    monkeypatch.setattr("equiglot.corpus.sample.MODULE", "a_module_that_is_not_there")
    with pytest.raises(InputError) as error:
        export_onnx(str(model("electra", "bare")), tmp_path / "other", ExportSettings(quantize="int8"))
    assert "--text FILE" in str(error.value) and not (tmp_path / "other").exists()
