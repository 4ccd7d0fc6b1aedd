"""A first recipe from a folder of text."""

import bz2
import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from equiglot.corpus import FilesSource, WikipediaSource, building
from equiglot.corpus.sources import check_sources
from equiglot.display import print_found
from equiglot.errors import InputError
from equiglot.recipe import initialise, load_recipe
from equiglot.recipe.finding import find_languages, language_of
from equiglot.recipe.initialising import recipe_for
from tests.corpus.dumps import Article, dump

SENTENCE = {
    "en": "All human beings are born free and equal in dignity and rights, number {}.",
    "ru": "Все люди рождаются свободными и равными в своём достоинстве и правах, номер {}.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है, संख्या {}।",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다, 번호 {}.",
}
SPELT = {"en": "abcdefghij", "ru": "абвгдежзик", "hi": "कखगघङचछजझञ", "ko": "가나다라마바사아자차"}


def lines(code: str, count: int) -> str:
    """Sentences that differ in their letters: numbers alone would make them duplicates."""
    spelt = ("".join(SPELT[code][int(digit)] for digit in str(number)) for number in range(count))
    return "".join(SENTENCE[code].format(number) + "\n" for number in spelt)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four languages, 40:1, in the ways that people name and pack their text; and what is none."""
    place = tmp_path / "my text"
    (place / "ko" / "news").mkdir(parents=True)
    (place / "eng.txt").write_text(lines("en", 4000), encoding="utf-8")
    (place / "wiki.ru.txt.gz").write_bytes(gzip.compress(lines("ru", 3000).encode()))
    rows = (json.dumps({"text": line}, ensure_ascii=False) for line in lines("hi", 200).splitlines())
    (place / "hi.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (place / "ko" / "news" / "one.txt").write_text(lines("ko", 150), encoding="utf-8")
    (place / "german.txt").write_text(lines("en", 500))
    (place / "tr.txt").write_text("Kısa.\n")
    (place / "README.md").write_text("# About")
    (place / ".hidden").write_text("x")
    return place


def test_what_a_folder_holds(folder: Path, tmp_path: Path) -> None:
    found = find_languages(folder, tmp_path)
    assert [each.code for each in found.languages] == ["en", "ru", "hi", "ko"]
    assert [each.group for each in found.languages] == ["high", "high", "low", "low"]
    english, russian, hindi, _ = found.languages
    assert english.characters == len(lines("en", 4000).replace("\n", ""))
    assert (russian.sentences, hindi.documents) == (3000, 200)
    assert found.gap == pytest.approx(russian.characters / hindi.characters)
    assert found.left_out.keys() == {"german.txt", "tr.txt", "README.md"}
    assert "write de (German)" in found.left_out["german.txt"]
    assert "Too little text: 0 different sentences after cleaning" in found.left_out["tr.txt"]


def test_the_recipe_can_be_planned_as_it_is(folder: Path, tmp_path: Path) -> None:
    into = tmp_path / "recipes" / "mine.yaml"
    with pytest.raises(InputError, match="no folder for the recipe"):
        initialise(folder, into, gpu=False)
    into.parent.mkdir()
    initialise(folder, into, gpu=False)
    recipe = load_recipe(into)
    assert recipe.name == "mine"
    assert [file.resolve() for file in recipe.languages["ko"].text.files()] == [folder / "ko" / "news" / "one.txt"]
    assert recipe.text.valid == recipe.text.test == 400
    assert recipe.languages["ko"].held_out == 30, "a fifth of the smallest"
    assert recipe.groups == {"high": ("en", "ru"), "low": ("hi", "ko"), "all": ("en", "ru", "hi", "ko")}
    assert recipe.plans().keys() == {"mono-en", "mono-ru", "hl", "hl-balanced", "student"}
    text = into.read_text(encoding="utf-8")
    assert "left out: german.txt" in text
    assert all("#" in line for line in text.splitlines() if line.startswith("  ") and ":" in line)


def test_hard_labels_with_the_time_of_teachers_and_student_are_a_line_to_uncomment(
    folder: Path, tmp_path: Path
) -> None:
    into = tmp_path / "mine.yaml"
    initialise(folder, into, gpu=False)
    text = into.read_text(encoding="utf-8")
    assert text.count("  # hl-long: ") == 1
    into.write_text(text.replace("  # hl-long: ", "  hl-long: "), encoding="utf-8")
    plans = load_recipe(into).plans()
    updates = {name: plan.training.updates or 0 for name, plan in plans.items()}
    assert plans["hl-long"].labels.kind == "hard" and plans["hl-long"].balance == plans["student"].balance
    spent = updates["mono-en"] + updates["mono-ru"] + updates["student"] * 4 / 3
    assert updates["hl-long"] == pytest.approx(spent, abs=50)


def test_sizes_are_those_after_cleaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated lines and short ones are no text; of a long text the rest is taken to be like its beginning."""
    text = lines("en", 300)
    (tmp_path / "en.txt").write_text(text * 5 + "Short.\n" * 1000)
    (tmp_path / "ru.txt").write_text(lines("ru", 400), encoding="utf-8")
    found = {each.code: each for each in find_languages(tmp_path, tmp_path).languages}
    assert list(found) == ["ru", "en"]
    assert (found["en"].sentences, found["en"].characters) == (300, len(text) - 300)
    monkeypatch.setattr(building, "MEASURED", 1000)
    monkeypatch.setattr(building, "BATCH_CHARACTERS", 1000)
    (half,) = (each for each in find_languages(tmp_path, tmp_path).languages if each.code == "ru")
    assert half.characters == pytest.approx(found["ru"].characters, rel=0.01)


def test_long_thai_paragraphs_count(tmp_path: Path) -> None:
    thai = "มนุษย์ทั้งหลายเกิดมามีอิสระ"
    letters = "กขคงจฉชซฌญ"
    spelt = (thai + "".join(letters[int(digit)] for digit in str(number)) for number in range(3000))
    (tmp_path / "th.txt").write_text("\n".join(" ".join(islice(spelt, 60)) for _ in range(50)), encoding="utf-8")
    (found,) = find_languages(tmp_path, tmp_path).languages
    assert found.characters > 0.95 * 3000 * len(thai)


def test_a_folder_whose_name_looks_like_a_home(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "~x")
    initialise(tmp_path / "~x", tmp_path / "mine.yaml", gpu=False)
    (english,) = load_recipe(tmp_path / "mine.yaml").languages["en"].text.files()
    assert english == tmp_path / "~x" / "eng.txt"


@pytest.mark.parametrize("name", ["2024-02-31", "2024-02-28", "12", "no"])
def test_names_that_yaml_takes_for_something_else(folder: Path, tmp_path: Path, name: str) -> None:
    initialise(folder, tmp_path / f"{name}.yaml", gpu=False)
    assert load_recipe(tmp_path / f"{name}.yaml").name == name


def test_nothing_is_written_over_unless_asked(folder: Path, tmp_path: Path) -> None:
    into = tmp_path / "mine.yaml"
    into.write_text("precious")
    with pytest.raises(InputError, match="there already") as caught:
        initialise(folder, into, gpu=False)
    assert "--replace" in str(caught.value) and into.read_text() == "precious"
    initialise(folder, into, gpu=False, replace=True)
    assert load_recipe(into).name == "mine"


def test_one_language_has_no_groups_and_no_student(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "en.txt").write_text(lines("en", 300))
    initialise(tmp_path / "text", tmp_path / "one.yaml", gpu=False)
    recipe = load_recipe(tmp_path / "one.yaml")
    assert list(recipe.plans()) == ["mono-en"] and recipe.groups == {"all": ("en",)}


def test_sizes_that_are_alike_make_no_groups(tmp_path: Path) -> None:
    for code, count in {"en": 300, "ru": 320, "ko": 400}.items():
        (tmp_path / f"{code}.txt").write_text(lines(code, count), encoding="utf-8")
    found = find_languages(tmp_path, tmp_path)
    assert found.gap is None and {each.group for each in found.languages} == {None}
    assert "too alike" in recipe_for(found, "alike", gpu=False)[0]


NAMES = {
    "en.txt": "en",
    "eng.txt": "en",
    "pt_BR.txt": "pt-BR",
    "zh-Hant.txt.xz": "zh-Hant",
    "wiki.de.txt": "de",
    "eu-bdt.txt": "eu",
    "train.tel.jsonl": "te",
    "iw.txt": "he",
    "trwiki-20250101-pages-articles.xml.bz2": "tr",
    "europarl.de-en.en.txt": "en",
    "zh_classicalwiki-20250101-pages-articles.xml.bz2": "lzh",
    "zh_min_nanwiki-latest-pages-articles-multistream.xml.bz2": "nan",
    "zh_yuewiki-latest-pages-articles1.xml-p1p2.bz2": "yue",
    "zh-yue.txt": "yue",
    "zh_classical.jsonl": "lzh",
    "nds_nlwiki-latest-pages-articles.xml.bz2": "nds-NL",
    "alswiki-20250101-pages-articles.xml.bz2": "gsw",
    "als.txt": "als",
    "be_x_oldwiki-20250101-pages-articles.xml.bz2": "be-tarask",
    "my-bat_smgwiki.txt": "sgs",
    "cbk_zamwiki-latest-pages-articles.xml": "cbk",
    "map_bmswiki-latest-pages-articles.xml": "jv-x-bms",
    "roa_rupwiki.txt": "rup",
    "roa_tarawiki.txt": "nap-x-tara",
    "fiu_vrowiki.txt": "vro",
    "simplewiki-latest-pages-articles.xml.bz2": "en",
    "nowiki-latest-pages-articles.xml.bz2": "nb",
    "crhwiki-latest-pages-articles.xml.bz2": "crh",
    "news.pt-BR.txt": "pt-BR",
    "news-pt_BR.txt": "pt-BR",
    "pt-BR.news.txt": "pt-BR",
    "news.sr-Latn.txt": "sr-Latn",
    "news.sr-Cyrl.txt": "sr-Cyrl",
    "sr_Latn_RS.news.txt": "sr-Latn-RS",
    "kab.en-IN.txt": "en-IN",
}


@pytest.mark.parametrize(("name", "code"), NAMES.items())
def test_languages_in_names(name: str, code: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert language_of(tmp_path / name) == code


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("german.txt", "write de"),
        ("gr.txt", "write el"),
        ("raw.txt", "Rename it"),
        ("notes.txt", "Rename it"),
        ("und.txt", "Rename it"),
        ("en.pdf", "Text is"),
    ],
)
def test_names_without_a_language(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError) as caught:
        language_of(tmp_path / name)
    assert said in str(caught.value.fix)


def test_a_folder_without_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_languages(tmp_path / "nowhere", tmp_path)
    with pytest.raises(InputError, match="it is empty"):
        find_languages(tmp_path, tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="'notes' is not a language code"):
        find_languages(tmp_path, tmp_path)


def test_files_of_one_language_of_several_kinds(folder: Path, tmp_path: Path) -> None:
    (folder / "en.jsonl").write_text('{"text": "x"}\n')
    found = find_languages(folder, tmp_path)
    assert found.languages[0].paths == ("my text/eng.txt",)
    assert "of one kind, and eng.txt is of another" in found.left_out["en.jsonl"]


def wiki(code: str, count: int) -> bytes:
    """A packed dump with a sentence on each page."""
    pages = [Article(f"Page {number}", line) for number, line in enumerate(lines(code, count).splitlines())]
    return bz2.compress(dump(code, pages).encode())


@pytest.mark.parametrize("place", ["text", "text/ru"])
def test_the_index_of_a_dump_is_no_text(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "ruwiki-20250101-pages-articles-multistream.xml.bz2").write_bytes(wiki("ru", 200))
    index = tmp_path / place / "ruwiki-20250101-pages-articles-multistream-index.txt.bz2"
    index.write_bytes(bz2.compress(b"".join(b"9657:%d:Madde %d\n" % (n, n) for n in range(5000))))
    initialise(tmp_path / "text", tmp_path / "mine.yaml", gpu=False)
    source = load_recipe(tmp_path / "mine.yaml").languages["ru"].text
    assert source.kind == "wikipedia" and [file.suffixes for file in source.files()] == [[".xml", ".bz2"]]
    with pytest.raises(InputError, match=r"index\.txt\.bz2 is no text, but the index of a dump"):
        check_sources({"ru": FilesSource(paths=(str(index),))})


@pytest.mark.parametrize(("kind", "count"), [("wikipedia", 3000), ("files", 100)])
def test_text_of_several_kinds_in_a_folder(tmp_path: Path, kind: str, count: int) -> None:
    place = tmp_path / "text" / "ru"
    place.mkdir(parents=True)
    (place / "ruwiki-latest-pages-articles.xml.bz2").write_bytes(wiki("ru", count))
    (place / "news.txt").write_text(lines("ru", 300 if kind == "files" else 5), encoding="utf-8")
    found, _ = initialise(tmp_path / "text", tmp_path / "mine.yaml", gpu=False)
    other = "ru/news.txt" if kind == "wikipedia" else "ru/ruwiki-latest-pages-articles.xml.bz2"
    assert found.left_out.keys() == {other} and "of which there is more" in found.left_out[other]
    source = load_recipe(tmp_path / "mine.yaml").languages["ru"].text
    assert (source.kind, len(source.files())) == (kind, 1)
    with pytest.raises(InputError, match="The folder ru holds other text besides plain text: ruwiki") as caught:
        check_sources({"ru": FilesSource(paths=(str(place),))})
    assert f"{place}/**/*.txt" in str(caught.value.fix)


def test_of_several_dumps_of_a_wiki_the_newest_is_used(tmp_path: Path) -> None:
    names = [
        "ruwiki-20240101-pages-articles.xml.bz2",
        "ruwiki-20250101-pages-articles1.xml-p1p9.bz2",
        "ruwiki-20250101-pages-articles2.xml-p10p99.bz2",
    ]
    for place in ("text", "deep/ru"):
        (tmp_path / place).mkdir(parents=True)
        for name in names:
            (tmp_path / place / name).write_bytes(wiki("ru", 100))
    for place in ("text", "deep"):
        found = find_languages(tmp_path / place, tmp_path)
        files = WikipediaSource(kind="wikipedia", paths=found.languages[0].paths).resolve(tmp_path).files()
        assert {file.name for file in files} == {*names[1:]}
        (why,) = (why for name, why in found.left_out.items() if name.endswith(names[0]))
        assert why == "Another dump of the same wiki is used: ruwiki-20250101-pages-articles."


def test_wikis_of_one_language_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("enwiki", "simplewiki"):
        (tmp_path / f"{name}-latest-pages-articles.xml.bz2").write_bytes(wiki("en", 100))
    print_found(Console(width=300), find_languages(tmp_path, tmp_path), (), "x.yaml")
    shown = capsys.readouterr().out
    assert "enwiki-latest" in shown and "simplewiki-latest" in shown


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    rows = "\n".join(json.dumps({"text": line}) for line in lines("en", 200).splitlines())
    for name in ("a[1]", "a1"):
        (tmp_path / name / "text[x]" / "en").mkdir(parents=True)
        (tmp_path / name / "text[x]" / "en" / f"{name}.jsonl").write_text(rows)
    into = tmp_path / "a[1]" / "mine.yaml"
    initialise(tmp_path / "a[1]" / "text[x]", into, gpu=False)
    (file,) = load_recipe(into).languages["en"].text.files()
    assert file == tmp_path / "a[1]" / "text[x]" / "en" / "a[1].jsonl"


def test_a_folder_of_packed_rows(tmp_path: Path) -> None:
    (tmp_path / "text" / "en").mkdir(parents=True)
    rows = "\n".join(json.dumps({"text": line}) for line in lines("en", 200).splitlines())
    (tmp_path / "text" / "en" / "part.1.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    found = find_languages(tmp_path / "text", tmp_path)
    assert found.languages[0].paths == ("text/en/**/*.jsonl.gz",) and found.languages[0].sentences == 200


@pytest.mark.parametrize("name", ["no way", "a: b #c", "x{y}", 'quote"s', "new\nline", "名前", "back\\slash", "- dash"])
def test_names_from_outside_stay_what_they_are(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    place.mkdir()
    (place / "no.txt").write_text(lines("en", 200))
    (place / f"{name}.txt").write_text("x\n")
    initialise(place, tmp_path / "made.yaml", gpu=False)
    tree: dict[str, Any] = yaml.safe_load((tmp_path / "made.yaml").read_text(encoding="utf-8"))
    assert tree["languages"] == {"no": {"text": f"{name}/no.txt"}}


@pytest.mark.parametrize(
    ("characters", "gpu", "layers", "words"),
    [(10**6, False, 2, 4000), (10**7, True, 4, 10_000), (10**9, False, 4, 10_000), (10**9, True, 6, 50_000)],
)
def test_models_fit_the_text_and_the_machine(
    folder: Path, tmp_path: Path, characters: int, gpu: bool, layers: int, words: int
) -> None:
    """Small ones get what makes them learn sooner; the paper's size gets the paper's shape and masks."""
    found = find_languages(folder, tmp_path)
    larger = type(found.languages[0])("en", "English", ("en.txt",), characters, 10**6, 10**6)
    tree = yaml.safe_load(recipe_for(type(found)((larger,), {}, None), "x", gpu=gpu)[0])
    assert (tree["encoder"]["layers"], tree["vocabulary"]["size"]) == (layers, words)
    shape, masked = ("bert", 0.15) if layers == 6 else ("modernbert", 0.3)
    assert (tree["encoder"].get("architecture", "bert"), tree["masking"]["rate"]) == (shape, masked)
    assert tree["text"]["valid"] == 10_000
