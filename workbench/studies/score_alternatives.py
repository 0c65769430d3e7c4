"""Tables beside the scores: top-k alternatives, what they say of an entropy, and matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.studies.score_table import SLACK, ScoreError, first_row, refuse_negative, typed

ALTERNATIVES: dict[str, pl.DataType] = {
    "doc": pl.String(),
    "tokenizer": pl.String(),
    "index": pl.Int64(),
    "rank": pl.Int64(),
    "token_id": pl.Int64(),
    "log_probability_nats": pl.Float64(),
}
"""What else a model would have said at a position; ``rank`` counts from 1."""

SOURCE_INDEX: dict[str, pl.DataType] = {
    "doc": pl.String(),
    "tokenizer": pl.String(),
    "index": pl.Int64(),
    "source_index": pl.Int64(),
    "score_name": pl.String(),
    "score": pl.Float64(),
}
"""Entries of a target-by-source matrix: what token ``source_index`` gives to token ``index``."""


def validate_alternatives(frame: pl.DataFrame) -> pl.DataFrame:
    """Check a table of alternatives and return it typed and sorted.

    Args:
        frame: The columns of :data:`ALTERNATIVES`.

    Returns:
        The table, sorted by doc, tokenizer, index and rank.

    Raises:
        ScoreError: When ranks do not run from 1, are out of order, probabilities pass 1 or are
            none, or an index or id is negative.

    >>> frame = pl.DataFrame({"doc": ["a"] * 2, "tokenizer": ["t"] * 2, "index": [1, 1],
    ...     "rank": [2, 1], "token_id": [5, 6], "log_probability_nats": [-2.0, -1.0]})
    >>> validate_alternatives(frame)["token_id"].to_list()
    [6, 5]
    """
    frame = typed(frame, ALTERNATIVES, "table of alternatives")
    refuse_negative(frame, ["index", "token_id"], "table of alternatives")
    key = ["doc", "tokenizer", "index"]
    frame = frame.sort([*key, "rank"])
    groups = frame.group_by(key, maintain_order=True).agg(
        pl.len(),
        pl.col("rank").min().alias("least"),
        pl.col("rank").max().alias("most"),
        pl.col("rank").n_unique().alias("distinct"),
        pl.col("token_id").n_unique().alias("tokens"),
        pl.col("log_probability_nats").exp().sum().alias("mass"),
        (pl.col("log_probability_nats").diff() > SLACK).any().alias("rises"),
    )
    for bad, sentence in (
        (pl.col("mass").is_nan(), "a logarithm of a probability is NaN"),
        (
            (pl.col("least") != 1)
            | (pl.col("most") != pl.col("len"))
            | (pl.col("distinct") != pl.col("len")),
            "the ranks must run from 1 without gap or repetition",
        ),
        (pl.col("tokens") != pl.col("len"), "a token is listed twice"),
        (pl.col("rises"), "a later rank is likelier than an earlier one"),
        (pl.col("mass") > 1 + 1e-6, "the probabilities add up to more than one"),
    ):
        if row := first_row(groups, bad):
            raise ScoreError(
                f"Alternatives of document {row['doc']!r}, tokenizer {row['tokenizer']!r}, token "
                f"{row['index']}: {sentence}."
            )
    return frame


@dataclass(frozen=True)
class EntropyBounds:
    """What top-k alternatives say about an entropy: two bounds, in bits, not a value."""

    low: float
    high: float | None
    tail_mass: float


def entropy_bounds(log_probabilities: Sequence[float], vocab_size: int | None) -> EntropyBounds:
    """The least and the greatest entropy that agree with the k likeliest probabilities.

    The tail beyond top-k holds a known mass m, no member of which passes the k-th probability p.
    Entropy is greatest when m is spread evenly over the remaining V − k tokens, and least when it
    sits on as few tokens as p allows (both by concavity of −x log x; Cover and Thomas, ch. 2).

    Args:
        log_probabilities: Natural logarithms of the k largest probabilities, in any order.
        vocab_size: V; None where it is not known, and then there is no upper bound.

    Returns:
        Bounds in bits and the mass of the tail. They meet when nothing is left in the tail.

    Raises:
        ScoreError: When there are none, more than V, they add up to more than one, or the least
            is too near to 0 for the tail to fit.

    >>> entropy_bounds([math.log(0.5), math.log(0.5)], 10)
    EntropyBounds(low=1.0, high=1.0, tail_mass=0.0)
    """
    p = np.exp(np.asarray(log_probabilities, dtype=np.float64))
    k = p.size
    if k == 0:
        raise ScoreError("No alternatives: an entropy has no bound without any.")
    if vocab_size is not None and k > vocab_size:
        raise ScoreError(f"{k} alternatives in a vocabulary of {vocab_size}.")
    if not (p >= 0).all() or p.sum() > 1 + 1e-6:
        raise ScoreError(f"Alternatives must be probabilities of sum at most 1, got {p.sum():.6g}.")
    seen = p[p > 0]
    head = float(-(seen * np.log2(seen)).sum()) + 0.0
    tail = max(0.0, 1.0 - float(p.sum()))
    if tail < 1e-12:
        return EntropyBounds(head, head, 0.0)
    most = float(p.min())
    rest = None if vocab_size is None else vocab_size - k
    # No number of tokens holds a tail if each may have nothing, or too little to divide by.
    nothing = most < np.finfo(np.float64).tiny
    if nothing or rest == 0 or (rest is not None and rest * most < tail * (1 - 1e-6)):
        where = "tokens" if rest is None else f"{rest} tokens"
        raise ScoreError(
            f"A tail of {tail:.3g} does not fit in {where} of at most {most:.3g} each: the "
            f"alternatives are not the likeliest ones, or the vocabulary is larger."
        )
    # Pack the tail into as few tokens as possible, none likelier than the k-th alternative.
    whole = math.floor(tail / most * (1 + 1e-12))
    left = max(0.0, tail - whole * most)
    low = head - whole * most * math.log2(most) - (left * math.log2(left) if left > 0 else 0.0)
    high = None if rest is None else head + tail * math.log2(rest / tail)
    return EntropyBounds(low, high if high is None else max(high, low), tail)


def validate_source_index(frame: pl.DataFrame, *, causal: bool = True) -> pl.DataFrame:
    """Check the entries of a target-by-source matrix and return them typed and sorted.

    Args:
        frame: The columns of :data:`SOURCE_INDEX`; entries that are left out are unknown, not 0.
        causal: Whether a token may only look at tokens before it.

    Returns:
        The entries, sorted by doc, tokenizer, score_name, index and source_index.

    Raises:
        ScoreError: When an entry is given twice, looks ahead in a causal matrix, holds no finite
            score, or an index is negative.

    >>> frame = pl.DataFrame({"doc": ["a"] * 2, "tokenizer": ["t"] * 2, "index": [2, 2],
    ...     "source_index": [1, 0], "score_name": ["attention"] * 2, "score": [0.9, 0.1]})
    >>> validate_source_index(frame)["score"].to_list()
    [0.1, 0.9]
    """
    frame = typed(frame, SOURCE_INDEX, "matrix of scores")
    refuse_negative(frame, ["index", "source_index"], "matrix of scores")
    if row := first_row(frame, pl.col("score").is_finite().not_().fill_null(value=True)):
        raise ScoreError(
            f"Token {row['source_index']} gives token {row['index']} of document {row['doc']!r} "
            f"the value {row['score']}: leave out entries that are not known."
        )
    key = ["doc", "tokenizer", "score_name", "index", "source_index"]
    if row := first_row(frame, pl.struct(key).is_duplicated()):
        raise ScoreError(
            f"Token {row['source_index']} gives token {row['index']} of document {row['doc']!r} "
            f"two values of {row['score_name']!r}: one entry per pair."
        )
    if causal and (row := first_row(frame, pl.col("source_index") >= pl.col("index"))):
        raise ScoreError(
            f"Token {row['index']} of document {row['doc']!r} has an entry from token "
            f"{row['source_index']}, which does not stand before it: pass causal=False for a "
            f"model that reads both ways."
        )
    return frame.sort(key)
