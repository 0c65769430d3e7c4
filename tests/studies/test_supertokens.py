"""Tokens across spaces: equal vocabularies, texts that survive, and a held-out measure."""

import itertools
import pickle

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import supertokens as study
from workbench.studies.less_is_better import LexiconTokenizer, _Lexicon, _read

BYTES = [bytes([b]) for b in range(256)]


@pytest.fixture(scope="module")
def split():
    return study.split_corpus("prose", language="eng_Latn")


@pytest.fixture(scope="module")
def curve(split):
    return study.compression_curve(split, [300, 1500], references=[wb.load_tokenizer("bytes")])


@pytest.fixture(scope="module", params=study.METHODS)
def trained(request, split):
    return study.train(split.train[:60], request.param, 500)


def test_every_method_fills_the_same_vocabulary_and_keeps_every_text(trained):
    assert trained.vocab_size == 500
    for text in ("The rivers of the north.", "naïve 💩 \n\n x", ""):
        ids = trained.encode(text)
        assert trained.decode(ids) == text
        assert b"".join(map(trained.token_bytes, ids)) == text.encode()


def crossing(tok):
    """Entries with white space inside, the first character aside."""
    return [i for i in tok.ids() if b" " in tok.token_bytes(i).strip(b" ")]


def test_only_the_word_bounded_vocabulary_has_no_token_across_spaces(split):
    for method in study.METHODS:
        tok = study.train(split.train[:60], method, 900)
        assert bool(crossing(tok)) == (method != "words"), method


@given(st.text(max_size=80), st.integers(0, 99), st.integers(1, 5))
def test_random_chunks_join_to_the_text(text, seed, most):
    chunks = study.random_chunks(text, np.random.default_rng(seed), most)
    assert "".join(chunks) == text
    assert all(len(chunk.split()) <= most for chunk in chunks)


def test_chunks_have_every_length_up_to_the_longest():
    words = "a " * 4000
    lengths = [len(c.split()) for c in study.random_chunks(words, np.random.default_rng(0), 4)]
    counts = np.bincount(lengths[:-2], minlength=5)
    assert counts[0] == 0
    assert counts[1:] / counts.sum() == pytest.approx([0.25] * 4, abs=0.04)


@given(st.binary(max_size=30), st.sets(st.binary(min_size=2, max_size=5), max_size=20))
def test_greedy_takes_the_longest_entry_at_every_place(data, extra):
    tok = LexiconTokenizer("greedy", [*BYTES, *sorted(extra)])
    ids = tok._cut(data)
    assert b"".join(map(tok.token_bytes, ids)) == data
    at = 0
    for i in ids:
        longest = max(len(e) for e in [*BYTES, *extra] if data.startswith(e, at))
        assert len(tok.token_bytes(i)) == longest
        at += longest


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=2, max_size=25).map(b"".join),
    st.sets(st.text("abc", min_size=2, max_size=4).map(str.encode), min_size=1, max_size=12),
)
def test_what_an_entry_saves_is_the_change_of_the_whole_cut(data, entries):
    lexicon = _Lexicon()
    for entry in sorted(entries):
        lexicon.add(entry)
    pieces = lexicon.cut(data)
    ends = list(itertools.accumulate(map(len, pieces)))
    cuts = {0: 0} | {end: n for n, end in enumerate(ends, start=1)}
    for start, piece in zip([0, *ends], pieces, strict=False):
        if len(piece) == 1:
            continue
        # The oracle: cut the rest of the text anew, without the entry at this place alone, until
        # the two cuts meet.
        saved = lexicon.saved(data, start, piece, cuts)
        at, spent = start, 0
        while True:
            fits = [e for e in entries - {piece} if data.startswith(e, at)]
            at += max(map(len, fits), default=1)
            spent += 1
            if at in cuts:
                break
        assert saved == spent - (cuts[at] - cuts[start])


def test_an_entry_rises_when_it_saves_and_falls_or_goes_when_it_costs():
    """ "ab" saves a token on "ab"; "bc" costs one on "abcd", where "ab" and "cd" would do."""
    rng = np.random.default_rng(0)
    lexicon = _Lexicon()
    lexicon.add(b"ab")
    _read(lexicon, b"abab", rng, 0.0, 0.1)
    assert lexicon.rank[b"ab"] == pytest.approx(0.9)  # once a document, though it stands twice
    assert b"ab" not in lexicon.probation
    lexicon = _Lexicon()
    for entry in (b"xab", b"abcd"):
        lexicon.add(entry)
    _read(lexicon, b"xabcd", rng, 0.0, 0.1)  # xab|c|d is three, x|abcd would be two
    assert b"xab" not in lexicon.rank  # on probation: out at once
    lexicon = _Lexicon()
    for entry in (b"xab", b"abcd"):
        lexicon.add(entry)
    lexicon.probation.clear()
    lexicon.rank[b"xab"] = 0.5
    _read(lexicon, b"xabcd", rng, 0.0, 0.1)
    assert lexicon.rank[b"xab"] == pytest.approx(0.5 / 0.9)


def test_the_tail_is_culled_and_of_equals_the_youngest():
    lexicon = _Lexicon()
    for entry in (b"aa", b"bb", b"cc", b"dd"):
        lexicon.add(entry)
    lexicon.rank[b"dd"] = 0.2
    lexicon.cull(2)
    assert list(lexicon.rank) == [b"aa", b"dd"]
    assert lexicon.probation == {b"aa", b"dd"}


def test_the_lexicon_is_a_tokenizer_like_any_other(split):
    tok = study.train(split.train[:20], "less_is_better", 400)
    seg = wb.segment("the rivers", tok)
    assert [t.data for t in seg.tokens] == [tok.token_bytes(i) for i in seg.ids]
    assert pickle.loads(pickle.dumps(tok)).fingerprint == tok.fingerprint
    again = study.train(split.train[:20], "less_is_better", 400)
    assert again.fingerprint == tok.fingerprint
    for i in seg.ids:
        assert tok.id_of(tok.piece(i)) == i


def test_learning_shortens_the_text_it_learns_from(split):
    texts = list(split.train[:40])
    lengths = [
        sum(map(len, study.less_is_better(texts, v, passes=4).encode_batch(texts)))
        for v in (256, 300, 600)
    ]
    assert lengths[0] == sum(len(p.encode()) for p in texts)
    assert lengths[0] > lengths[1] > lengths[2]


def test_tokens_across_spaces_win_held_out_at_the_larger_vocabulary(curve):
    large = {r["method"]: r for r in curve.filter(pl.col("size") == 1500).to_dicts()}
    assert {m: r["entries"] for m, r in large.items()} == dict.fromkeys(study.METHODS, 1500)
    assert large["spaces"]["gain_low"] > 0
    assert large["chunks"]["gain_low"] > 0
    small = {r["method"]: r for r in curve.filter(pl.col("size") == 300).to_dicts()}
    assert small["chunks"]["gain"] < large["chunks"]["gain"]
    assert curve.filter(pl.col("method") == "bytes")["characters_per_token"][0] <= 1
    rows = study.verdict(curve)
    assert rows.height == 3 * 2 + 1
    assert rows["ci_low"][:6].is_not_null().all()
    assert study.verdict(curve, "prose")["measure"].str.contains("prose").all()


def test_unequal_vocabularies_are_not_compared():
    split = study.Split(("a b a b a b",), ("a b", "b a"))
    curve = study.compression_curve(split, [300], methods=["words", "spaces"])
    assert (curve["entries"] < 300).all()
    assert curve["gain"].null_count() == 2


def test_the_crossover_is_where_the_gain_changes_sign():
    frame = pl.DataFrame(
        {"method": ["chunks"] * 4, "size": [100, 200, 400, 800], "gain": [0.1, -0.1, 0.1, 0.2]}
    )
    assert study.crossover(frame, "chunks") == pytest.approx(200 * 2**0.5)
    assert study.crossover(frame.with_columns(gain=pl.lit(0.5)), "chunks") is None
    assert study.crossover(frame, "spaces") is None


def test_a_gain_that_turns_into_a_loss_is_told_too():
    sizes, gains = [300, 500, 1000], [0.06, -0.05, -0.09]
    frame = pl.DataFrame({"method": "spaces", "size": sizes, "gain": gains}).with_columns(
        gain_low=pl.col("gain") - 0.01, gain_high=pl.col("gain") + 0.01, paragraphs=9
    )
    nothing = {f"over_spaces{end}": pl.lit(None, pl.Float64) for end in ("", "_low", "_high")}
    frame = frame.with_columns(**nothing)
    (level, gains_above), *more = study.crossings(frame, "spaces")
    assert 300 < level < 500
    assert not gains_above
    assert not more
    assert study.crossover(frame, "spaces") is None
    said = study.verdict(frame.with_columns(characters_per_token=1.0))["verdict"].to_list()
    assert said[0] == "gains"
    assert said[-1] == "loses; gains at V = 300 and loses at V = 500"
    assert study.turning_points(frame, "spaces") == [(300, 500, False)]


def test_a_sign_that_no_interval_shows_is_no_turn():
    frame = pl.DataFrame(
        {
            "method": "chunks",
            "size": [300, 500, 1000, 2000],
            "gain_low": [-0.3, -0.2, -0.1, 0.1],
            "gain_high": [-0.1, 0.1, 0.2, 0.3],
        }
    )
    assert study.turning_points(frame, "chunks") == [(300, 2000, True)]
    assert study.turning_points(frame.head(3), "chunks") == []


def test_gains_are_counted_over_documents_by_hand():
    """Twelve documents of two paragraphs: the interval resamples the twelve."""
    words = ("one two three ", "four five six ")
    held = tuple(f"{words[n % 2]}{n}" for n in range(24))
    split = study.Split(tuple("one two three four five six " * 9 for _ in range(4)), held,
                        tuple(n // 2 for n in range(24)))  # fmt: skip
    assert split.resampled == "12 documents"
    curve = study.compression_curve(split, [270], methods=["words", "spaces"])
    rows = {row["method"]: row for row in curve.to_dicts()}
    toks = {m: study.train(split.train, m, 270) for m in ("words", "spaces")}
    per = {
        m: sum(map(len, held)) / sum(len(tok.encode(p)) for p in held) for m, tok in toks.items()
    }
    assert {m: r["characters_per_token"] for m, r in rows.items()} == pytest.approx(per)
    assert rows["spaces"]["gain"] == pytest.approx(per["spaces"] - per["words"])
    assert set(curve["resampled"]) == {"12 documents"}
    flat = study.Split(split.train, held)
    assert study.compression_curve(flat, [270], methods=["words"])["resampled"][0] == "24 documents"


def test_the_luck_of_a_draw_is_measured(split):
    found = study.gain_by_seed(split, 500, seeds=(0, 1, 2))
    assert found["method"].to_list() == ["chunks", "less_is_better"]
    assert (found["gain_least"] <= found["gain_mean"]).all()
    assert (found["gain_mean"] <= found["gain_most"]).all()
    curve = study.compression_curve(split, [500], seed=1)
    drawn = dict(
        curve.filter(pl.col("method").is_in(found["method"])).select("method", "gain").rows()
    )
    for row in found.to_dicts():
        assert row["gain_least"] <= drawn[row["method"]] + 1e-12
        assert drawn[row["method"]] <= row["gain_most"] + 1e-12
    assert study.gain_by_seed(study.Split(("a b",), ("a",)), 500).is_empty()


def test_a_vocabulary_is_named_after_what_it_has():
    tok = study.train(["aaaa bbbb"], "words", 5000)
    assert tok.name == f"words {len(tok.ids())}"
    assert len(tok.ids()) < 5000


def test_a_vocabulary_beyond_what_a_text_can_fill_is_only_small():
    for method in study.METHODS:
        assert len(study.train(["ab ab ab"], method, 10**9).ids()) < 300


def test_refusals_are_sentences(split):
    with pytest.raises(ValueError, match="is no method"):
        study.train(split.train, "magic", 500)
    with pytest.raises(ValueError, match="'magic' is no method"):
        study.compression_curve(split, [300], methods=["magic"])
    with pytest.raises(ValueError, match="at least one"):
        study.compression_curve(split, [])
    for method in study.METHODS:
        with pytest.raises(ValueError, match="not one str"):
            study.train("a text", method, 300)
    for wrong in ({"passes": 0}, {"sample": 2}, {"step": 1}):
        with pytest.raises(ValueError, match="read at least once"):
            study.less_is_better(["a"], 300, **wrong)
    for method in ("words", "less_is_better"):
        with pytest.raises(ValueError, match="256 bytes"):
            study.train(split.train, method, 100)
    with pytest.raises(ValueError, match="at least one word"):
        study.random_chunks("a", np.random.default_rng(0), 0)
    with pytest.raises(ValueError, match="lacks 256 single bytes"):
        LexiconTokenizer("x", [b"ab"])
    with pytest.raises(ValueError, match="twice"):
        LexiconTokenizer("x", [*BYTES, b"a"])
