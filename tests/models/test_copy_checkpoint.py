"""Existing models, taken as they are: the same logits and tokens, and nothing else in the folder."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import sentencepiece
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from equiglot.errors import InputError
from equiglot.files import checksum, checksums
from equiglot.models import copy_checkpoint, copy_untrained, model_identity, open_model
from tests.stock import ARCHITECTURES, SCRIPTS, configuration, save_stock


@pytest.fixture(params=ARCHITECTURES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model as others publish it, with what else they leave in its folder."""
    folder = save_stock(tmp_path / "published", request.param)
    (folder / "README.md").write_text("# A model")
    (folder / "optimizer.safetensors").write_bytes(b"x")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    (folder / "runs").mkdir()
    (folder / "runs" / "events").write_bytes(b"x")
    return folder


@torch.no_grad()
def _answers(folder: Path) -> tuple[list[list[int]], list[torch.Tensor]]:
    """Ids and logits of a sentence in each script, by stock transformers."""
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(sentence, truncation=True, max_length=36).input_ids for sentence in SCRIPTS.values()]
    return ids, [model(input_ids=torch.tensor([each])).logits for each in ids]


def test_what_is_taken_is_the_same_to_everybody(folder: Path, tmp_path: Path) -> None:
    copy_checkpoint(str(folder), tmp_path / "models" / "taken")
    (ids, logits), (there_ids, there_logits) = _answers(tmp_path / "models" / "taken"), _answers(folder)
    assert ids == there_ids and all(len(set(each)) > 4 for each in ids)
    assert all(torch.equal(here, there) for here, there in zip(logits, there_logits, strict=True))
    opened = open_model("x", str(tmp_path / "models" / "taken"))
    assert opened.tokenizer.get_vocab() == AutoTokenizer.from_pretrained(folder).get_vocab()


def test_nothing_else_is_copied_and_the_rest_is_copied_as_it_is(folder: Path, tmp_path: Path) -> None:
    copy_checkpoint(str(folder), tmp_path / "taken")
    taken = checksums(tmp_path / "taken")
    assert taken == model_identity(str(folder)) == model_identity(str(tmp_path / "taken"))
    assert sorted(taken) == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert taken.items() <= checksums(folder).items()


def test_the_identity_knows_what_counts(tmp_path: Path) -> None:
    folder, other = save_stock(tmp_path / "one", "bert"), save_stock(tmp_path / "two", "bert", seed=1)
    before, beside = model_identity(str(folder)), model_identity(str(other))
    assert {name for name in before if before[name] != beside[name]} == {"model.safetensors"}
    (folder / "README.md").write_text("# Other words")
    assert model_identity(str(folder)) == before
    (folder / "special_tokens_map.json").write_text("{}")
    assert model_identity(str(folder)).keys() - before.keys() == {"special_tokens_map.json"}


def test_weights_in_several_files(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "whole", "modernbert")
    model = AutoModelForMaskedLM.from_pretrained(folder)
    shutil.copytree(folder, tmp_path / "parts", ignore=shutil.ignore_patterns("*.safetensors"))
    model.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
    assert len(list((tmp_path / "parts").glob("model-*.safetensors"))) > 1
    copy_checkpoint(str(tmp_path / "parts"), tmp_path / "taken")
    assert checksums(tmp_path / "taken") == checksums(tmp_path / "parts")
    for here, there in zip(_answers(tmp_path / "taken")[1], _answers(folder)[1], strict=True):
        assert torch.equal(here, there)


def test_a_tokenizer_of_a_word_list_alone(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "old", "bert")
    vocabulary = AutoTokenizer.from_pretrained(folder).get_vocab()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
    copy_checkpoint(str(folder), tmp_path / "taken")
    assert sorted(checksums(tmp_path / "taken")) == ["config.json", "model.safetensors", "vocab.txt"]
    assert open_model("x", str(tmp_path / "taken")).tokenizer.get_vocab() == vocabulary
    assert _answers(tmp_path / "taken")[0] == _answers(folder)[0]


@pytest.mark.parametrize(
    ("architecture", "file", "name"),
    [
        ("xlm-roberta", "sentencepiece.bpe.model", "XLMRobertaTokenizer"),
        ("deberta-v2", "spm.model", "DebertaV2Tokenizer"),
    ],
)
def test_a_tokenizer_of_sentencepiece_alone(architecture: str, file: str, name: str, tmp_path: Path) -> None:
    folder, pieces = tmp_path / "published", io.BytesIO()
    text = [line for line in SCRIPTS.values() for _ in range(5)]
    roles = {"pad": ("[PAD]", 0), "bos": ("[CLS]", 1), "eos": ("[SEP]", 2), "unk": ("[UNK]", 3)}
    own = {
        f"{role}_{part}": value
        for role, both in roles.items()
        for part, value in zip(("piece", "id"), both, strict=True)
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_writer=pieces,
        vocab_size=260,
        hard_vocab_limit=False,
        character_coverage=1.0,
        minloglevel=2,
        **(own if architecture == "deberta-v2" else {}),
    )
    padding = 0 if architecture == "deberta-v2" else 1
    AutoModelForMaskedLM.from_config(configuration(architecture, 260, padding)).save_pretrained(folder)
    (folder / file).write_bytes(pieces.getvalue())
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    copy_checkpoint(str(folder), tmp_path / "taken")
    assert sorted(checksums(tmp_path / "taken")) == sorted(
        ["config.json", "model.safetensors", file, "tokenizer_config.json"]
    )
    opened = open_model("x", str(tmp_path / "taken"))
    assert opened.special.padding == padding and opened.special.mask == len(opened.tokenizer) - 1
    assert "▁" in "".join(opened.tokenizer.tokenize("Все люди 한국어"))
    assert _answers(tmp_path / "taken")[0] == _answers(folder)[0]


def test_a_model_of_a_run_by_its_short_name(tmp_path: Path) -> None:
    save_stock(tmp_path / "run" / "models" / "student", "bert")
    (tmp_path / "run" / "models" / "student" / "training.json").write_text("{}")
    (tmp_path / "run" / "recipe.yaml").write_text("name: x")
    copy_checkpoint(str(tmp_path / "run" / "student"), tmp_path / "taken")
    assert not (tmp_path / "taken" / "training.json").exists()
    assert model_identity(str(tmp_path / "run")) == checksums(tmp_path / "taken")


def test_a_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = save_stock(tmp_path / "blobs", "xlm-roberta")
    kept = tmp_path / "snapshot"  # the hub's cache is a folder of links
    kept.mkdir()
    for path in blobs.iterdir():
        (kept / path.name).symlink_to(path)

    def snapshot(name: str, **options: Any) -> str:
        assert name == "someone/model"
        return str(kept)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    copy_checkpoint("someone/model", tmp_path / "taken")
    assert model_identity("someone/model") == checksums(blobs) == checksums(tmp_path / "taken")
    assert not any(path.is_symlink() for path in (tmp_path / "taken").iterdir())
    (kept / "model.safetensors").unlink()
    with pytest.raises(InputError, match="the hub has no safetensors") as error:
        copy_checkpoint("someone/model", tmp_path / "other")
    assert "hf download someone/model" in str(error.value.fix) and "docker run" in str(error.value.fix)


def test_a_name_is_the_hubs_whatever_folders_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = save_stock(tmp_path / "owner" / "model", "bert")
    theirs = save_stock(tmp_path / "cache", "bert", seed=1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **_: str(theirs))
    for source, folder in (("owner/model", theirs), ("./owner/model", ours), (str(ours), ours)):
        copy_checkpoint(source, tmp_path / "taken")
        assert (tmp_path / "taken/model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
        assert model_identity(source)["model.safetensors"] == checksum(folder / "model.safetensors")


def test_every_architecture_has_an_untrained_twin(folder: Path, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        copy_untrained(folder, tmp_path / name, seed=seed)
    assert torch.get_rng_state().equal(state)
    theirs, one, same, other = (
        open_model("x", str(place)).model.state_dict()
        for place in (folder, *(tmp_path / name for name in ("one", "same", "other")))
    )
    assert [(name, each.shape) for name, each in theirs.items()] == [(name, each.shape) for name, each in one.items()]
    assert all(tensor.equal(same[name]) for name, tensor in one.items())
    matrices = [name for name, tensor in one.items() if tensor.dim() > 1 and tensor.is_floating_point()]
    assert matrices and not any(one[name].equal(other[name]) or one[name].equal(theirs[name]) for name in matrices)
    (ids, _), (there_ids, _) = _answers(tmp_path / "one"), _answers(folder)
    assert ids == there_ids


def test_what_is_no_model_has_no_twin(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        copy_untrained(tmp_path, tmp_path / "twin", seed=0)
    assert not (tmp_path / "twin").exists()
