"""Compression: how much text one token holds.

Source: TokEval (swiss-ai/tokenizer-intrinsic-evals) divides summed units by summed tokens; KL3M
(arXiv 2503.17247) reports the inverse, tokens per character, whose "average" is the unweighted mean
over data sets. Both are offered under their own names: pooled values and means differ.

Example: "the cat" as [the][ cat] holds 7 bytes in 2 tokens, 3.5 bytes per token.
"""

from __future__ import annotations

import numpy as np

from workbench.metrics._base import (
    FloatArray,
    GroupsVariant,
    Metric,
    Sums,
    divide,
    document_mean,
    pooled,
)

TOKEVAL = "TokEval (swiss-ai/tokenizer-intrinsic-evals), compression rate"
KL3M = "KL3M tokenizers, arXiv 2503.17247"


def _mean_of_groups(sums: Sums) -> FloatArray:
    """Unweighted mean over the groups (last axis) that have text: shape (..., groups) to (...)."""
    inverse = divide(sums["tokens"], sums["characters"])
    known = ~np.isnan(inverse)
    return divide(np.where(known, inverse, 0.0).sum(axis=-1), known.sum(axis=-1))


METRIC = Metric(
    name="compression",
    title="Compression",
    summary="How much text one token holds: bytes are comparable over models, graphemes over eyes.",
    source=TOKEVAL,
    variants=(
        pooled("bytes", "bytes", "tokens", unit="bytes per token", better="higher"),
        pooled("characters", "characters", "tokens", unit="characters per token", better="higher"),
        pooled("graphemes", "graphemes", "tokens", unit="graphemes per token", better="higher"),
        pooled("lines", "tokens", "lines", unit="tokens per line", better="lower"),
        document_mean(
            "bytes_mean", "bytes", "tokens", unit="bytes per token", better="higher", source=TOKEVAL
        ),
        pooled(
            "tokens_per_character",
            "tokens",
            "characters",
            unit="tokens per character",
            better="lower",
            source=KL3M,
        ),
        GroupsVariant(
            name="tokens_per_character_mean",
            unit="tokens per character",
            aggregation="mean of groups",
            formula="mean over groups of (Σ tokens / Σ characters)",
            degenerate="groups without characters are left out; null if that is all",
            better="lower",
            source=KL3M,
            needs=frozenset(("tokens", "characters")),
            value=_mean_of_groups,
        ),
    ),
)
