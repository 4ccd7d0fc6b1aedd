"""What models cost: of folders and exports together, what is printed and written, and what is refused."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from equiglot.display import print_cost
from equiglot.errors import InputError
from equiglot.evaluation import ALL, COST, METRICS, metrics_of
from equiglot.exporting import BATCHES, CostRecord, CostSettings, ExportSettings, cost_rows, export_onnx, measure_cost
from equiglot.exporting.worker import _batches, _peak, _pytorch, _resident
from equiglot.terminal import Terminal
from tests.exporting.conftest import Model
from tests.stock import SCRIPTS

Call = Callable[..., tuple[int, str, str]]
LINES = list(SCRIPTS.values())


@pytest.fixture(scope="module")
def folders(model: Model, text: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A model, and its export in int8."""
    into = tmp_path_factory.mktemp("cost") / "small"
    export_onnx(str(model("distilbert", "tokens")), into, ExportSettings(quantize="int8", texts=(text,)))
    return {"model": str(model("distilbert", "tokens")), "small": str(into)}


@pytest.fixture(scope="module")
def record(folders: dict[str, str]) -> CostRecord:
    return measure_cost(folders, LINES, CostSettings(sentences=5, rounds=3))


def test_sizes_are_those_of_the_files(folders: dict[str, str], record: CostRecord) -> None:
    model, small = record.models
    assert (model.name, model.form) == ("model", "PyTorch fp32") and (small.name, small.form) == ("small", "ONNX int8")
    with safe_open(Path(folders["model"]) / "model.safetensors", framework="np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    embeddings = shapes["distilbert.embeddings.word_embeddings.weight"]
    assert model.embeddings == small.embeddings == embeddings[0] * embeddings[1]
    assert model.parameters == small.parameters > model.embeddings
    named = {"model": ("model.safetensors", "tokenizer"), "small": ("model_int8.onnx", "tokenizer")}
    for each in record.models:
        files = [path for path in Path(folders[each.name]).iterdir() if path.name.startswith(named[each.name])]
        assert each.disk == sum(path.stat().st_size for path in files) and len(files) == 3


def test_times_are_of_every_round(record: CostRecord) -> None:
    assert (record.sentences, record.threads) == (5, 1) and record.processor.name
    for each in record.models:
        assert len(each.latency) == 3 and all(milliseconds > 0 for milliseconds in each.latency)
        assert set(each.throughput) == set(BATCHES)
        assert all(len(found) == 3 and min(found) > 0 for found in each.throughput.values())


def test_rows_are_scores(record: CostRecord) -> None:
    rows = list(cost_rows(record))
    assert {(each.model, each.metric) for each in rows} == {
        (model.name, metric.name) for model in record.models for metric in metrics_of(COST)
    }
    for each in rows:
        assert (each.task, each.language, each.n) == (COST, ALL, 5)
        assert METRICS[each.metric].unit and (each.low is None) == (each.repeats == 1)
    (latency,) = (each for each in rows if (each.model, each.metric) == ("model", "latency"))
    found = sorted(record.models[0].latency)
    assert [latency.low, latency.value, latency.high] == found and latency.repeats == 3
    (disk,) = (each for each in rows if (each.model, each.metric) == ("small", "disk"))
    assert disk.value == record.models[1].disk / 1e6


def test_an_export_is_measured_without_pytorch(folders: dict[str, str]) -> None:
    """And the other way round: a model's process does not start ONNX Runtime."""
    for name, graph, libraries in (
        ("small", "model_int8.onnx", ["onnxruntime"]),
        ("model", None, ["torch", "transformers"]),
    ):
        asked = {"folder": folders[name], "graph": graph, "threads": 1, "words": False, "sentences": LINES[:2]}
        command = [sys.executable, "-m", "equiglot.exporting.worker"]
        done = subprocess.run(
            command, input=f"{json.dumps(asked)}\n1\n2\n", capture_output=True, text=True, encoding="utf-8", check=False
        )
        first, one, two = map(json.loads, done.stdout.splitlines())
        assert first["libraries"] == libraries and first["memory"] > 0
        assert [len(one["seconds"]), len(two["seconds"])] == [2, 1]


@pytest.mark.parametrize("words", [True, False])
def test_a_head_that_predicts_words_is_asked_beside_an_export_alone(words: bool, model: Model) -> None:
    folder = Path(model("bert"))
    run, tokenizer, about = _pytorch(folder, 1, words=words)()
    (batch,) = _batches(tokenizer, LINES[:2], 2)
    config = json.loads((folder / "config.json").read_text())
    output = run(batch())
    assert isinstance(output, torch.Tensor)
    assert output.shape[-1] == config["vocab_size" if words else "hidden_size"]
    assert about["parameters"] > config["vocab_size"] * config["hidden_size"]


def test_the_most_memory_is_that_of_this_process() -> None:
    before = _peak()
    block = bytearray(300_000_000)
    block[::4096] = b"x" * len(block[::4096])
    now = _resident()
    assert now >= len(block) and _peak() >= now - 2_000_000 and _peak() >= before


def test_the_table_and_the_file(folders: dict[str, str], text: Path, program: Call, tmp_path: Path) -> None:
    options = ["--text", text, "--sentences", "4", "--rounds", "2", "--threads", "2", "--json", "cost.json"]
    code, out, err = program("cost", folders["model"], folders["small"], *options)
    assert code == 0, err
    record = CostRecord.model_validate_json((tmp_path / "cost.json").read_text())
    model, small = record.models
    assert small.name == "small" and record.threads == 2 and record.sentences == 4
    for words in (
        "PyTorch fp32",
        "ONNX int8",
        "ms",
        "sentences/s",
        "2 rounds",
        "2 threads on",
        f"({small.disk / model.disk:.2f}x)",
    ):
        assert words in out
    assert program("cost", folders["small"], *options)[0] == 2  # the file is there


def test_what_is_too_wide_is_several_tables(record: CostRecord) -> None:
    models = tuple(record.models[0].model_copy(update={"name": f"model-{number}"}) for number in range(7))
    console = Terminal(width=80, file=io.StringIO())
    print_cost(console, record.model_copy(update={"models": models}))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown and shown.count("sentences/s") > 2
    assert next(line for line in shown.splitlines() if "model-" in line).split()[0] == "model-0"
    assert all(f"model-{number}" in shown for number in range(7))


def test_bad_input_is_one_message(folders: dict[str, str], program: Call, tmp_path: Path) -> None:
    damaged, lost, cut = tmp_path / "damaged", tmp_path / "lost", tmp_path / "cut"
    for folder in (damaged, lost, cut):
        folder.mkdir()
        for path in Path(folders["small"]).iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    (damaged / "export.json").write_text("{}")
    (lost / "model_int8.onnx").unlink()
    (cut / "model_int8.onnx").write_bytes((lost / "tokenizer.json").read_bytes()[:999])
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in Path(folders["model"]).iterdir():
        (broken / path.name).write_bytes(path.read_bytes()[: 200 if path.suffix == ".safetensors" else None])
    for arguments, words in (
        (["nowhere"], "there is no such"),
        ([damaged], "export.json is damaged"),
        ([lost], "the folder has lost model_int8.onnx"),
        ([cut], "ONNX Runtime cannot load the graph"),
        ([broken], "the model cannot be loaded"),
        ([folders["model"], folders["model"]], "this model is named twice"),
        ([folders["model"], "--text", "none.txt"], "none.txt"),
    ):
        code, out, err = program("cost", *arguments, "--sentences", "2", "--rounds", "1")
        assert (code, out) == (2, "") and err.startswith("Error: ") and "Traceback" not in err, err
        assert words in err
    record = json.loads((Path(folders["small"]) / "export.json").read_text())
    (damaged / "export.json").write_text(json.dumps(record | {"files": {"../x": "0"}}))
    with pytest.raises(InputError, match="names files that are not its own"):
        measure_cost({"a": str(damaged)}, LINES, CostSettings(sentences=2, rounds=1))
