"""Scores per token: a table that is checked, sums that move, and refusals that say why."""

import itertools
import json
import math
import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import token_scores as ts
from workbench.studies.documents import Split

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
        assert moved.blocks["score"].sum() == pytest.approx(sum(values))
        assert moved.frame["score"].sum() <= sum(values) + 1e-9
        assert moved.frame["index"].to_list() == list(range(len(to)))
        block = moved.blocks
        assert (block["byte_end"].to_numpy()[:-1] <= block["byte_start"].to_numpy()[1:]).all()


@settings(max_examples=60, deadline=None)
@given(
    st.text(min_size=1, max_size=30) | st.sampled_from(TEXTS),
    st.sampled_from(MANY),
    st.sampled_from(MANY),
    st.data(),
)
def test_an_exact_score_is_the_sum_over_source_tokens_of_the_same_bytes(text, one, other, data):
    segmentation = wb.segment(text, wb.load_tokenizer(one))
    if not len(segmentation):
        return
    score = st.none() | st.floats(0, 9)
    values = data.draw(st.lists(score, min_size=len(segmentation), max_size=len(segmentation)))
    frame = ts.table_from_values(segmentation, values, "surprisal_bits", first_scored=True)
    moved = ts.project(frame, wb.segment(text, wb.load_tokenizer(other)))
    rows = list(frame.select("byte_start", "byte_end", "score").iter_rows())
    size = len(text.encode())
    for token in moved.frame.filter(status="exact").iter_rows(named=True):
        start, end = token["byte_start"], token["byte_end"]
        inside = [r for r in rows if (r[0] < end and r[1] > start) or r[0] == r[1] in {start}]
        covered = {place for first, last, _ in inside for place in range(first, last)}
        assert covered == set(range(start, end))
        assert None not in [value for *_, value in inside]
        assert token["score"] == pytest.approx(sum(value for *_, value in inside))
    # Spans that tile the text add up to its total, or say that a token has no score.
    cuts = sorted({0, size, *data.draw(st.sets(st.integers(0, size), max_size=3))})
    ends = list(itertools.pairwise(cuts))
    spans = pl.DataFrame([("text", a, b, "") for a, b in ends], schema=list(ts.SPANS), orient="row")
    out = ts.span_scores(frame, spans)
    if set(out["status"]) <= {"exact", "no source token"}:
        assert out["score"].sum() == pytest.approx(sum(values))


@pytest.mark.parametrize(
    ("one", "other", "scores"),
    [("tekken", "workbench-wordpiece", 4), ("workbench-wordpiece", "tekken", 4)],
)
def test_a_space_that_one_tokenizer_drops_makes_other_bytes(one, other, scores):
    text = "The cat sat."  # The|cat|sat|. and The| cat| sat|.
    source, target = wb.load_tokenizer(one), wb.segment(text, wb.load_tokenizer(other))
    values = [1.0, 2.0, 4.0, 8.0]
    assert len(values) == scores
    frame = ts.table_from_values(
        wb.segment(text, source), values, "surprisal_bits", first_scored=True
    )
    moved = ts.project(frame, target)
    assert moved.frame["status"].to_list() == ["exact", "other bytes", "other bytes", "exact"]
    assert moved.frame["score"].to_list() == [1.0, None, None, 8.0]
    assert moved.blocks["score"].to_list() == values
    spread = ts.project(frame, target, within="bytes").frame
    assert spread["status"].to_list() == ["exact", "spread", "spread", "exact"]
    assert spread["score"].to_list() == values


def test_one_token_over_two_with_a_gap_is_of_other_bytes():
    from workbench.studies.score_projection import _Piece, _project_document

    # "ab cd" as one token, of a source that drops the space.
    source = [_Piece(0, 2, 3.0), _Piece(3, 5, 4.0)]
    results, blocks = _project_document(source, [_Piece(0, 5)], 5, "block")
    assert results == [(None, 0, "other bytes")]
    assert blocks[0]["score"] == 7.0
    # Two tokens of the same bytes share them: neither has the sum for itself.
    whole = [_Piece(0, 5, 7.0)]
    results, _ = _project_document(whole, [_Piece(0, 5), _Piece(0, 5)], 5, "block")
    assert [status for *_, status in results] == ["shared block"] * 2


def test_a_token_without_bytes_counts_wherever_sums_are_taken():
    # The mark of a word that mistral-v1 puts in front of a text has no byte of it.
    segmentation = wb.segment("你好", wb.load_tokenizer("mistral-v1"))
    spans = pl.DataFrame(
        [("text", 0, 6, "all"), ("text", 0, 3, "one"), ("text", 3, 6, "two")],
        schema=list(ts.SPANS),
        orient="row",
    )

    def moved(*values):
        frame = ts.table_from_values(segmentation, values, "surprisal_bits", first_scored=True)
        return ts.span_scores(frame, spans), ts.project(frame, segmentation)

    sums, projection = moved(5, 1, 1)
    assert sums["score"].to_list() == [7.0, 6.0, 1.0]
    assert projection.frame["score"].to_list() == [None, 6.0, 1.0]
    assert projection.blocks["score"].sum() == 7.0
    sums, projection = moved(None, 1, 1)
    assert sums["status"].to_list() == ["no score", "no score", "exact"]
    assert projection.frame["status"].to_list() == ["no bytes", "no score", "exact"]
    assert projection.blocks["score"].to_list() == [None, 1.0]


def test_a_token_behind_the_text_belongs_to_the_last_span(characters):
    frame = pl.concat([table([1, 2], [1.0, 2.0]), table([2], [4.0])]).with_columns(
        index=pl.Series([0, 1, 2]), byte_start=pl.Series([0, 1, 2])
    )
    spans = pl.DataFrame(
        [("a", 0, 1, "first"), ("a", 1, 2, "last"), ("a", 0, 2, "all")],
        schema=list(ts.SPANS),
        orient="row",
    )
    assert ts.span_scores(frame, spans)["score"].to_list() == [1.0, 6.0, 7.0]
    to = wb.segment("ab", characters)
    assert ts.project(frame, to).blocks["score"].to_list() == [1.0, 2.0, 4.0]
    holed = frame.with_columns(score=pl.Series([1.0, 2.0, None]))
    assert ts.span_scores(holed, spans)["status"].to_list() == ["exact", "no score", "no score"]
    assert ts.project(holed, to).blocks["score"].to_list() == [1.0, 2.0, None]


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
        (lambda f: f.with_columns(byte_start=pl.Series([0.0, 1.9])), "holds 1.9: whole numbers"),
        (lambda f: f.with_columns(index=pl.Series([0.0, 1.7])), "holds 1.7: whole numbers"),
        (lambda f: f.with_columns(index=pl.Series([0.0, math.nan])), "holds nan: whole numbers"),
        (
            lambda f: f.with_columns(score_name=pl.lit("rank"), score=pl.Series([None, 1.5])),
            "1.5 at .* is no whole number, as a rank is",
        ),
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


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("first", [1.0, None])
def test_what_the_first_rows_of_a_file_lack_the_later_ones_may_hold(tmp_path, suffix, first):
    scores = [None, *[first] * 149, 1.5, 2.5]
    rows = table(list(range(1, len(scores) + 1)), scores, tokenizer="07", doc="8").to_dicts()
    for row in rows:
        if row["score"] == 1.0:
            row["score"] = 1
    path = tmp_path / f"scores.{suffix}"
    if suffix == "csv":
        lines = [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]))
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    back = ts.read_scores(path)
    assert back["score"].to_list() == scores
    assert back.schema == pl.Schema(ts.COLUMNS)
    assert back["tokenizer"].unique().to_list() == ["07"]  # a name and no number
    if suffix == "jsonl":  # what is null may be left out
        told = [{k: v for k, v in row.items() if v is not None} for row in rows]
        path.write_text("\n".join(map(json.dumps, told)))
        assert ts.read_scores(path).equals(back)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize(("name", "value"), [("byte_start", "1.9"), ("index", "1.7")])
def test_a_file_of_fractions_where_places_belong_is_refused(tmp_path, suffix, name, value):
    frame = table([2, 4], [None, 1.5])
    path = tmp_path / f"scores.{suffix}"
    changed = frame.with_columns(pl.Series(name, [0.0, float(value)]))
    changed.write_csv(path) if suffix == "csv" else changed.write_ndjson(path)
    with pytest.raises(ts.ScoreError, match=f"{name} .* holds {value}: whole numbers"):
        ts.read_scores(path)


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
    # The least alternative leaves no room for the rest, or none that a number can hold.
    for logs in ([math.log(0.5), -math.inf], [-1000], [-736]):
        for size in (None, 10):
            with pytest.raises(ts.ScoreError, match="does not fit"):
                ts.entropy_bounds(logs, size)
    with pytest.raises(ts.ScoreError, match="No alternatives"):
        ts.entropy_bounds([], 3)


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


def test_a_rank_counts_the_likelier_tokens(bpe):
    # After a: b thrice, c twice, d and e once each. Half of all is a, which is between them though
    # it never came, so d and e share the fourth rank.
    corpus = ["ab", "ab", "ab", "ac", "ac", "ad", "ae"]
    letters = wb.load_tokenizer("bytes")
    for text, rank in (("ab", 1), ("ac", 2), ("ad", 4), ("ae", 4)):
        found = ts.ngram_scores(text, letters, corpus)
        assert found.frame.filter(score_name="rank")["score"].to_list() == [None, rank]
    scored = ts.ngram_scores(TEXTS[1], bpe, TEXTS, n=2, top_k=200)
    ids = scored.segmentation.ids
    seen = 0
    for row in scored.frame.filter(score_name="rank").drop_nulls("score").iter_rows(named=True):
        best = scored.alternatives.filter(index=row["index"])
        own = best.filter(token_id=ids[row["index"]])
        if own.height:
            likelier = pl.col("log_probability_nats") > own["log_probability_nats"].item()
            assert row["score"] == 1 + best.filter(likelier).height
            seen += row["score"] > 1
    assert seen


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
        ({"log_probability_nats": [-1.0, math.nan]}, "is NaN"),
        ({"log_probability_nats": [math.nan, -1.0]}, "is NaN"),
        ({"index": [-1, -1]}, "counts from 0 and holds -1"),
        ({"token_id": [5, -6]}, "counts from 0 and holds -6"),
        ({"rank": [1.0, 1.5]}, "whole numbers"),
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
    for score in (math.nan, None, math.inf):
        bad = matrix.with_columns(score=pl.lit(score, dtype=pl.Float64))
        with pytest.raises(ts.ScoreError, match="leave out entries"):
            ts.validate_source_index(bad, causal=False)
    for name in ("index", "source_index"):
        with pytest.raises(ts.ScoreError, match=f"{name} of the matrix .* holds -5"):
            ts.validate_source_index(matrix.with_columns(pl.lit(-5).alias(name)), causal=False)


def test_the_verdict_comes_from_code(bpe, characters):
    rows = ts.verdict(TEXTS, [characters, bpe], TEXTS)
    assert rows["value"][0] < 1e-6
    assert rows["value"][1] == 1.0  # characters always nest in the tokens of a BPE on ASCII
    count = sum(len(wb.segment(text, bpe)) for text in TEXTS)
    assert rows["verdict"][1] == f"holds for 100% of the tokens: exact {count} of {count}"


def test_the_verdict_moves_scores_to_the_target(bpe, characters):
    # Only a token of one character has the bytes of a character.
    rows = ts.verdict(TEXTS, [bpe, characters], TEXTS)
    alone = sum(len(t.data) == 1 for text in TEXTS for t in wb.segment(text, bpe).tokens)
    every = sum(map(len, TEXTS))
    assert 0 < alone < every
    assert rows["value"][1] == pytest.approx(alone / every)
    assert rows["verdict"][1].endswith(f": exact {alone} of {every}, shared block {every - alone}")


def test_the_verdict_names_what_else_befalls_a_token():
    toks = wb.load_tokenizers(["workbench-wordpiece", "bytes", "tekken"])
    rows = ts.verdict(["The cat sat."], toks, TEXTS)
    assert rows["verdict"][1].endswith(": exact 1 of 12, shared block 9, no source token 2")
    assert rows["verdict"][2].endswith(": exact 2 of 4, other bytes 2")


def test_the_verdict_resamples_the_units_of_a_split(bpe, characters):
    texts = tuple(TEXTS * 8)
    # Each document is the same three paragraphs, so nothing varies between documents.
    documents = tuple(i // 3 for i in range(len(texts)))
    whole = ts.verdict(Split((), texts, documents), [bpe, characters], TEXTS)
    loose = ts.verdict(texts, [bpe, characters], TEXTS)
    assert whole["value"].to_list() == loose["value"].to_list()
    assert whole["ci_low"][1] == pytest.approx(whole["ci_high"][1])
    assert loose["ci_low"][1] < loose["ci_high"][1]
    assert ts.verdict(TEXTS, [bpe, characters], TEXTS)["ci_low"].null_count() == 2  # three texts


def test_nothing_to_count_or_to_score_is_said(bpe, characters):
    with pytest.raises(ValueError, match="finds no token in the corpus"):
        ts.ngram_surprisal("ab", characters, [])
    with pytest.raises(ValueError, match="finds no token in the corpus"):
        ts.ngram_scores("ab", bpe, [""])
    with pytest.raises(ValueError, match="finds no token in text 0, ''"):
        ts.verdict(["", "a"], [bpe, characters], TEXTS)
    with pytest.raises(ValueError, match="needs a text"):
        ts.verdict([], [bpe, characters], TEXTS)
    nothing = ts.ngram_surprisal("", bpe, TEXTS)
    with pytest.raises(ts.ScoreError, match="table of scores is empty"):
        ts.project(nothing, wb.segment("", characters))
    with pytest.raises(ValueError, match="words has an open one"):
        ts.ngram_scores("ab", wb.load_tokenizer("words"), TEXTS)
