"""Bits per byte: how well a model predicts a text, whatever its tokens.

Perplexity per token cannot be compared between tokenizers, for longer tokens are harder to guess.
Divided by the bytes of the text it can: Σ negative log-likelihood / (ln 2 · bytes). `bits_per_byte`
is that, for the likelihoods of any model. The metric of a corpus needs no model: it takes the
frequencies of the corpus's own tokens, Σ −c log2(c / N) / bytes, which is what a model pays that
knows nothing but frequencies (Rajaraman et al. 2024, arXiv 2404.08335: tokens let even such a model
approach the entropy of the source). It grows with the vocabulary's fit to the sample, so compare it
at equal sizes of text.

Example: "abab" as a b a b: two types, one bit each, 4 bits over 4 bytes is 1.0; as ab ab: one type,
0 bits, 0.0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from workbench.metrics._base import Histogram, Metric, TypesVariant
from workbench.metrics._cuts import pieces_of


def bits_per_byte(log_likelihoods: Iterable[float | None], text: str | bytes) -> float | None:
    """Bits that a model pays for each byte of a text.

    Args:
        log_likelihoods: ln p of each token given those before it, at most 0. A None, for a token
            without a probability (the first one, where the model got no start token), makes the
            sum unknown; leave the token's bytes out of `text` and its None out of here instead.
        text: The text those tokens spell, or its bytes.

    Returns:
        Bits per byte; None where there are no bytes or a probability is not known.

    Raises:
        ValueError: If a log-likelihood is above 0 or no number: it is then no logarithm of a
            probability (bits and negative log-likelihoods have the other sign).

    Example:
        >>> bits_per_byte([math.log(0.5), math.log(0.25)], "é!")
        1.0
    """
    size = len(text.encode() if isinstance(text, str) else text)
    values = list(log_likelihoods)
    if size == 0 or any(value is None for value in values):
        return None
    found = np.array(values, dtype=np.float64)
    wrong = np.flatnonzero(~(found <= 0))
    if len(wrong):
        raise ValueError(
            f"log-likelihood {int(wrong[0])} is {values[wrong[0]]!r}: the natural logarithm of a "
            "probability is at most 0. Give ln p, not −ln p and not p"
        )
    return abs(float(-found.sum() / (math.log(2) * size)))


def unigram_bits_per_byte(histogram: Histogram) -> float | None:
    """Bits per byte of a model that knows the frequencies of the tokens and nothing else.

    Args:
        histogram: Of a text.

    Returns:
        Bits per byte of what the tokens stand for; None where there are no tokens, the vocabulary
        is open, or unknown tokens hide part of the text.
    """
    tokenizer = histogram.tokenizer
    if histogram.declared is None or tokenizer is None or not histogram.total:
        return None
    if tokenizer.unk_id is not None and tokenizer.unk_id in histogram.ids:
        return None
    pieces = pieces_of(tokenizer)
    lengths = np.array([len(pieces[i]) for i in histogram.ids.tolist()], dtype=np.int64)
    size = int((lengths * histogram.counts).sum())
    bits = -float((histogram.counts * np.log2(histogram.shares)).sum())
    return abs(bits) / size if size else None


METRIC = Metric(
    name="bits_per_byte",
    title="Bits per byte, by frequency alone",
    summary="What a model pays that knows the frequencies of the tokens and nothing else.",
    source="Rajaraman et al. 2024, arXiv 2404.08335 (unigram models over tokens)",
    variants=(
        TypesVariant(
            name="unigram",
            unit="bits per byte of the tokens",
            aggregation="types",
            formula="Σ −c log2(c / N) / Σ c · bytes of the token",
            degenerate="null where there are no tokens, some are unknown, or the vocabulary is "
            "open; white space that a pre-tokenizer drops is in no token's bytes",
            vocabulary="observed",
            better="lower",
            value=unigram_bits_per_byte,
        ),
    ),
)
