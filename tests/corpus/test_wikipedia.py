"""Dumps of Wikipedia: articles only, as prose, and every broken dump is named as such."""

import bz2
import importlib.util
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from equiglot.corpus import Document, WikipediaSource
from equiglot.corpus import wikipedia as wikipedia_module
from equiglot.corpus.documents import LONGEST_TEXT
from equiglot.errors import InputError
from tests.articles import ARTICLE
from tests.corpus.conftest import SECOND
from tests.corpus.dumps import NAMES, Article, dump
from tests.corpus.packing import SUFFIXES, packed

Write = Callable[..., str]
NAME = "xxwiki-20240101-pages-articles.xml"


def articles(language: str) -> list[Article]:
    file, category = NAMES[language]
    first, second = ARTICLE[language], SECOND.get(language, ARTICLE[language])
    text = (
        f"[[{file}:a.jpg|thumb|[[x]]]]\n{{{{Infobox|a=b}}}}\n'''{first}'''<ref>x</ref>\n\n== x ==\n* [[y|{second}]]\n"
    )
    return [
        Article("Рим & <Rome>", text + f"[[{category}:x]]\n[[en:y]]"),
        Article("Roma", "#REDIRECT [[Rome]]", redirect="Рим & <Rome>"),
        Article(f"{category}:x", "x", namespace=14),
        Article("empty", "{{Stub}}"),
        Article("two", second),
    ]


def documents(*paths: str) -> list[Document]:
    return list(WikipediaSource(kind="wikipedia", paths=paths).documents("en"))


@pytest.mark.parametrize("language", NAMES)
def test_articles_become_prose(written: Write, language: str) -> None:
    first, second = ARTICLE[language], SECOND.get(language, ARTICLE[language])
    found = documents(written(dump(language, articles(language)), NAME))
    assert found == [Document("100", [first, second]), Document("104", [second])]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [7, 1 << 16])
def test_packing_and_blocks_do_not_matter(
    written: Write, monkeypatch: pytest.MonkeyPatch, suffix: str, size: int
) -> None:
    monkeypatch.setattr(wikipedia_module, "BLOCK_BYTES", size)
    text = dump("te", articles("te"))
    assert documents(written(packed(text.encode(), suffix), NAME + suffix)) == documents(written(text, NAME))
    assert documents(written(packed(text.encode("utf-16"), suffix), NAME + suffix)) == documents(written(text, NAME))


def test_multistream_and_parts(written: Write, tmp_path: Path) -> None:
    text = dump("ru", articles("ru") * 30).encode()
    streams = b"".join(bz2.compress(text[start : start + 5000]) for start in range(0, len(text), 5000))
    written(streams, "d/ruwiki-pages-articles-multistream1.xml-p1p40.bz2")
    written(dump("ru", articles("ru")), "d/ruwiki-pages-articles-multistream2.xml-p41p50")
    written("100:5:x", "d/ruwiki-pages-articles-multistream-index1.txt")
    source = WikipediaSource(kind="wikipedia", paths=("d",)).resolve(tmp_path)
    assert len(list(source.documents("ru"))) == 62
    assert source.estimate_characters("ru") > 30 * len(ARTICLE["ru"])
    assert "CC BY-SA" in source.describe("ru") and "2 files" in source.describe("ru")


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
def test_a_dump_that_ends_in_the_middle(written: Write, suffix: str) -> None:
    text = dump("el", [*articles("el"), Article("Αθήνα", SECOND["el"]), Article("Σπάρτη", SECOND["el"])])
    cut = text[: text.index("<title>Σπάρτη") + 20].encode()
    path = written(packed(cut, suffix), NAME + suffix)
    with pytest.raises(InputError, match="ends in the middle: the last complete page is 'Αθήνα'") as caught:
        documents(path)
    assert caught.value.where == path and "download it again" in str(caught.value.fix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_packed_dump_that_is_cut_off(written: Write, suffix: str) -> None:
    pages = [Article(f"Page {number}", f"{ARTICLE['fa']} {number * 7919}") for number in range(20_000)]
    whole = packed(dump("fa", pages).encode(), suffix)
    path = written(whole[: len(whole) * 4 // 5], NAME + suffix)
    with pytest.raises(InputError, match=r"ends in the middle: the last complete page is 'Page [0-9]+'") as caught:
        documents(path)
    assert caught.value.where == path


def test_a_dump_cut_off_before_its_first_page(written: Write) -> None:
    with pytest.raises(InputError, match="no page of it is complete"):
        documents(written(dump("fa", [])[:200], NAME))


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://localhost/x.dtd">',
        "<!DOCTYPE mediawiki>",
    ],
)
def test_a_document_type_is_refused(written: Write, declaration: str) -> None:
    text = dump("fa", [Article("x", "PLACE " + ARTICLE["fa"])]).replace("PLACE", "&b;")
    path = written(f"<?xml version='1.0'?>\n{declaration}\n{text}", NAME)
    with pytest.raises(InputError, match="declares a document type") as caught:
        documents(path)
    assert caught.value.where == f"{path}:2"


def test_an_entity_without_a_document_type(written: Write) -> None:
    text = dump("fa", [Article("x", ARTICLE["fa"]), Article("y", "PLACE")]).replace("PLACE", "&b;")
    with pytest.raises(InputError, match=r"no XML in line \d+ \(undefined entity\): the last complete page is 'x'"):
        documents(written(text, NAME))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("Всем привет.\n", "is no XML in line 1 .*: no page of it is complete"),
        ("<feed><page/></feed>", "its XML begins with <feed>, not <mediawiki>"),
        ("<mediawiki></mediawiki>", "holds no text: it has no articles"),
        ("<mediawiki><page><title>a</title><ns>0</ns></page></mediawiki>", "it has no articles"),
        ("<mediawiki></mediawiki>\n<x/>", "is no XML in line 2"),
        ("<?xml version='1.0' encoding='foo'?><mediawiki/>", "declares an encoding .*: unknown encoding: foo"),
        ("<?xml version='1.0' encoding='utf-32'?><mediawiki/>", "declares an encoding that XML is not read in"),
        ("<?xml version='1.0' encoding='shift_jis'?><mediawiki/>", "declares an encoding that XML is not read in"),
    ],
)
def test_no_dump(written: Write, content: str, what: str) -> None:
    path = written(content, NAME)
    with pytest.raises(InputError, match=what) as caught:
        documents(path)
    assert path in str(caught.value.where) and caught.value.fix


REAL = {
    "bgwiki-latest-pages-articles-shortened.xml.bz2": (1, "Григорианският календар (понякога наричан"),
    "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2": (106, "Anarchism is a political"),
    "enwiki-table-markup.xml.bz2": (5, "The constructive vote of no confidence"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_dumps(name: str) -> None:
    spec = importlib.util.find_spec("gensim")  # its tests' data are read, and nothing of it is run
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("gensim, which brings real dumps, is not installed")
    path = Path(spec.submodule_search_locations[0]) / "test" / "test_data" / name
    found = documents(str(path))
    count, start = REAL[name]
    assert len(found) == count
    assert found[0].paragraphs[0].startswith(start)
    lines = [line for document in found for line in document.paragraphs]
    marked = [
        line for line in lines if any(mark in line for mark in ("{{", "}}", "[[", "]]", "{|", "<ref", "</", "=="))
    ]
    assert len(marked) <= len(lines) / 1000


@pytest.mark.parametrize(
    ("endless", "what"),
    [
        ("<page><title>x</title><revision><text>{}", "A text in"),
        ("<page><title>{}", "A text in"),
        ("<page><!-- {}", "A piece of markup in"),
        ("<page a='{}", "A piece of markup in"),
    ],
)
def test_what_does_not_end_is_refused_before_it_fills_the_memory(written: Write, endless: str, what: str) -> None:
    text = dump("fa", [Article("first", ARTICLE["fa"])]).removesuffix("</mediawiki>\n")
    path = written(packed((text + endless.replace("{}", "x" * (6 * LONGEST_TEXT))).encode(), ".gz"), NAME + ".gz")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=rf"{what} .*'first'\) is longer than 10,000,000 characters") as caught:
            documents(path)
        assert tracemalloc.get_traced_memory()[1] < 5 * LONGEST_TEXT
    finally:
        tracemalloc.stop()
    assert str(caught.value.where).startswith(f"{path}:")


def test_elements_in_elements_without_an_end(written: Write) -> None:
    with pytest.raises(InputError, match="more than 100 elements in one another"):
        documents(written("<mediawiki>" + "<page>" * 100_000, NAME))
