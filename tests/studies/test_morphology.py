"""Cuts and morphemes: hand-counted scores, stems kept together, morphemes that stay whole."""

import pickle

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.metrics.morphology import GoldWord, bundled_gold, morphology_scores
from workbench.studies import morphology as study
from workbench.studies.verdicts import COLUMNS

CATS = [
    GoldWord("cats", ("cat", "s"), ("N", "PL")),
    GoldWord("undoing", ("un", "do", "ing"), ("DRV:NEG", "V", "V.PTCP;PRS")),
]


def test_scores_of_characters_by_hand():
    table = study.scores([wb.load_tokenizer("characters")], CATS)
    value = dict(table.select("score", "value").rows())
    assert value["boundary_recall"] == 1
    assert value["boundary_precision"] == pytest.approx(3 / 9)  # 3 + 6 cuts, 1 + 2 of them right
    # Only the s is a morph and a piece; of un, do and ing none is a single letter.
    assert value["segment_f1"] == pytest.approx(2 * 1 / (5 + 11))


@pytest.mark.parametrize("language", ["eng_Latn", "tur_Latn", "kor_Hang"])
def test_points_are_the_metrics_own_and_intervals_know_of_stems(language):
    tok = wb.load_tokenizer("mistral-v3")
    gold = list(bundled_gold(language))
    ours = study.scores([tok], gold, names=["boundary_f1", "segment_f1"])
    theirs = dict(morphology_scores(tok, language).select("score", "value").rows())
    for row in ours.to_dicts():
        assert row["value"] == pytest.approx(theirs[row["score"]])
        assert row["ci_low"] <= row["value"] <= row["ci_high"]
        assert 10 < row["stems"] < row["words"]


def test_words_of_one_stem_meet():
    same = [("running", ("runn", "ing")), ("runs", ("run", "s"))]
    keys = {study.stem_key(GoldWord(w, m, ("V", "X"))) for w, m in same}
    assert keys == {"run"}
    assert study.stem_key(CATS[1]) == "do"
    assert study.stem_key(GoldWord("kitabı", ("kitab", "ı"))) == study.stem_key(
        GoldWord("kitaplar", ("kitap", "lar"), ("N", "PL"))
    )
    assert study.clusters(CATS * 2).tolist() == [0, 1, 0, 1]


def test_copies_of_a_stem_do_not_narrow_an_interval():
    tok = wb.load_tokenizer("mistral-v3")
    gold = list(bundled_gold("eng_Latn"))[:80]
    one, ten = (
        study.scores([tok], words, names=["boundary_precision"]).row(0, named=True)
        for words in (gold, gold * 10)
    )
    assert ten["value"] == pytest.approx(one["value"])
    assert (ten["ci_low"], ten["ci_high"]) == pytest.approx((one["ci_low"], one["ci_high"]))


@pytest.fixture(scope="module")
def parts():
    analyses = {word.word: word.morphs for word in bundled_gold("eng_Latn")}
    return study.MorphemeFirst(wb.load_tokenizer("workbench-bpe"), analyses)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["cats", "happiness", "sang", "Zug", "💩", " ", "\n"]), max_size=8))
def test_a_text_is_kept_and_known_words_are_cut_where_morphs_end(parts, words):
    text = " ".join(words)
    ids = parts.encode(text)
    assert parts.decode(ids) == text
    seg = wb.segment(text, parts)
    assert b"".join(t.data for t in seg.tokens) == text.encode()
    at = 0
    for word in words:
        if word in ("cats", "happiness"):
            cut = at + len({"cats": "cat", "happiness": "happi"}[word])
            assert cut in set(seg.boundaries.tolist())
        at += len(word.encode()) + 1


def test_without_analyses_the_base_speaks(parts):
    text = "The rivers of the north sang.\n\n  x"
    plain = study.MorphemeFirst(parts.base, {})
    assert plain.encode(text) == parts.base.encode(text)
    again = pickle.loads(pickle.dumps(parts))
    assert again.encode("cats") == parts.encode("cats")
    assert again.fingerprint == parts.fingerprint != parts.base.fingerprint


@pytest.fixture(scope="module")
def trained():
    return study.experiment(list(bundled_gold("tur_Latn")), size=500, folds=3)


def test_morphemes_first_finds_every_end_and_pays_in_tokens(trained):
    row = {r["measure"]: r for r in trained.to_dicts()}
    assert row["boundary_recall"]["morphemes_first"] == 1
    assert row["boundary_precision"]["ci_low"] > 0
    assert row["segment_f1"]["ci_low"] > 0
    assert row["tokens"]["difference"] == pytest.approx(
        row["tokens"]["morphemes_first"] / row["tokens"]["words_first"]
    )
    assert trained["words"].unique().to_list() == [341]


def test_the_verdict_has_the_size_of_it(trained):
    table = study.scores([wb.load_tokenizer("bytes")], list(bundled_gold("tur_Latn")))
    verdict = study.verdict(table, trained, "tur_Latn")
    assert verdict.columns == list(COLUMNS)
    assert verdict["value"].is_finite().all()
    # Bytes are cut everywhere: chance explains all of it, and κ is not defined or nothing.
    kappa = verdict.filter(pl.col("measure").str.starts_with("Cohen"))
    assert kappa["verdict"].to_list() in ([], ["no better than chance"])
    held = dict(verdict.select("claim", "verdict").rows())
    assert held["Morphemes first yields whole morphemes"] == "holds"


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="no gold words"):
        study.scores([wb.load_tokenizer("bytes")], [])
    with pytest.raises(ValueError, match="No score is called 'f9'"):
        study.scores([wb.load_tokenizer("bytes")], CATS, names=["f9"])
    with pytest.raises(ValueError, match="2 stems cannot be dealt into 5 folds"):
        study.experiment(CATS)
    with pytest.raises(wb.TokenizerError, match="byte-level tokenizer below it"):
        wb.segment("Ünlü", study.MorphemeFirst(wb.load_tokenizer("workbench-wordpiece"), {}))
    assert study.scores([wb.load_tokenizer("bytes")], CATS)["value"].is_finite().all()


def test_running_text_counts_a_word_as_often_as_it_occurs():
    counts, total = study.occurrences(CATS, ["Cats chase CATS, not cat.", "undoing undoing"])
    assert counts.tolist() == [2, 2]
    assert total == 7
    assert study.occurrences(CATS, [])[0].tolist() == [0, 0]


def test_a_weight_is_a_repetition():
    tok = wb.load_tokenizer("mistral-v3")
    gold = list(bundled_gold("eng_Latn"))[:60]
    weights = [i % 4 for i in range(60)]
    repeated = [word for word, n in zip(gold, weights, strict=True) for _ in range(n)]
    one = study.scores([tok], gold, weights=weights)
    other = study.scores([tok], repeated)
    assert one["value"].to_list() == pytest.approx(other["value"].to_list())
    assert one["stems"].to_list() == other["stems"].to_list()
    assert study.scores([tok], gold, weights=[1] * 60).equals(study.scores([tok], gold))
    for wrong in ([1], [-1] * 60):
        with pytest.raises(ValueError, match="as many weights"):
            study.scores([tok], gold, weights=wrong)
    with pytest.raises(ValueError, match="no gold words"):
        study.scores([tok], gold, weights=[0] * 60)


def test_texts_of_a_gold_set():
    groups = {"eng_Latn": ["a"], "tur_Latn": ["b"]}
    assert study.texts_for(groups, "kor_Hang") == []
    assert study.texts_for(groups, "folder/mine.tsv") == ["a", "b"]
    assert study.texts_for({"(no language)": ["c"]}, "kor_Hang") == ["c"]


def test_frequent_words_are_whole_tokens_so_a_text_shows_less_of_morphemes_than_a_list():
    tok = wb.load_tokenizer("tekken")
    gold = list(bundled_gold("eng_Latn"))
    texts = wb.load_corpus("prose").filter(language="eng_Latn").scan().collect()["text"].to_list()
    table = study.in_running_text([tok], {"eng_Latn": gold}, {"eng_Latn": texts, "x": ["cats"]})
    by = {(r["counted"], r["score"]): r["value"] for r in table.to_dicts()}
    kappa = by["once each", "boundary_kappa"]
    assert (
        kappa
        == study.scores([tok], gold, before=" ")
        .filter(pl.col("score") == "boundary_kappa")["value"]
        .item()
    )
    occurring, weighted = (by[way, "boundary_kappa"] for way in study.WAYS[1:])
    assert weighted < occurring < kappa  # which words occur, and how often: both lower it
    rows = study.running_verdict(table)
    assert rows.columns == list(COLUMNS)
    assert rows["value"].item() == weighted
    both = f"{kappa:.2f} once each; {occurring:.2f} once, if in the text"
    assert rows["verdict"].item().endswith(both)
    share = study.running_words({"eng_Latn": gold, "kor_Hang": gold}, {"eng_Latn": texts})
    assert share["occurrences"].to_list() == [study.occurrences(gold, texts)[0].sum(), 0]
    assert share["share"].to_list()[1] is None


def test_a_word_or_two_say_nothing():
    gold = {"eng_Latn": list(bundled_gold("eng_Latn"))}
    one = study.in_running_text([wb.load_tokenizer("tekken")], gold, {"en": ["dogs"]})
    row = one.filter(counted=study.WAYS[2], score="boundary_kappa").row(0, named=True)
    assert (row["ci_low"], row["ci_high"], row["words"]) == (None, None, 1)
    assert study.running_verdict(one)["verdict"].item().startswith("cannot be said: 1 stems")


def test_a_text_without_a_gold_word_gives_no_row_and_no_error():
    gold = {"tur_Latn": list(bundled_gold("tur_Latn"))}
    none = study.in_running_text([wb.load_tokenizer("bytes")], gold, {"(no language)": ["Hello."]})
    assert none.is_empty()
    assert "formula" in none.columns
    assert study.running_verdict(none).is_empty()
