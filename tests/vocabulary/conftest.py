"""Real sentences in many scripts, their Arrow files, and a small vocabulary learnt from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest

from equiglot.vocabulary import VocabularySettings, train_vocabulary
from equiglot.vocabulary.settings import Algorithm

ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)

# The first articles of the Universal Declaration of Human Rights, and a few sentences for what they lack.
SENTENCES: Mapping[str, Sequence[str]] = {
    "ar": [
        "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
        "وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
        "لِكُلِّ فَرْدٍ الحَقُّ فِي الحَيَاةِ وَالحُرِّيَّةِ وَسَلَامَةِ شَخْصِهِ.",
    ],
    "de": [
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
        "Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
        "Die Straße war naß, und Äpfel lagen überall.",
    ],
    "el": [
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
        "Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους αδελφικά.",
    ],
    "en": [
        "All human beings are born free and equal in dignity and rights.",
        "They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.",
    ],
    "hi": [
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
        "उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।",
    ],
    "ko": [
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
        "인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
    ],
    "ru": [
        "Все люди рождаются свободными и равными в своём достоинстве и правах.",
        "Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
        "Мой дом твой, а все мои ёлки твои.",
    ],
    "te": [
        "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును నగుదురు.",
        "వారు వివేచన అంతఃకరణ సంపన్నులగుటచే పరస్పరము భ్రాతృభావముతో వర్తింపవలయును.",
    ],
    "tr": [
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
        "Akıl ve vicdana sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
        "İstanbul'da ışıklar yandı, ILIK bir akşamdı.",
    ],
    "vi": [
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
        "Mọi con người đều được tạo hóa ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.",
    ],
    "zh": [
        "人人生而自由，在尊严和权利上一律平等。",
        "他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    ],
}


def write_arrow(path: Path, sentences: Sequence[str]) -> Path:
    """An Arrow file of sentences, as the corpus package writes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"text": pa.array(list(sentences), pa.string())})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return path


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Language -> Arrow file of its sentences."""
    root = tmp_path_factory.mktemp("corpus")
    return {
        language: write_arrow(root / language / "train.arrow", sentences) for language, sentences in SENTENCES.items()
    }


def settings_of(algorithm: Algorithm, **fields: Any) -> VocabularySettings:
    """Settings that cover every character of the text."""
    coverage = {} if algorithm == "byte-bpe" else {"coverage": 1.0}
    return VocabularySettings.model_validate({"algorithm": algorithm, **coverage, **fields})


@pytest.fixture(scope="session")
def vocabularies(corpora: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Algorithm -> the folder of a vocabulary learnt from all the sentences."""
    root = tmp_path_factory.mktemp("vocabulary")
    for algorithm in ALGORITHMS:
        settings = settings_of(algorithm, size=1100, sampling="proportional")
        train_vocabulary(corpora, settings, root / algorithm, max_length=128)
    return {algorithm: root / algorithm for algorithm in ALGORITHMS}


@pytest.fixture(params=ALGORITHMS)
def vocabulary(request: pytest.FixtureRequest, vocabularies: dict[str, Path]) -> Path:
    """The folder of each of them."""
    return vocabularies[request.param]


@pytest.fixture(scope="session")
def wordpiece(vocabularies: dict[str, Path]) -> Path:
    """The folder of the WordPiece vocabulary."""
    return vocabularies["wordpiece"]
