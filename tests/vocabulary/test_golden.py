"""Golden tests of the pieces: a small vocabulary of each algorithm, and how it cuts one sentence a script.

They catch a change of behaviour in a new version of a library. If one fails after an upgrade, vocabularies that were
learnt before it are still read as they are written, but new ones differ: say so in the changelog, then write the new
pieces down.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from equiglot.vocabulary import load_backend, readable_pieces, train_vocabulary
from equiglot.vocabulary.settings import Algorithm
from tests.vocabulary.conftest import ALGORITHMS, SENTENCES, settings_of, write_arrow

# Articles 3 to 6 of the Universal Declaration of Human Rights; in Telugu lines of Mozilla Common Voice (CC0).
MORE: Mapping[str, Sequence[str]] = {
    "ar": [
        "لكل فرد الحق في الحياة والحرية وسلامة شخصه.",
        "لا يجوز استرقاق أو استعباد أي شخص، ويحظر الاسترقاق وتجارة الرقيق بكافة أوضاعهما.",
        "لا يعرض أي إنسان للتعذيب ولا للعقوبات أو المعاملات القاسية أو الوحشية أو الحاطة بالكرامة.",
        "لكل إنسان أينما وجد الحق في أن يعترف بشخصيته القانونية.",
    ],
    "el": [
        "Κάθε άτομο έχει δικαίωμα στη ζωή, την ελευθερία και την προσωπική του ασφάλεια.",
        "Κανείς δεν επιτρέπεται να ζει υπό καθεστώς δουλείας, ολικής ή μερικής.",
        "Κανείς δεν επιτρέπεται να υποβάλλεται σε βασανιστήρια ούτε σε ποινή ή μεταχείριση σκληρή.",
        "Καθένας, όπου και αν βρίσκεται, έχει δικαίωμα στην αναγνώριση της νομικής του προσωπικότητας.",
    ],
    "en": [
        "Everyone has the right to life, liberty and security of person.",
        "No one shall be held in slavery or servitude.",
        "Slavery and the slave trade shall be prohibited in all their forms.",
        "No one shall be subjected to torture or to cruel, inhuman or degrading treatment or punishment.",
        "Everyone has the right to recognition everywhere as a person before the law.",
    ],
    "hi": [
        "प्रत्येक व्यक्ति को जीवन, स्वाधीनता और वैयक्तिक सुरक्षा का अधिकार है।",
        "कोई भी गुलामी या दासता की हालत में न रखा जाएगा, गुलामी-प्रथा और गुलामों का व्यापार अपने सभी रूपों में निषिद्ध होगा।",
        "किसी को भी शारीरिक यातना न दी जाएगी और न किसी के भी प्रति निर्दय, अमानुषिक या अपमानजनक व्यवहार होगा।",
        "हर किसी को हर जगह क़ानून की निग़ाह में व्यक्ति के रूप में स्वीकृति-प्राप्ति का अधिकार है।",
    ],
    "ko": [
        "모든 사람은 생명과 신체의 자유와 안전에 대한 권리를 가진다.",
        "어느 누구도 노예나 예속상태에 놓여지지 아니한다. 모든 형태의 노예제도 및 노예매매는 금지된다.",
        "어느 누구도 고문이나, 잔혹하거나, 비인도적이거나, 모욕적인 취급 또는 형벌을 받지 아니한다.",
        "모든 사람은 어디에서나 법 앞에 인간으로서 인정받을 권리를 가진다.",
    ],
    "ru": [
        "Каждый человек имеет право на жизнь, на свободу и на личную неприкосновенность.",
        "Никто не должен содержаться в рабстве или в подневольном состоянии.",
        "Рабство и работорговля запрещаются во всех их видах.",
        "Никто не должен подвергаться пыткам или жестоким, бесчеловечным или унижающим обращению и наказанию.",
        "Каждый человек, где бы он ни находился, имеет право на признание его правосубъектности.",
    ],
    "te": [
        "సంతోషముతో చిత్తశుద్ధితో ఓర్పు కలిగి చేయవలెను.",
        "అన్ని భూతములను పాలించువాడవు.",
        "ఏటిదరిని భద్రాచలమునం దుండుట జూచితిని.",
        "ఓ కుమారా! కుమారులకు అప్పులను ఆస్థులుగా ఇచ్చిన తండ్రి.",
    ],
}

# Language -> a sentence that is not in the text, and the pieces that each algorithm makes of it.
GOLDEN: Mapping[str, tuple[str, Mapping[Algorithm, str]]] = {
    "ar": (
        "كل الناس سواسية أمام القانون ☂.",
        {
            "wordpiece": "ك ##ل ال ##ن ##ا ##س س ##و ##ا ##س ##ية أ ##م ##ام ال ##قا ##ن ##و ##ن [UNK] .",
            "unigram": "▁ ك ل ▁ال ن اس ▁ س و اس ي ة ▁أ م ام ▁القا ن و ن ▁ [UNK] .",
            "bpe": "▁ كل ▁ال ن اس ▁ س و اس ية ▁أ م ام ▁الق ان و ن ▁ [UNK] .",
            "byte-bpe": "▁ ك ل ▁ال ن اس ▁� � و اس ية ▁أ م ام ▁ال ق ان و ن ▁ � � � .",
        },
    ),
    "el": (
        "Όλοι είναι ίσοι απέναντι στον νόμο.",
        {
            "wordpiece": "ο ##λ ##οι ε ##ι ##ν ##αι ι ##σ ##οι α ##π ##εν "
            "##α ##ν ##τ ##ι σ ##τ ##ο ##ν ν ##ο ##μ ##ο .",
            "unigram": "▁ο λ οι ▁ ει να ι ▁ ισ οι ▁α π εν αν τ ι ▁σ το ν ▁ ν ο μ ο .",
            "bpe": "▁ολ οι ▁ ει ν αι ▁ ισ οι ▁α π εν α ντ ι ▁σ τ ο ν ▁ ν ομ ο .",
            "byte-bpe": "▁ο λ οι ▁ε ι ν αι ▁ ισ οι ▁α π εν α ν τ ι ▁σ τ ο ν ▁ν ομ ο .",
        },
    ),
    "en": (
        "All are equal before the law.",
        {
            "wordpiece": "a ##ll a ##re e ##q ##u ##a ##l be ##f ##o ##re the l ##a ##w .",
            "unigram": "▁all ▁are ▁ e q u al ▁be for e ▁the ▁ la w .",
            "bpe": "▁all ▁are ▁e q u a l ▁be for e ▁the ▁ la w .",
            "byte-bpe": "▁a ll ▁a re ▁e q u a l ▁be for e ▁the ▁ la w .",
        },
    ),
    "hi": (
        "क़ानून की निग़ाह में सभी समान हैं।",
        {
            "wordpiece": "क ##़ ##ा ##न ##ू ##न क ##ी न ##ि ##ग ##़ ##ा ##ह में स ##भ ##ी स ##मा ##न है ##ं ।",
            "unigram": "▁ क ़ ा न ू न ▁की ▁न ि ग ़ ाह ▁में ▁सभी ▁ स मा न ▁है ं ।",
            "bpe": "▁क ़ा न ू न ▁की ▁नि ग ़ा ह ▁में ▁सभी ▁स मान ▁है ं ।",
            "byte-bpe": "▁क ़ ान ू न ▁की ▁न ि� � ़ ाह ▁में ▁स� �ी ▁स� �ान ▁है ं ।",
        },
    ),
    "ko": (
        "모든 사람은 법 앞에 평등하다.",
        {
            "wordpiece": "모든 사 ##람 ##은 법 앞 ##에 [UNK] .",
            "unigram": "▁모든 ▁사람은 ▁ 법 ▁ 앞 에 ▁ [UNK] 등 하 다 .",
            "bpe": "▁모든 ▁사람은 ▁ 법 ▁ 앞 에 ▁ [UNK] 등 하 다 .",
            "byte-bpe": "▁모든 ▁사� ��은 ▁� � � ▁� � 에 ▁� � � � � 하 다 .",
        },
    ),
    "ru": (
        "Все люди равны перед законом, без всякого различия.",
        {
            "wordpiece": "в ##се л ##ю ##д ##и ра ##в ##ны п ##е ##р ##е ##д з ##а ##к ##о "
            "##но ##м , б ##е ##з в ##ся ##к ##о ##г ##о ра ##з ##ли ##ч ##и ##я .",
            "unigram": "▁все ▁ л ю ди ▁ ра в ны ▁п е р е д ▁ з а к о но м , ▁б е з ▁в с я к о го ▁ р аз ли ч и я .",
            "bpe": "▁все ▁ л ю д и ▁ра в ны ▁п е р е д ▁ з а к о но м , ▁б е з ▁в ся к о го ▁ра з ли ч и я .",
            "byte-bpe": "▁все ▁л ю д и ▁ ра в ны ▁п е р е д ▁� � а� � о н "
            "ом , ▁б е � � ▁в ся к о� � о ▁ра� � л и ч и я .",
        },
    ),
    "te": (
        "వారు మానవులు, తెలుగు కుమారులు.",
        {
            "wordpiece": "వ ##ా ##రు మ ##ా ##న ##వ ##ు ##ల ##ు , త ##ె ##ల ##ు ##గ ##ు క ##ు ##మ ##ా ##రు ##ల ##ు .",
            "unigram": "▁ వ ారు ▁ మ ా న వ ుల ు , ▁ త ె ల ు గ ు ▁ కు మ ారు ల ు .",
            "bpe": "▁వ ా రు ▁ మా న వు లు , ▁ త ె లు గు ▁కుమా రు లు .",
            "byte-bpe": "▁వ ా ర ు ▁� �ా న వ ుల ు , ▁� �� � ల ు� � ు ▁క ుమా ర ుల ు .",
        },
    ),
}


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> dict[Algorithm, Path]:
    """Algorithm -> the folder of a vocabulary learnt from seven languages in seven scripts."""
    root = tmp_path_factory.mktemp("golden")
    corpora = {code: write_arrow(root / f"{code}.arrow", [*SENTENCES[code], *MORE[code]]) for code in MORE}
    for algorithm in ALGORITHMS:
        train_vocabulary(corpora, settings_of(algorithm, size=800, sampling="proportional"), root / algorithm)
    return {algorithm: root / algorithm for algorithm in ALGORITHMS}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("language", GOLDEN)
def test_pieces_are_those_written_down(learnt: dict[Algorithm, Path], language: str, algorithm: Algorithm) -> None:
    sentence, pieces = GOLDEN[language]
    assert readable_pieces(load_backend(learnt[algorithm]), sentence) == tuple(pieces[algorithm].split())
