"""How much text there is in a language: the table that is shipped, against what papers say of it."""

from importlib import resources

import pytest

from equiglot.corpus.resources import Resources, resources_of, size_group

# Paper 3, Table 1.
MBERT = {
    3: "io pms scn yo",
    4: "cv lmo mg min su vo",
    5: "an bar br ce fy ga gu is jv ky lb mn my nds ne pa pnb sw tg",
    6: "af ba cy kn la mr oc sco sq tl tt uz",
    7: "az bn bs eu hi ka kk lt lv mk ml nn ta te ur",
    8: "ast be bg da el et gl hr hy ms sh sk sl th war",
    9: "fa fi he id ko no ro sr tr vi",
    10: "ar ca cs hu nl sv uk",
    11: "ceb it ja pl pt zh",
    12: "de es fr ru",
    14: "en",
}
GROUPS = {code: group for group, codes in MBERT.items() for code in codes.split()}


def known(code: str) -> Resources:
    found = resources_of(code)
    assert found is not None, code
    return found


def test_groups_are_those_of_paper_3() -> None:
    assert len(GROUPS) == 99
    assert {code: known(code).mbert_group for code in GROUPS} == GROUPS
    # Dumps of 2020 are somewhat larger than those of the paper: none is smaller, none is more than twice as large.
    later = {code: size_group(known(code).wikipedia_bytes) - group for code, group in GROUPS.items()}
    assert [[*later.values()].count(grown) for grown in (0, 1)] == [79, 20]


def test_languages_of_mbert_and_of_xlm_r() -> None:
    text = (resources.files("equiglot.corpus") / "resources.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line[0] != "#"][1:]
    codes = [row[0] for row in rows]
    assert codes == sorted(codes) and len({*codes}) == len(codes)
    assert [row[3] for row in rows].count("yes") == 103  # 104, Chinese in two scripts
    assert 2300 < sum(float(row[4] or 0) for row in rows) < 2500  # "more than two terabytes", section 3.1
    assert (known("sw").cc100_gib, known("zh").cc100_gib, known("io").cc100_gib) == (1.6, 63.5, None)


PAIRS = """
en:en pt-BR:pt zh-TW:zh zh-Hans:zh yue:zh-yue lzh:zh-classical nb:no no:no nn:nn tl:tl fil:tl iw:he gsw:als sr-Latn:sr
sh:sh vro:fiu-vro be-tarask:be-tarask
"""


@pytest.mark.parametrize(("code", "wiki"), [pair.split(":") for pair in PAIRS.split()])
def test_codes_of_people_and_of_wikipedias(code: str, wiki: str) -> None:
    assert known(code).wiki == wiki


@pytest.mark.parametrize("code", ["tlh", "als", "und"])
def test_languages_that_nothing_is_known_of(code: str) -> None:
    assert resources_of(code) is None  # als is Tosk Albanian, but the Wikipedia of that name is Alemannic


def test_sizes() -> None:
    assert (size_group(2**20), size_group(10 * 2**20), size_group(15.5 * 2**30)) == (0, 3, 14)
    assert known("yo").wiki_size == pytest.approx(3.58, abs=0.01)
    with pytest.raises(ValueError, match="no logarithm"):
        size_group(0)
