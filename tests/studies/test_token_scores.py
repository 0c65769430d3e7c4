"""Scores per token: a table that is checked, sums that move, and refusals that say why."""

import math
import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import token_scores as ts

TEXTS = ["The cat sat on the mat.", "The dog sat on the log.", "A cat and a dog."]


def table(ends, scores, name="surprisal_bits", doc="a", tokenizer="source"):
    """Tokens that tile the bytes up to each end."""
    starts = [0, *ends[:-1]]
    return pl.DataFrame(
        {
            "doc": [doc] * len(ends),
            "tokenizer": [tokenizer] * len(ends),
            "index": list(range(len(ends))),
            "token_id": list(range(len(ends))),
            "byte_start": starts,
            "byte_end": ends,
            "score_name": [name] * len(ends),
            "score": pl.Series(scores, dtype=pl.Float64),
        }
    )


@pytest.fixture(scope="module")
def bpe():
    return wb.load_tokenizer("workbench-bpe")


@pytest.fixture(scope="module")
def characters():
    return wb.load_tokenizer("characters")


def test_surprisal_of_a_sentence_under_three_tokenizers(bpe, characters):
    for tok in (bpe, characters, wb.load_tokenizer("words")):
        frame = ts.ngram_surprisal("The cat sat.", tok, TEXTS, n=2)
        assert frame.columns == list(ts.COLUMNS)
        assert frame["index"].to_list() == list(range(len(wb.segment("The cat sat.", tok))))
        assert frame["score"][0] is None
        assert (frame["score"][1:] >= 0).all()
        assert frame["direction"].unique().to_list() == ["higher_is_rarer"]


def test_a_bigram_by_hand(characters):
    # After "a" the corpus has b, b, c: Witten-Bell with two types after a, one after nothing...
    frame = ts.ngram_surprisal("ab", characters, ["ab", "ab", "ac"], n=2)
    size = len(characters.ids()) if characters.vocab_size is not None else 4
    unigram = (2 + 3 * (1 / size)) / (6 + 3)  # c(b) = 2 of 6 tokens of 3 types
    bigram = (2 + 2 * unigram) / (3 + 2)
    assert frame["score"][1] == pytest.approx(-math.log2(bigram))


def test_seen_text_is_less_surprising_than_its_reverse(bpe):
    seen = ts.ngram_surprisal(TEXTS[0], bpe, TEXTS, n=2)["score"].sum()
    turned = ts.ngram_surprisal(TEXTS[0][::-1], bpe, TEXTS, n=2)["score"].sum()
    assert seen < turned


def test_the_first_token_is_scored_only_at_a_document_start(bpe):
    assert ts.ngram_surprisal("The", bpe, TEXTS, n=2)["score"][0] is None
    started = ts.ngram_surprisal("The cat", bpe, TEXTS, n=2, document_start=True)
    assert started["score"][0] is not None
    assert ts.ngram_surprisal("The", bpe, TEXTS, n=1)["score"][0] is not None


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=12), max_size=4),
    st.integers(1, 3),
    st.lists(st.integers(0, 4), max_size=4),
    st.booleans(),
)
def test_the_ngram_sums_to_one_after_every_history(sequences, order, prefix, start):
    model = ts.TokenNgram(order, [0, 1, 2, 3, 4, 7]).fit(sequences)
    logs = model(prefix, document_start=start)
    assert np.exp(logs).sum() == pytest.approx(1.0, abs=1e-12)
    assert np.isneginf(logs[[5, 6]]).all()
    for token in (0, 4, 7):
        one = model.log_probability(token, prefix, document_start=start)
        assert one == pytest.approx(logs[token], abs=1e-12)


def test_the_ngram_refuses_what_it_cannot_count():
    with pytest.raises(ValueError, match="below 1"):
        ts.TokenNgram(0, [1])
    with pytest.raises(ValueError, match="Token id 9 is not"):
        ts.TokenNgram(2, [1]).fit([[9]])
    with pytest.raises(ValueError, match="open vocabulary"):
        ts.TokenNgram(2, None).fit([[1]])([])


def test_an_open_vocabulary_keeps_a_share_for_the_unseen():
    model = ts.TokenNgram(2, None).fit([[0, 1, 0, 2]])
    seen = sum(math.exp(model.log_probability(t, [0])) for t in (0, 1, 2))
    assert seen + math.exp(model.log_probability(99, [0])) == pytest.approx(1.0)


def test_moving_surprisal_to_the_same_tokenizer_changes_nothing(bpe):
    frame = ts.ngram_surprisal(TEXTS[0], bpe, TEXTS)
    moved = ts.project(frame, wb.segment(TEXTS[0], bpe))
    assert moved.frame["score"].to_list() == frame["score"].to_list()


def test_tokens_that_disagree_share_a_block(characters):
    # abcd as ab|cd, to the bytes a|b|c|d: every character shares the block of its token.
    frame = table([2, 4], [3.0, 5.0])
    moved = ts.project(frame, wb.segment("abcd", characters))
    assert moved.frame["status"].to_list() == ["shared block"] * 4
    assert moved.frame["block"].to_list() == [0, 0, 1, 1]
    assert moved.blocks["score"].to_list() == [3.0, 5.0]
    spread = ts.project(frame, wb.segment("abcd", characters), within="bytes")
    assert spread.frame["score"].to_list() == [1.5, 1.5, 2.5, 2.5]
    assert spread.frame["status"].unique().to_list() == ["spread"]


def test_small_tokens_add_up_in_large_ones(bpe, characters):
    text = "The cat"
    fine = ts.ngram_surprisal(text, characters, TEXTS, n=3, document_start=True)
    moved = ts.project(fine, wb.segment(text, bpe))
    assert moved.exact_share == 1.0
    for token in moved.frame.iter_rows(named=True):
        inside = fine.filter(
            (pl.col("byte_start") >= token["byte_start"])
            & (pl.col("byte_end") <= token["byte_end"])
        )
        assert token["score"] == pytest.approx(inside["score"].sum())


MANY = ["bytes", "words", "workbench-bpe", "workbench-wordpiece", "workbench-unigram", "mistral-v1"]


@settings(max_examples=60, deadline=None)
@given(
    st.text(min_size=1, max_size=30) | st.sampled_from(TEXTS),
    st.integers(0, 2**32),
    st.sampled_from(MANY),
    st.sampled_from(MANY),
)
def test_the_total_is_conserved_whatever_the_cuts(text, seed, one, other):
    source, target = wb.load_tokenizer(one), wb.load_tokenizer(other)
    segmentation = wb.segment(text, source)
    rng = random.Random(seed)
    values = [rng.expovariate(1.0) for _ in range(len(segmentation))]
    frame = ts.table_from_values(segmentation, values, "surprisal_bits", first_scored=True)
    if frame.is_empty():  # a tokenizer that drops all of the text leaves nothing to move
        return
    to = wb.segment(text, target)
    for within in ("block", "bytes"):
        moved = ts.project(frame, to, within=within)
        known = sum(
            v for v, t in zip(values, segmentation.tokens, strict=True) if t.byte_end > t.byte_start
        )
        assert moved.blocks["score"].sum() >= known - 1e-9
        assert moved.blocks["score"].sum() <= sum(values) + 1e-9
        assert moved.frame["score"].sum() <= sum(values) + 1e-9
        assert moved.frame["index"].to_list() == list(range(len(to)))
        block = moved.blocks
        assert (block["byte_end"].to_numpy()[:-1] <= block["byte_start"].to_numpy()[1:]).all()


@given(st.sets(st.integers(1, 11)), st.sets(st.integers(1, 11)))
def test_blocks_are_the_finest_stretches_both_agree_on(left, right):
    from workbench.studies.score_projection import _blocks, _Piece

    def pieces(cuts):
        ends = [*sorted(cuts), 12]
        return [_Piece(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)]

    stretches = _blocks(pieces(left), pieces(right), 12)
    assert [start for start, _ in stretches][1:] == sorted(left & right)


@pytest.mark.parametrize("name", ["rank", "entropy_bits", "entropy_nats", "probability"])
def test_what_does_not_add_is_refused_with_the_reason(name, characters):
    frame = table([1, 2], [None, 1.0], name)
    with pytest.raises(ts.ScoreError, match="cannot be moved") as refusal:
        ts.project(frame, wb.segment("ab", characters))
    assert ts.KINDS[name].why_not in str(refusal.value)


def test_an_unknown_score_needs_somebody_who_vouches_for_it(characters):
    frame = table([1, 2], [None, 1.0], "watermark").with_columns(direction=pl.lit("signed"))
    with pytest.raises(ts.ScoreError, match="additive=True"):
        ts.project(frame, wb.segment("ab", characters))
    moved = ts.project(frame, wb.segment("ab", characters), additive=True)
    assert moved.frame["score"].to_list() == [None, 1.0]


def test_a_missing_score_spoils_its_block_and_no_other(characters):
    moved = ts.project(table([2, 3], [None, 1.0]), wb.segment("abc", characters))
    assert moved.frame["status"].to_list() == ["no score", "no score", "exact"]


def test_spans_are_summed_only_between_tokens():
    spans = pl.DataFrame(
        {
            "doc": ["a"] * 3,
            "byte_start": [2, 1, 0],
            "byte_end": [6, 4, 2],
            "label": ["claim", "crossed", "first"],
        }
    )
    out = ts.span_scores(table([2, 4, 6], [None, 1.0, 2.0]), spans)
    assert out["score"].to_list() == [3.0, None, None]
    assert out["status"].to_list() == ["exact", "crossed", "no score"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f.drop("byte_end"), "lacks the column byte_end"),
        (lambda f: f.with_columns(score=pl.lit(float("nan"))), "NaN at"),
        (lambda f: f.with_columns(score=pl.lit(-1.0)), "outside"),
        (lambda f: f.with_columns(score=pl.lit(1.0)), "first token has a score"),
        (lambda f: f.with_columns(direction=pl.lit("up")), "is no direction"),
        (lambda f: f.with_columns(direction=pl.lit("signed")), "by definition"),
        (lambda f: f.with_columns(index=pl.Series([0, 5])), "without gap or repetition"),
        (lambda f: f.with_columns(score_name=pl.lit("mine")), "direction of"),
        (lambda f: f.with_columns(byte_end=pl.lit(-3)), "offsets count bytes"),
        (lambda f: f.with_columns(byte_start=pl.lit("x")), "cannot be read as Int64"),
        (lambda f: f.with_columns(doc=pl.lit(None, dtype=pl.String)), "only `score` may be null"),
        (lambda f: f.with_columns(byte_start=pl.Series([3, 2])), "in the order of the text"),
    ],
)
def test_a_bad_table_is_refused_with_a_sentence(change, sentence):
    with pytest.raises(ts.ScoreError, match=sentence):
        ts.validate_scores(change(table([3, 4], [None, 1.0])))


def test_offsets_are_checked_against_the_text():
    with pytest.raises(ts.ScoreError, match="reach byte 4, and the text has 2"):
        ts.validate_scores(table([2, 4], [None, 1.0]), {"a": "ab"})
    with pytest.raises(ts.ScoreError, match="has scores but no text"):
        ts.validate_scores(table([2, 4], [None, 1.0]), {"b": "abcd"})


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_file_of_scores_from_elsewhere(tmp_path, suffix):
    frame = table([2, 4], [None, 1.5], doc="7")
    path = tmp_path / f"scores.{suffix}"
    write = {"csv": "write_csv", "jsonl": "write_ndjson", "parquet": "write_parquet"}[suffix]
    getattr(frame, write)(path)
    back = ts.read_scores(path, {"7": "abcd"})
    assert back.equals(ts.validate_scores(frame))


def test_files_that_cannot_be_scores(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file of scores"):
        ts.read_scores(tmp_path / "none.csv")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ts.ScoreError, match=r"read from \.csv"):
        ts.read_scores(tmp_path / "a.txt")
    (tmp_path / "a.jsonl").write_text("{not json")
    with pytest.raises(ts.ScoreError, match="cannot be read"):
        ts.read_scores(tmp_path / "a.jsonl")


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=12), st.data())
def test_the_tail_only_bounds_an_entropy(weights, data):
    p = sorted((w / sum(weights) for w in weights), reverse=True)
    k = data.draw(st.integers(1, len(p)))
    truth = -sum(x * math.log2(x) for x in p)
    bounds = ts.entropy_bounds([math.log(x) for x in p[:k]], len(p))
    assert bounds.low - 1e-9 <= truth <= bounds.high + 1e-9
    if k == len(p):
        assert bounds.low == pytest.approx(bounds.high)
    assert ts.entropy_bounds([math.log(x) for x in p[:k]], None).low == pytest.approx(bounds.low)


def test_impossible_alternatives_bound_nothing():
    with pytest.raises(ts.ScoreError, match="does not fit"):
        ts.entropy_bounds([math.log(0.1)], 3)
    with pytest.raises(ts.ScoreError, match="sum at most 1"):
        ts.entropy_bounds([0.0, 0.0], 3)


def test_alternatives_and_ranks_agree_with_the_model(bpe):
    scored = ts.ngram_scores(TEXTS[0], bpe, TEXTS, n=3, top_k=3)
    first = scored.alternatives.filter(pl.col("rank") == 1)
    ranks = scored.frame.filter(pl.col("score_name") == "rank")
    likeliest = ranks.filter(pl.col("score") == 1)["index"].to_list()
    assert likeliest
    bits = scored.frame.filter(pl.col("score_name") == "surprisal_bits")["score"]
    for index in likeliest:
        nats = first.filter(pl.col("index") == index)["log_probability_nats"][0]
        assert bits[index] == pytest.approx(-nats / math.log(2))
    entropies = scored.frame.filter(pl.col("score_name") == "entropy_bits")["score"]
    for index in range(1, len(scored.segmentation)):
        logs = scored.alternatives.filter(pl.col("index") == index)["log_probability_nats"]
        bounds = ts.entropy_bounds(logs.to_list(), len(bpe.ids()))
        assert bounds.low - 1e-9 <= entropies[index] <= bounds.high + 1e-9


def test_bad_alternatives_and_matrices_are_refused():
    good = pl.DataFrame(
        {
            "doc": ["a", "a"],
            "tokenizer": ["t", "t"],
            "index": [1, 1],
            "rank": [1, 2],
            "token_id": [5, 6],
            "log_probability_nats": [-1.0, -2.0],
        }
    )
    assert ts.validate_alternatives(good).height == 2
    for change, sentence in (
        ({"rank": [1, 3]}, "ranks must run"),
        ({"token_id": [5, 5]}, "listed twice"),
        ({"log_probability_nats": [-2.0, -1.0]}, "likelier than an earlier"),
        ({"log_probability_nats": [0.0, -0.1]}, "more than one"),
    ):
        with pytest.raises(ts.ScoreError, match=sentence):
            ts.validate_alternatives(
                good.with_columns(**{k: pl.Series(v) for k, v in change.items()})
            )
    matrix = pl.DataFrame(
        {
            "doc": ["a"],
            "tokenizer": ["t"],
            "index": [1],
            "source_index": [1],
            "score_name": ["attention"],
            "score": [0.3],
        }
    )
    with pytest.raises(ts.ScoreError, match="does not stand before"):
        ts.validate_source_index(matrix)
    assert ts.validate_source_index(matrix, causal=False).height == 1
    with pytest.raises(ts.ScoreError, match="two values"):
        ts.validate_source_index(pl.concat([matrix, matrix]), causal=False)


def test_the_verdict_comes_from_code(bpe, characters):
    rows = ts.verdict(TEXTS, [characters, bpe], TEXTS)
    assert rows["value"][0] < 1e-6
    assert rows["value"][1] == 1.0  # characters always nest in the tokens of a BPE on ASCII
