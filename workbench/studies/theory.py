"""Why tokens help a model without context (Rajaraman, Jiao and Ramchandran 2024).

The claim: on a k-th order Markov source, a unigram model over characters is stuck at the entropy
of one character, while a unigram model over the tokens of a good dictionary comes close to the
entropy rate of the source as the dictionary grows: tokens carry the context that the model lacks.

The experiment: sample a switching source (closed-form entropy), build a dictionary by LZW or BPE
on one sample, count its tokens, and take −Σ log2 q(token) / characters on a fresh sample. Several
seeds give an interval. Nothing here is a transformer: the paper's second half (transformers learn
unigram models over tokens, and struggle with the bare source) needs training and is not claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from workbench.studies.markov import (
    SwitchingSource,
    bpe_dictionary,
    bpe_encode,
    greedy_encode,
    lzw_dictionary,
    smaller_bpe,
)
from workbench.studies.verdicts import Estimate, mean_over_seeds, verdict_frame, verdict_row

__all__ = ["PAPER", "CrossEntropyRow", "SwitchingSource", "cross_entropies", "dictionary_curve",
           "unigram_cross_entropy", "verdict"]  # fmt: skip

PAPER = "Rajaraman, Jiao and Ramchandran 2024"
Method = Literal["characters", "LZW", "BPE"]
CrossEntropyRow = dict[str, str | int | float]


def unigram_cross_entropy(
    counted: Sequence[str], scored: Sequence[str], vocabulary: Sequence[str]
) -> float:
    """Bits per character of some tokens under a unigram model counted on others.

    q(t) = (count(t) + ½) / (tokens + V/2): the Krichevsky-Trofimov estimate, so that an entry that
    was never counted costs much but not infinitely much.

    Args:
        counted: Tokens to estimate q on.
        scored: Tokens to score; their lengths are the characters.
        vocabulary: All V entries.

    Returns:
        −Σ log2 q(token) / Σ characters.

    Raises:
        ValueError: When there is nothing to score, or a token is not in the vocabulary.

    >>> unigram_cross_entropy(["A", "B"], ["A", "B"], ["A", "B"])
    1.0
    """
    if not scored:
        raise ValueError("Nothing to score: the held-out sample has no token.")
    counts = Counter(counted)
    known = set(vocabulary)
    if stranger := next((t for t in (*counts, *set(scored)) if t not in known), None):
        raise ValueError(f"The token {stranger!r} is not in the vocabulary.")
    denominator = len(counted) + 0.5 * len(known)
    bits = {entry: -float(np.log2((counts[entry] + 0.5) / denominator)) for entry in known}
    occurrences = Counter(scored)
    characters = sum(len(token) * n for token, n in occurrences.items())
    return sum(bits[token] * n for token, n in occurrences.items()) / characters


def cross_entropies(
    source: SwitchingSource,
    sizes: Sequence[int],
    *,
    methods: Sequence[Method] = ("LZW", "BPE"),
    length: int = 100_000,
    seed: int = 0,
) -> pl.DataFrame:
    """Cross-entropy of unigram models over tokens, for one draw of the source.

    Args:
        source: What to sample.
        sizes: Dictionary sizes.
        methods: "LZW" or "BPE"; the character model is always there, with size 2.
        length: Characters to learn from, and as many to score.
        seed: Of the two samples.

    Returns:
        ``method, size, tokens_per_character, bits_per_character, seed``; ``size`` is the number of
        entries asked for.

    Raises:
        ValueError: For an unknown method.
    """
    learn, held_out = source.sample(length, 2 * seed), source.sample(length, 2 * seed + 1)
    rows: list[CrossEntropyRow] = [
        {
            "method": "characters",
            "size": 2,
            "tokens_per_character": 1.0,
            "bits_per_character": unigram_cross_entropy(list(learn), list(held_out), ["A", "B"]),
        }
    ]
    for method in methods:
        learnt = bpe_dictionary(learn, max(sizes)) if method == "BPE" and sizes else ([], [])
        for size in sizes:
            if method == "LZW":
                entries = lzw_dictionary(learn, size)
                counted, scored = greedy_encode(learn, entries), greedy_encode(held_out, entries)
            elif method == "BPE":
                entries, merges = smaller_bpe(*learnt, size)
                counted = bpe_encode(learn, entries, merges)
                scored = bpe_encode(held_out, entries, merges)
            else:
                raise ValueError(f"{method!r} is no method here: use 'LZW' or 'BPE'.")
            rows.append(
                {
                    "method": method,
                    "size": size,
                    "tokens_per_character": len(scored) / length,
                    "bits_per_character": unigram_cross_entropy(counted, scored, entries),
                }
            )
    return pl.DataFrame(rows).with_columns(seed=pl.lit(seed, dtype=pl.Int64))


def dictionary_curve(
    source: SwitchingSource,
    sizes: Sequence[int] = (4, 8, 16, 32, 64, 128),
    *,
    methods: Sequence[Method] = ("LZW", "BPE"),
    length: int = 100_000,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
) -> pl.DataFrame:
    """Mean cross-entropy over seeds, with Student t intervals.

    Args:
        source: What to sample.
        sizes: Dictionary sizes.
        methods: As in :func:`cross_entropies`.
        length: Characters per sample.
        seeds: One independent pair of samples each.

    Returns:
        ``method, size, bits_per_character, ci_low, ci_high, entropy_rate, seeds``.

    Raises:
        ValueError: When there is no seed.
    """
    runs = pl.concat(
        [cross_entropies(source, sizes, methods=methods, length=length, seed=s) for s in seeds]
        or [pl.DataFrame()]
    )
    if runs.is_empty():
        raise ValueError("No seeds were given: at least one sample is needed.")
    rows = []
    for (method, size), part in runs.group_by("method", "size", maintain_order=True):
        estimate = mean_over_seeds(part["bits_per_character"].to_numpy())
        rows.append(
            {
                "method": method,
                "size": size,
                "bits_per_character": estimate.value,
                "ci_low": estimate.low,
                "ci_high": estimate.high,
                "entropy_rate": source.entropy_rate,
                "seeds": estimate.n,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"ci_low": pl.Float64, "ci_high": pl.Float64})


def verdict(
    switch: float = 0.1,
    order: int = 1,
    sizes: Sequence[int] = (4, 8, 16, 32, 64, 128),
    length: int = 100_000,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    curve: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Whether tokens bring a context-free model towards the source's entropy.

    Args:
        switch: p of the source.
        order: k of the source.
        sizes: Dictionary sizes; the largest one decides.
        length: Characters per sample.
        seeds: Independent draws.
        curve: The result of :func:`dictionary_curve` for the same source, to save its time.

    Returns:
        The rows of a verdict.
    """
    source = SwitchingSource(switch, order)
    if curve is None:
        curve = dictionary_curve(source, sizes, length=length, seeds=seeds)
    rows = []
    for method in ("characters", "LZW", "BPE"):
        part = curve.filter(pl.col("method") == method).sort("size")
        if part.is_empty():
            continue
        last = part.row(-1, named=True)
        estimate = Estimate(
            last["bits_per_character"], last["ci_low"], last["ci_high"], last["seeds"]
        )
        rate = source.entropy_rate
        if method == "characters":
            held = estimate.value > 0.99
            text = f"{'stays' if held else 'does not stay'} at one bit; the source has {rate:.3f}"
            claim = "A unigram model over characters cannot see the source's memory"
        else:
            gap = (estimate.value - rate) / (1 - rate)
            steps = part["bits_per_character"].diff().drop_nulls()
            falls = "monotone" if (steps <= 0).all() else "not monotone in the size"
            closer = estimate.high is not None and estimate.high < 1
            text = (
                f"{'holds' if closer else 'does not hold'}: {1 - gap:.0%} of the way from one bit "
                f"to {rate:.3f}; {falls}"
            )
            claim = f"A unigram model over {method} tokens tends to the source's entropy"
        rows.append(
            verdict_row(
                claim,
                PAPER,
                f"bits per character, {last['size']} entries, k={order}, p={switch}",
                estimate,
                text,
            )
        )
    return verdict_frame(rows)
