"""Writes small dumps of a wiki in the form of MediaWiki's export, with the things that real ones have."""

from collections.abc import Iterable
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

# Namespaces of files and categories as each wiki calls them.
NAMES = {
    "en": ("File", "Category"),
    "fa": ("پرونده", "رده"),
    "ru": ("Файл", "Категория"),
    "hi": ("चित्र", "श्रेणी"),
    "te": ("దస్త్రం", "వర్గం"),
    "ko": ("파일", "분류"),
    "el": ("Αρχείο", "Κατηγορία"),
    "ar": ("ملف", "تصنيف"),
}


class Article(NamedTuple):
    """A page of a dump."""

    title: str
    text: str
    namespace: int = 0
    redirect: str = ""


def dump(language: str, articles: Iterable[Article]) -> str:
    """The XML of a dump."""
    file, category = NAMES[language]
    pages = "".join(_page(number, article) for number, article in enumerate(articles, 100))
    return f"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="{language}">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>{language}wiki</dbname>
    <namespaces>
      <namespace key="-2" case="first-letter">Media</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="4" case="first-letter">Wikipedia</namespace>
      <namespace key="6" case="first-letter">{file}</namespace>
      <namespace key="14" case="first-letter">{category}</namespace>
    </namespaces>
  </siteinfo>
{pages}</mediawiki>
"""


def _page(number: int, article: Article) -> str:
    redirect = f"    <redirect title={quoteattr(article.redirect)} />\n" if article.redirect else ""
    return f"""  <page>
    <title>{escape(article.title)}</title>
    <ns>{article.namespace}</ns>
    <id>{number}</id>
{redirect}    <revision>
      <id>{number + 5000}</id>
      <contributor><username>Ж</username><id>7</id></contributor>
      <comment>/* x */</comment>
      <model>wikitext</model>
      <text bytes="{len(article.text.encode())}" xml:space="preserve">{escape(article.text)}</text>
    </revision>
  </page>
"""
