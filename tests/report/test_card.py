from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from equiglot.report import Model, Report, write_card
from equiglot.report.card import MARK, model_card


def _model(report: Report, name: str) -> Model:
    return next(model for model in report.models if model.name == name)


def _written(report: Report, name: str, folder: Path) -> ModelCard:
    write_card(report, _model(report, name), folder / "README.md")
    return ModelCard.load(folder / "README.md")


def test_the_hub_reads_the_card(synthetic: Report, tmp_path: Path) -> None:
    card = _written(synthetic, "student", tmp_path)
    assert card.data.language == ["en", "de", "tr", "eu", "el"]
    assert (card.data.library_name, card.data.pipeline_tag) == ("transformers", "fill-mask")
    assert card.data.tags == ["equiglot", "knowledge-distillation", "multilingual"]
    assert card.data.license is None
    said = [
        "A masked language model of English, German, Turkish, Basque and Greek.",
        "made by Equiglot 0.0.0",
        "- Learnt from: soft, from each language's teacher, T = 1",
        "| English | Invented sentences, as if read aloud by volunteers | 150,000 | 12.5 |",
        "| Greek low-resource | 37.8 [37.1, 38.5] | −1.4 [−2.0, −0.8] |",
        "trained on little text",
        "with no others",
        "No licence is stated here",
        "Every number on this page is invented",
    ]
    assert [words for words in said if words not in card.text] == []


def test_a_teacher_has_its_own_language_and_no_distance(synthetic: Report, tmp_path: Path) -> None:
    starved = _model(synthetic, "mono-el").model_copy(update={"starved": "no better than ranking words by frequency"})
    models = tuple(starved if model.name == "mono-el" else model for model in synthetic.models)
    report = synthetic.model_copy(update={"models": models})
    card = _written(report, "mono-el", tmp_path)
    assert card.data.language == ["el"] and card.data.tags == ["equiglot"]
    assert "| Greek low-resource | 39.2 [38.5, 39.9] |\n" in card.text
    assert "English" not in card.text and "D:" not in card.text
    assert "too weak to teach: no better than ranking" in card.text
    assert "the teachers of these languages too weak to teach: Greek." in model_card(report, _model(report, "student"))


def test_a_model_that_is_not_scored_says_so(synthetic: Report) -> None:
    text = model_card(synthetic.model_copy(update={"scores": ()}), _model(synthetic, "hl"))
    assert "It has not been scored." in text and "MRR (%)" not in text


def test_text_of_the_run_is_text_in_the_card(synthetic: Report, tmp_path: Path) -> None:
    hostile = "</div>\n---\n# a | b `c` *d* <script>"
    languages = tuple(language.model_copy(update={"text": hostile}) for language in synthetic.languages)
    model = _model(synthetic, "student").model_copy(update={"name": hostile, "labels": hostile})
    report = synthetic.model_copy(update={"languages": languages, "name": hostile, "notes": (hostile,)})
    write_card(report, model, tmp_path / "README.md")
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.pipeline_tag == "fill-mask"
    assert "<script>" not in card.text.replace(r"\<script\>", "")
    assert not [line for line in card.text.splitlines() if line.startswith(("---", "# a"))]


def test_what_a_model_was_probed_on_is_no_longer_untested(synthetic: Report, probed: Report) -> None:
    assert "masked words only: on no task, and not for bias" in model_card(synthetic, _model(synthetic, "student"))
    said = "masked words, and by linear probes on part of speech and named entities: on nothing else, and not for bias"
    assert said in model_card(probed, _model(probed, "student"))
    assert "on part of speech and" in model_card(probed, _model(probed, "mono-de"))
    assert "on named entities: on nothing else" in model_card(probed, _model(probed, "mono-eu"))


def test_codes_are_those_that_the_hub_knows(synthetic: Report) -> None:
    model = _model(synthetic, "student").model_copy(update={"languages": ("zh-Hans", "zh-Hant", "no")})
    metadata = yaml.safe_load(model_card(synthetic, model).split("---\n")[1])
    assert metadata["language"] == ["zh", "no"]


def test_a_licence_that_a_person_adds_stays(synthetic: Report, tmp_path: Path) -> None:
    _written(synthetic, "student", tmp_path)
    path = tmp_path / "README.md"
    path.write_text(path.read_text().replace("tags:", "license: cc0-1.0\ntags:"))
    card = _written(synthetic.model_copy(update={"scores": ()}), "student", tmp_path)
    assert card.data.license == "cc0-1.0" and "It has not been scored." in card.text
    assert "No licence" not in card.text


@pytest.mark.parametrize("text", [b"My own words.\n", b"---\nlicense: mit\n---\n\n# Mine\n", "Größe".encode("latin-1")])
def test_a_card_without_its_last_line_is_a_person_s(synthetic: Report, tmp_path: Path, text: bytes) -> None:
    (tmp_path / "README.md").write_bytes(text)
    write_card(synthetic, _model(synthetic, "student"), tmp_path / "README.md")
    assert (tmp_path / "README.md").read_bytes() == text


def test_tags_and_language_of_a_person_s_own_stay(synthetic: Report, tmp_path: Path) -> None:
    _written(synthetic, "student", tmp_path)
    path = tmp_path / "README.md"
    changed = path.read_text().replace("- el\n", "- el\n- grc\n").replace("tags:\n", "tags:\n- Волга\n")
    path.write_text(f"\ufeff{changed}", encoding="utf-8")
    card = _written(synthetic.model_copy(update={"scores": ()}), "student", tmp_path)
    assert card.data.language == ["en", "de", "tr", "eu", "el", "grc"] and "It has not been scored." in card.text
    assert card.data.tags == ["Волга", "equiglot", "knowledge-distillation", "multilingual"]


def test_a_card_without_metadata_gets_them(synthetic: Report, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"{MARK}\n")
    assert _written(synthetic, "student", tmp_path).data.pipeline_tag == "fill-mask"


@pytest.mark.parametrize(
    "head", ["license: mit\n: [\n---\n", "license:mit\n---\n", "- a\n---\n", "license: mit\n", "day: 2026-02-31\n---\n"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_card_that_cannot_be_read_is_left_alone(synthetic: Report, tmp_path: Path, head: str, encoding: str) -> None:
    text = f"---\n{head}{MARK}\n".encode(encoding)
    (tmp_path / "README.md").write_bytes(text)
    write_card(synthetic, _model(synthetic, "student"), tmp_path / "README.md")
    assert (tmp_path / "README.md").read_bytes() == text


def test_the_same_card_is_not_written_again(synthetic: Report, tmp_path: Path) -> None:
    _written(synthetic, "student", tmp_path)
    before = (tmp_path / "README.md").stat()
    _written(synthetic, "student", tmp_path)
    after = (tmp_path / "README.md").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
