"""What a task is: which labels, in which files, and how much of them is used."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from equiglot.settings import MOST, Settings

SPLITS = ("train", "dev", "test")
MLQA_LANGUAGES = ("en", "es", "de", "ar", "hi", "vi", "zh")
"""Those that MLQA has rules of comparing answers for."""
_FINE_TUNED = "-finetune"  # behind a task in scores, jobs and folders: probes and fine-tuning may share one

_Patterns = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value, str | list[str])
]


class _Files(Settings):
    """Files of a language, by split; `{language}` stands for its code, and all files that a pattern matches are joined.

    A split that is not given, or whose pattern matches no file of a language, is not there for it.
    """

    train: _Patterns = Field((), description="Files or globs, such as ud/{language}_*-train.conllu.")
    dev: _Patterns = Field((), description="The same for choosing settings of a probe.")
    test: _Patterns = Field((), description="The same for scoring.")


class ConlluFiles(_Files):
    """CoNLL-U: words, universal part-of-speech tags and dependency trees of treebanks."""

    kind: Literal["conllu"]


class BioFiles(_Files):
    """A word and its BIO tag a line, with a tab or spaces between them; blank lines between sentences."""

    kind: Literal["bio"]


class TsvFiles(_Files):
    """Tab-separated, with a header: a text and its class a line."""

    kind: Literal["tsv"]
    text: str = Field("text", min_length=1, description="The column with the text.")
    label: str = Field("category", min_length=1, description="The column with its class.")


class ParquetFiles(_Files):
    """Parquet: words and tags as lists, a sentence a row; or a text and its class."""

    kind: Literal["parquet"]
    text: str = Field("tokens", min_length=1, description="The column with the words, or with a text.")
    label: str = Field(
        "ner_tags", min_length=1, description="The column with tags or class: text, or numbers of names."
    )


class SquadFiles(_Files):
    """JSON in the form of SQuAD 1.1, as XQuAD, MLQA and TyDiQA-GoldP have it, or Parquet with the same columns:
    paragraphs, questions about them, and answers with the character that they start at."""

    kind: Literal["squad"]
    all: _Patterns = Field(
        (), description="Files that serve all splits, as those of XQuAD: they are divided. Then no split is named."
    )
    split_by: Literal["article", "paragraph"] = Field(
        "article",
        description="How `all` is divided: each article, or paragraph, goes to train (70 %), dev (10 %) or test (20 %) "
        "by a hash of its title, the same in all languages.",
    )
    splits: tuple[Literal["train", "dev", "test"], ...] = Field(
        ("train", "dev", "test"), min_length=1, description="The parts of `all` that are used."
    )

    @model_validator(mode="after")
    def _check_divided(self) -> Self:
        if self.all and (self.train or self.dev or self.test):
            raise ValueError("`all` stands beside `train`, `dev` or `test`: name files for all splits, or for each")
        return self


class HubRows(Settings):
    """A dataset of the Hugging Face Hub (extra `hub`), or a folder that holds one, such as google/xtreme.

    `{language}` stands for a language's code, `{name}` for its English name.
    """

    kind: Literal["hub"]
    dataset: str = Field(min_length=1, description="owner/name, or a folder that begins with ./, ../, / or ~")
    configuration: str | None = Field(None, description="Such as PAN-X.{language} or udpos.{name}.")
    text: str = Field("tokens", min_length=1, description="The column with the words, or with a text.")
    label: str = Field("ner_tags", min_length=1, description="The column with tags or class.")
    train: str | None = Field("train", description="The split to train on; none if null.")
    dev: str | None = Field("validation", description="The split for choosing settings; none if null.")
    test: str | None = Field("test", description="The split to score; none if null.")
    revision: str | None = Field(None, description="Branch, tag or commit; the newest state if null.")


_FIRST: Any = Field("sentence1", min_length=1, description="The column with the first text.")
_SECOND: Any = Field("sentence2", min_length=1, description="The column with the second text.")
_CLASS: Any = Field("label", min_length=1, description="The column with the class of the pair.")


class PairTsv(TsvFiles):
    """Tab-separated, with a header: two texts and their class a line."""

    text: str = _FIRST
    second: str = _SECOND
    label: str = _CLASS


class PairJson(_Files):
    """JSON Lines: two texts and their class an object, which is text or a number."""

    kind: Literal["jsonl"]
    text: str = _FIRST
    second: str = _SECOND
    label: str = _CLASS


class PairParquet(ParquetFiles):
    """Parquet: two texts and their class a row."""

    text: str = _FIRST
    second: str = _SECOND
    label: str = _CLASS


class PairRows(HubRows):
    """A dataset of the Hugging Face Hub (extra `hub`) with pairs of texts, such as google-research-datasets/paws-x.

    `{language}` stands for a language's code, `{name}` for its English name.
    """

    text: str = _FIRST
    second: str = _SECOND
    label: str = _CLASS


WordSource = Annotated[ConlluFiles | BioFiles | ParquetFiles | HubRows, Field(discriminator="kind")]
TextSource = Annotated[TsvFiles | ParquetFiles | HubRows, Field(discriminator="kind")]
PairSource = Annotated[PairTsv | PairJson | PairParquet | PairRows, Field(discriminator="kind")]


class Sentences(Settings):
    """How many sentences of a language are used at most, spread evenly over its files; all if null."""

    train: int | None = Field(2000, gt=0, le=MOST, description="To train a probe.")
    dev: int | None = Field(1000, gt=0, le=MOST, description="To choose its settings.")
    test: int | None = Field(None, gt=0, le=MOST, description="To score it.")


class _Data(Settings):
    """What all tasks share."""

    unit: ClassVar[Literal["word", "sentence", "pair", "question"]]
    """What is labelled, or answered."""

    @property
    def joins_languages(self) -> bool:
        """Whether what is learnt from one language is tested on others, or on several: labels must then agree."""
        return True

    sentences: Sentences = Sentences()


class _Task(_Data):
    """What all tasks with labels share."""

    map: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description='Language (or "all") -> label in its files -> label to use, such as {vi: {NAME: PER}}.',
    )


class PartOfSpeech(_Task):
    """Universal part-of-speech tags of words."""

    unit: ClassVar[Literal["word", "sentence", "pair"]] = "word"
    task: Literal["pos"] = Field(description="What is scored.")
    data: WordSource | dict[str, WordSource] = Field(description="For all languages, or language -> its own.")


class DependencyParsing(_Task):
    """Dependency trees: the head of each word, and its universal relation to it."""

    unit: ClassVar[Literal["word", "sentence", "pair"]] = "word"
    task: Literal["parse"] = Field(description="What is scored.")
    data: ConlluFiles | dict[str, ConlluFiles] = Field(description="For all languages, or language -> its own.")
    rules: Literal["official", "paper3"] = Field(
        "official",
        description="Which words count: all, as in the script of CoNLL 2018; or, as in the code of paper 3, those "
        "whose part of speech is neither PUNCT nor SYM.",
    )


class NamedEntities(_Task):
    """Named entities, as a BIO tag of each word."""

    unit: ClassVar[Literal["word", "sentence", "pair"]] = "word"
    task: Literal["ner"] = Field(description="What is scored.")
    data: WordSource | dict[str, WordSource] = Field(description="For all languages, or language -> its own.")
    types: tuple[str, ...] | None = Field(
        None, min_length=1, description="The types that count, such as [PER, LOC, ORG]; others are O. All if null."
    )
    rules: Literal["official", "paper3"] = Field(
        "official",
        description="How entities are read from tags: strict IOB2; or, as in the code of paper 3, an I- tag that goes "
        "on no entity of its type begins one, in right and in predicted tags.",
    )


class Topic(_Task):
    """The class of a text, such as its topic."""

    unit: ClassVar[Literal["word", "sentence", "pair"]] = "sentence"
    task: Literal["topic"] = Field(description="What is scored.")
    data: TextSource | dict[str, TextSource] = Field(description="For all languages, or language -> its own.")


class TextPair(_Task):
    """The class of a pair of texts: whether one follows from the other, or says the same."""

    unit: ClassVar[Literal["word", "sentence", "pair"]] = "pair"
    task: Literal["pair"] = Field(description="What is scored.")
    data: PairSource | dict[str, PairSource] = Field(description="For all languages, or language -> its own.")


class Place(_Task):
    """Where in its document a paragraph of the run's own text stands: first, between or last. It needs no labels."""

    unit: ClassVar[Literal["word", "sentence", "pair"]] = "sentence"
    task: Literal["place"] = Field(description="What is scored.")


class QuestionAnswering(_Data):
    """Questions about a paragraph, each with an answer that stands in it."""

    unit: ClassVar[Literal["word", "sentence", "pair", "question"]] = "question"
    task: Literal["qa"] = Field(description="What is scored.")
    data: SquadFiles | dict[str, SquadFiles] = Field(description="For all languages, or language -> its own.")
    rules: Literal["squad", "mlqa"] = Field(
        "squad",
        description="How answers are compared: as SQuAD 1.1 does (XTREME, too, for XQuAD and TyDiQA), or as MLQA does "
        "in its seven languages.",
    )


Labelled = PartOfSpeech | DependencyParsing | NamedEntities | Topic | TextPair | Place
"""A task whose items have labels."""
Task = Labelled | QuestionAnswering


def columns_of(source: TsvFiles | PairJson | ParquetFiles | HubRows) -> tuple[str, ...]:
    """The columns with words or a text, or with both texts of a pair."""
    return (source.text, *([source.second] if isinstance(source, PairTsv | PairJson | PairParquet | PairRows) else ()))


def source_of(task: Task, language: str) -> Any:
    """Where the labels of a language are; None where the recipe names nothing."""
    data = getattr(task, "data", None)
    return data.get(language) if isinstance(data, dict) else data


def fine_tuned_name(task: str) -> str:
    """What stands in `Score.task` for models that were fine-tuned on a task: pos-finetune, where pos is probed."""
    return task + _FINE_TUNED


def task_of(name: str) -> str:
    """The task that is meant by what stands in `Score.task`."""
    return name.removesuffix(_FINE_TUNED)
