"""Wikitext as people write it, in several languages, and as nobody should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.corpus.wikitext import prose_of

CASES = {
    "bold, italics, apostrophes": (
        "'''Athen''' (''[[griechische Sprache|griech.]]'' {{lang|el|Αθήνα}}) heißt '''''so'''''; l''''amour''' dure",
        ["Athen (griech. ) heißt so; l'amour dure"],
    ),
    "links": (
        "[[Москва]] — [[столица|столица страны]], [[:Категория:Города|города]], [[:Файл]], [[a#b|]]",
        ["Москва — столица страны, города, Файл, a#b"],
    ),
    "files and categories": (
        "[[Datei:A [1].jpg|mini|Ein [[Bild]] in [[Rom]]]]Text[[Kategorie:Stadt|*]] [[File:b.png]][[Image: c.svg|x]]\n"
        "[[Bild:alt.JPG|thumb|so hieß es früher]] [[category:Foo]]",
        ["Text"],
    ),
    "links to other languages": ("Текст [[ru:не в начале]]\n[[en:Text]] [[zh-min-nan:x]]\n[[fr:Texte]]", None),
    "web links": (
        "[https://example.org Παράδειγμα εδώ] και [http://example.org] και [//a.b c] [mailto:a@b d] [sic]",
        ["Παράδειγμα εδώ και  και c d [sic]"],
    ),
    "templates": ("a{{Infobox\n| x = {{y|[[z]]|{{{1|}}}}}\n| t = \n{|\n| cell\n|}\n}}b {{convert|3|km}} c", ["ab  c"]),
    "tables": ("davor\n{| class=x\n! Kopf\n|-\n| Zelle {{t}}\n {| \n| innen\n |}\n|}\ndanach\n:{|\n|a\n|}", None),
    "references": (
        'हिन्दी<ref>स्रोत</ref> भाषा<ref name="a">{{cite|x}}</ref> है<ref name=a/>।<ref group=\'n\' name="b" />',
        ["हिन्दी भाषा है।"],
    ),
    "elements": (
        "a<math>x < y</math>b<!-- c\nd --> e<br/>f<gallery>\nx.jpg|y\n</gallery><sup>2</sup> <span style='x'>g</span>"
        "<syntaxhighlight lang=c>int {{ }}</syntaxhighlight>",
        ["ab e", "f2 g"],
    ),
    "nowiki": (
        "<nowiki>[[a]] '''b''' {{c}}</nowiki> d<nowiki />e\n<nowiki>*</nowiki> f",
        ["[[a]] '''b''' {{c}} de", "* f"],
    ),
    "headings, lists, rules": (
        "== Geschichte ==\n* eins\n** [[zwei]]\n# drei\n; Wort : Bedeutung\n:: eingerückt\n----\n=== x ===  \n=1",
        ["eins", "zwei", "drei", "Wort : Bedeutung", "eingerückt", "=1"],
    ),
    "entities and switches": (
        "__NOTOC__a&nbsp;b &amp; &lt;c&gt; 5&thinsp;км __INHALTSVERZEICHNIS__",
        ["a\xa0b & <c> 5\u2009км"],
    ),
    "hollow brackets": ("서울 ({{lang|ko|x}}, {{IPA|y}}) 은 ({{x}}; 1900) 東京（{{x}}）は", ["서울 은 (1900) 東京は"]),
    "scripts of one language": ("我用-{zh-cn:软件; zh-tw:軟體}-和-{字}-。-{H|zh-cn:a;zh-tw:b}-", ["我用软件和字。"]),
    "categories by names that no dump lists": (
        "历史是[[人]]的。[[分类:历史]] [[分類:史]]\n[[К:Один]] [[К: Два|*]]\n[[图像:A.jpg|缩略图|说明[[字]]]]\n"
        "सत्य [[:分类:历史|史]]\nсм. [[С:Т]] и [[Война и мир: том]]",
        ["历史是人的。", "सत्य 史", "см. С:Т и Война и мир: том"],
    ),
    "paragraphs that begin with an exclamation mark": (
        "!Kung ist eine Sprache.\n\n!!! (Band)\n\n! Kopf !! Kopf\n|-\n| Zelle\n\n{|\n! Kopf\n\n!Xóõ auch.",
        ["!Kung ist eine Sprache.", "!!! (Band)", "!Xóõ auch."],
    ),
    "Telugu": ("'''తెలుగు''' [[ఆంధ్ర ప్రదేశ్|ఆంధ్ర]]లో{{మూలం}} మాట్లాడే [[భాష]].", ["తెలుగు ఆంధ్రలో మాట్లాడే భాష."]),
    "Arabic": (
        "'''القاهرة''' هي [[عاصمة]] [[مصر|جمهورية مصر]].[[ملف:a.jpg|تصغير|صورة]]",
        ["القاهرة هي عاصمة جمهورية مصر."],
    ),
}
EXPECTED = {"links to other languages": ["Текст"], "tables": ["davor", "danach"]}
HIDDEN = frozenset({"datei", "kategorie", "файл", "категория", "ملف"})


@pytest.mark.parametrize("name", CASES)
def test_markup(name: str) -> None:
    wikitext, prose = CASES[name]
    assert prose_of(wikitext, HIDDEN) == (prose or EXPECTED[name])


@pytest.mark.parametrize(
    ("wikitext", "prose"),
    [
        ("a {{b c", ["a b c"]),
        ("a }} b ]] c", ["a  b  c"]),
        ("a [[b c\nd [[e]] f", ["a b c", "d e f"]),
        ("a {{b {{c}} d", ["a b  d"]),
        ("a <ref>b\n\nc", ["a b", "c"]),
        ("a </ref> b", ["a  b"]),
        ("a\n{| b\n| c\nd", ["a", "d"]),
        ("a <!-- b", ["a"]),
        ("a {{b\n{| c\n}} d", ["a  d"]),
        ("<ref>a <ref>b</ref> c", ["c"]),
        ("", []),
    ],
)
def test_broken_markup_costs_little_text(wikitext: str, prose: list[str]) -> None:
    assert prose_of(wikitext) == prose


PIECES = [
    "{{", "}}", "[[", "]]", "{|", "|}", "|", "<ref>", "</ref>", "<ref/>", "<!--", "-->", "''", "=", "*", "\n", "(", ")",
    "[http://a ", "]", "-{", "}-", "<nowiki>", "</nowiki>", "&lt;", "File:a.jpg", "слово", " ",
]  # fmt: skip
NESTED = [
    "{{a|",
    "[[a|",
    "\n{|",
    "<ref>",
    "{{{a|",
    "[http://a",
    "<!--",
    "\n=",
    "( ",
    "[[",
    "<a ",
    "[[a:b]]",
    "[[a:b]]c",
    "\n!",
]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_markup_gives_lines(wikitext: str) -> None:
    for line in prose_of(wikitext):
        assert line and line == line.strip() and "\n" not in line


@pytest.mark.slow
@pytest.mark.parametrize("piece", NESTED)
def test_no_page_takes_long(piece: str) -> None:
    # A parser whose time grew with the square of the length would need hours.
    assert isinstance(prose_of(piece * (1_000_000 // len(piece))), list)
