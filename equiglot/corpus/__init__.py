"""From raw text in many languages to clean, split sentences on disk.

    TextSource -> Document -> clean sentences -> {train, valid, test}.arrow + corpus.json

Read in order: `settings` says what the text is, `files` and `sample` (with `markdown`) yield its documents, `cleaning`
makes sentences of them (with `hashing`), `spool` keeps those on disk while `duplicates`, `splitting` and `overlap`
decide about each, `drawing` puts them in order, `building` does all of it, and `reading` reads the result.
"""

from equiglot.corpus.building import build_corpus
from equiglot.corpus.documents import Document
from equiglot.corpus.files import FilesSource
from equiglot.corpus.hashing import fold
from equiglot.corpus.languages import check_language
from equiglot.corpus.reading import SentenceWriter, count_sentences, read_sentences
from equiglot.corpus.sample import SampleSource, sample_languages
from equiglot.corpus.settings import LanguageText, TextSettings, TextSource, check_text
from equiglot.corpus.statistics import CleaningStep, CorpusStatistics, SplitStatistics, read_statistics

__all__ = [
    "CleaningStep",
    "CorpusStatistics",
    "Document",
    "FilesSource",
    "LanguageText",
    "SampleSource",
    "SentenceWriter",
    "SplitStatistics",
    "TextSettings",
    "TextSource",
    "build_corpus",
    "check_language",
    "check_text",
    "count_sentences",
    "fold",
    "read_sentences",
    "read_statistics",
    "sample_languages",
]
