"""Cuts and morphemes: hand-counted scores, stems kept together, morphemes that stay whole."""

import pickle

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.metrics._analyzers import lower_turkish
from workbench.metrics.morphology import GoldWord, bundled_gold, morphology_scores
from workbench.studies import morphology as study
from workbench.studies.boundary_stability import train_bpe
from workbench.studies.documents import documents_by_language
from workbench.studies.morpheme_first import cut_first
from workbench.studies.stem_scores import stem_of
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


BASES = ["workbench-bpe", "tekken", "deepseek-v4", "bytes", "characters", "words"]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(BASES),
    st.lists(
        st.sampled_from([*"s.,'’()-—ıİe\u0301집이💩 \n\t", "cats", "dog's", "집이"]), max_size=12
    ),
)
def test_any_text_is_kept_by_every_base_that_is_taken(name, parts):
    text = "".join(parts)
    analyses = {"cats": ("cat", "s"), "dog's": ("dog", "'s"), "집이": ("집", "이"), "": ()}
    tok = study.MorphemeFirst(wb.load_tokenizer(name), analyses)
    assert tok.decode(tok.encode(text)) == text
    assert b"".join(t.data for t in wb.segment(text, tok).tokens) == text.encode()


@pytest.mark.parametrize("name", ["mistral-v1", "mistral-v3", "workbench-unigram"])
def test_a_base_that_puts_a_space_before_each_text_is_refused(name):
    with pytest.raises(wb.TokenizerError, match="puts no space before a text"):
        study.MorphemeFirst(wb.load_tokenizer(name), {"cats": ("cat", "s")})


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("cats.", ["cat", "s", "."]),
        ("(cats)", ["(", "cat", "s", ")"]),
        ("“cats”, cats—cats!", ["“", "cat", "s", "”,", " cat", "s", "—", "cat", "s", "!"]),
        ("the dog's; dog’s", ["the", " dog", "'s", "; dog’s"]),
        ("concats cats2", ["concats cats2"]),
        ("", []),
    ],
)
def test_punctuation_beside_a_word_is_left_to_the_base(text, pieces):
    analyses = {"cats": ("cat", "s"), "dog's": ("dog", "'s")}
    assert cut_first(text, analyses) == pieces


def test_special_tokens_are_read_where_they_are_asked_for(parts):
    special = "<|endoftext|>"
    text = f"cats {special}cats"
    (token,) = parts.base.encode(special, parse_special=True)
    ids = parts.encode(text, parse_special=True)
    assert ids.count(token) == 1
    assert ids == [
        *parts.encode("cats "),
        token,
        *parts.encode("cats"),
    ]
    assert token not in parts.encode(text)
    seg = wb.segment(text, parts, parse_special=True)
    assert [t.piece for t in seg.tokens if t.is_special] == [special]
    assert b"".join(t.data for t in seg.tokens) == text.encode()


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


def learnt(monkeypatch):
    """What each vocabulary learns from, as it is trained."""
    seen = []

    def train(texts, size, longest=None, name=""):
        seen.append((name, list(texts), size))
        return train_bpe(texts, size, longest, name)

    monkeypatch.setattr("workbench.studies.morphology.train_bpe", train)
    return seen


@pytest.mark.parametrize("language", ["eng_Latn", "tur_Latn"])
def test_nothing_is_learnt_about_a_held_out_stem(monkeypatch, language):
    gold = list(bundled_gold(language))
    lower = lower_turkish if language == "tur_Latn" else str.lower
    texts = documents_by_language("parallel")[language]
    texts = [*texts, " ".join(f"({w.word.title()})" for w in gold)]
    seen = learnt(monkeypatch)
    study.experiment(gold, texts, 300, folds=3, language=language)
    sides = {(name, tuple(learn)) for name, learn, _ in seen}
    assert len(sides) == 6
    spelled = [w for w in gold if w.concatenates]
    which = study.clusters(spelled)
    found = [{lower(w.strip("().,")) for w in learn} for name, learn, _ in seen if name]
    for stem in range(which.max() + 1):
        words = [w for w, own in zip(spelled, which, strict=True) if own == stem]
        told = {w.word for w in words} | {stem_of(w) for w in words}
        # Held out of one fold, and learnt in the others (but for stems that are words of others).
        assert any(not told & fold for fold in found)
    assert sum(map(len, found)) > 2 * len(gold)


def test_what_a_text_shows_of_a_stem_is_learnt_in_other_folds_only(monkeypatch):
    gold = list(bundled_gold("eng_Latn"))[:80]
    shown = {w.word.upper() + "!" for w in gold}
    seen = learnt(monkeypatch)
    study.experiment(gold, ["Nothing of theirs.", " ".join(shown)], 300, folds=2)
    one, other = (shown & set(learn) for name, learn, _ in seen if name)
    assert one
    assert other
    assert not one & other


@settings(max_examples=5, deadline=None)
@given(st.integers(256, 3000))
def test_both_vocabularies_have_as_many_entries(size):
    gold = list(bundled_gold("eng_Latn"))[:120]
    table = study.experiment(gold, ["Rivers run to the sea."], size, folds=2)
    reached = table.select("entries_words_first", "entries_morphemes_first").unique().rows()
    assert len(reached) == 1
    assert reached[0][0] == reached[0][1] <= size


def test_what_a_difference_is_stands_beside_it(trained):
    units = dict(trained.select("measure", "unit").rows())
    assert units.pop("tokens") == "ratio"
    assert set(units.values()) == {"difference"}


def test_a_few_stems_decide_nothing():
    gold = list(bundled_gold("eng_Latn"))[:6]
    trained = study.experiment(gold, size=300, folds=2)
    table = study.scores([wb.load_tokenizer("tekken")], gold)
    said = study.verdict(table, trained)["verdict"].to_list()
    assert len(said) == 5
    assert all(text == f"cannot be said: {trained['stems'][0]} stems" for text in said)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.1, 0.49, "holds; beyond chance"),
        (-0.1, 0.2, "holds; no better than chance"),
        (0.4, 0.6, "not decided; beyond chance"),
        (0.51, 0.9, "does not hold; beyond chance"),
    ],
)
def test_the_first_claim_is_judged_by_the_interval(trained, low, high, text):
    row = {"tokenizer": "x", "score": "boundary_kappa", "value": (low + high) / 2}
    table = pl.DataFrame([row | {"ci_low": low, "ci_high": high, "stems": 40}])
    assert study.verdict(table, trained)["verdict"][0] == text


def test_words_and_stems_are_those_of_the_score():
    tok = wb.load_tokenizer("tekken")
    gold = [*CATS, GoldWord("sang", ("sing", "ed")), GoldWord("the", ("the",))]
    table = study.scores([tok], gold)
    words = dict(table.select("score", "words").rows())
    stems = dict(table.select("score", "stems").rows())
    assert (words["boundary_kappa"], words["segment_f1"]) == (3, 4)
    assert (stems["boundary_kappa"], stems["segment_f1"]) == (3, 4)
    split = sum(len(tok.encode(w.word)) > 1 and len(w.cuts) > 0 for w in gold)
    assert words["morphscore_f1_micro"] == split
    theirs = dict(morphology_scores(tok, gold).select("score", "words").rows())
    assert words.items() <= theirs.items()
    only = study.scores([tok], gold[2:3])
    assert set(only["score"]) == {"segment_precision", "segment_recall", "segment_f1"}


def test_the_verdict_has_the_size_of_it(trained):
    table = study.scores([wb.load_tokenizer("bytes")], list(bundled_gold("tur_Latn")))
    verdict = study.verdict(table, trained, "tur_Latn")
    assert verdict.columns == list(COLUMNS)
    assert verdict["value"].is_finite().all()
    # Bytes are cut everywhere: chance explains all of it, and κ is not defined or nothing.
    kappa = verdict.filter(pl.col("measure").str.starts_with("Cohen"))
    assert kappa["verdict"].to_list() in ([], ["holds; no better than chance"])
    held = dict(verdict.select("claim", "verdict").rows())
    assert held["Morphemes first yields whole morphemes"] == "holds"


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="no gold words"):
        study.scores([wb.load_tokenizer("bytes")], [])
    with pytest.raises(ValueError, match="No score is called 'f9'"):
        study.scores([wb.load_tokenizer("bytes")], CATS, names=["f9"])
    with pytest.raises(ValueError, match="No gold words are named: give at least one of eng_Latn"):
        study.gold_sets([])
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
    for wrong in ([1], [-1] * 60, [float("nan")] * 60, [float("inf")] * 60):
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
