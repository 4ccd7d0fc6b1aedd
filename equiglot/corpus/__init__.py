"""From raw text in many languages to clean, split sentences on disk.

    TextSource -> Document -> clean sentences -> {train, valid, test}.arrow + corpus.json

Read in order: `settings` says what the text is, `sources` which kinds of it there are. `files`, `jsonl`, `parquet`,
`wikipedia` (these with `paths` and `opening`), `hub` and `sample` yield documents; `wikitext` and `markdown` make plain
text of them where they must; `cleaning` makes sentences (with `characters`, `segmenting`, `identification` and
`letters`), `spool` keeps those on disk while `duplicates`, `splitting` and `overlap` decide about each, `drawing` puts
them in order (with `sorting`), `building` does all of it, `reading` reads the result, and `leaks` compares languages.
"""

from equiglot.corpus.building import build_corpus, measure_text, sentence_length
from equiglot.corpus.characters import fold
from equiglot.corpus.documents import Document, SentenceWriter, count_sentences, read_sentences
from equiglot.corpus.hub import HubSource
from equiglot.corpus.languages import check_language, identifier_version
from equiglot.corpus.leaks import Leaks, find_leaks, read_leaks
from equiglot.corpus.records import JsonlSource, ParquetSource
from equiglot.corpus.sample import SampleSource, sample_languages
from equiglot.corpus.settings import LanguageText, TextSettings, check_text
from equiglot.corpus.sources import FilesSource, TextSource
from equiglot.corpus.statistics import CleaningStep, CorpusStatistics, SplitStatistics, read_statistics
from equiglot.corpus.wikipedia import WikipediaSource

__all__ = [
    "CleaningStep",
    "CorpusStatistics",
    "Document",
    "FilesSource",
    "HubSource",
    "JsonlSource",
    "LanguageText",
    "Leaks",
    "ParquetSource",
    "SampleSource",
    "SentenceWriter",
    "SplitStatistics",
    "TextSettings",
    "TextSource",
    "WikipediaSource",
    "build_corpus",
    "check_language",
    "check_text",
    "count_sentences",
    "find_leaks",
    "fold",
    "identifier_version",
    "measure_text",
    "read_leaks",
    "read_sentences",
    "read_statistics",
    "sample_languages",
    "sentence_length",
]
