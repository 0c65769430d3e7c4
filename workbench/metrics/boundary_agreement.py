"""Boundary agreement: whether two tokenizers cut a text at the same places.

A cut is a byte offset strictly inside the source. Dense cuts agree by chance: two tokenizers that
cut almost everywhere share most cuts whatever they do, so F1 stands beside Cohen's κ (Cohen 1960),
which takes chance out over all places where a cut could be: the edges of characters, and any place
inside one where either cuts.

Source: boundary F1 as in KL3M (arXiv 2503.17247), section on stability, here between tokenizers.

Example: "abcd" cut as a|bc|d and as a|bcd shares one cut of two and one: F1 = 2/3; of three places
they agree on two, chance is 4/9, κ = (2/3 − 4/9) / (1 − 4/9) = 0.4.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.metrics._base import (
    DocumentView,
    FloatArray,
    Metric,
    PairSumsVariant,
    Sums,
    divide,
)

_KEYS = ("both", "left", "right", "places")
_NEEDS = frozenset(f"boundary_agreement.{key}" for key in _KEYS)


def count_shared_cuts(left: DocumentView, right: DocumentView) -> Mapping[str, int]:
    """Cuts of one document under two tokenizers.

    Args:
        left: The document under one tokenizer.
        right: The same document under the other.

    Returns:
        both, left, right (cuts), places (where a cut could be).
    """
    a, b = left.segmentation.boundaries, right.segmentation.boundaries
    source = np.frombuffer(left.segmentation.source, dtype=np.uint8)
    edges = np.flatnonzero((source & 0xC0) != 0x80)[1:]
    places = len(np.union1d(edges, np.union1d(a, b)))
    both = len(np.intersect1d(a, b, assume_unique=True))
    return {"both": both, "left": len(a), "right": len(b), "places": places}


def _f1(sums: Sums) -> FloatArray:
    both, left, right, _ = (sums[f"boundary_agreement.{key}"] for key in _KEYS)
    return divide(2 * both, left + right)


def _kappa(sums: Sums) -> FloatArray:
    both, left, right, places = (sums[f"boundary_agreement.{key}"] for key in _KEYS)
    agreed = divide(places - left - right + 2 * both, places)
    chance = divide(left * right + (places - left) * (places - right), places * places)
    return divide(agreed - chance, 1 - chance)


METRIC = Metric(
    name="boundary_agreement",
    title="Boundary agreement",
    summary="Whether two tokenizers cut a text at the same places, and whether that is chance.",
    source="KL3M, arXiv 2503.17247 (F1 of boundaries); Cohen 1960 (κ)",
    pair_probe=count_shared_cuts,
    variants=(
        PairSumsVariant(
            name="f1",
            unit="F1 of cuts",
            aggregation="pooled",
            formula="2 · shared cuts / (cuts of one + cuts of the other)",
            degenerate="null where neither cuts anywhere",
            needs=_NEEDS,
            value=_f1,
        ),
        PairSumsVariant(
            name="kappa",
            unit="Cohen's κ",
            aggregation="pooled",
            formula="(agreed − chance) / (1 − chance) over the places where a cut could be",
            degenerate="null where both cut everywhere or nowhere: chance explains all",
            needs=_NEEDS,
            value=_kappa,
        ),
    ),
)
