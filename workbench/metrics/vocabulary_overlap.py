"""Vocabulary overlap: how much two tokenizers have in common, by what entries mean.

Two entries are the same when they stand for the same bytes, whatever their spelling or id (`Ġthe`,
`▁the` and b" the" are one). Special tokens are no text and are left out. The overlap of what a
text uses grows with the text: compare it at equal sizes (rarefaction), never by a bootstrap.

Source: Jaccard 1912 for the ratio; shares of occurrences as in tokenizer transplantation (FOCUS,
Dobler & de Melo 2023).

Example: one text under {"a": 3, "b": 1} and {"b": 2, "c": 2}: one of three used entries is common,
Jaccard 1/3; of the eight occurrences three are of it, 0.375.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from workbench.metrics._base import Histogram, Metric, PairTypesVariant
from workbench.metrics._cuts import pieces_of


@lru_cache(maxsize=32)
def _declared(tokenizer: Any) -> frozenset[bytes]:
    special = tokenizer.special_ids
    return frozenset(tokenizer.token_bytes(i) for i in tokenizer.ids() if i not in special)


def declared_entries(tokenizer: Any) -> frozenset[bytes] | None:
    """What the entries of a vocabulary stand for.

    Args:
        tokenizer: A `workbench.tokenizers.Tokenizer`.

    Returns:
        Different byte strings, special tokens left out; None where the vocabulary is open.
    """
    return None if tokenizer.vocab_size is None else _declared(tokenizer)


def used_entries(histogram: Histogram) -> dict[bytes, int] | None:
    """Occurrences by the bytes that tokens stand for, special tokens left out.

    Args:
        histogram: Of one text under one tokenizer.

    Returns:
        The occurrences; None where ids alone do not say what they stand for (open vocabulary).
    """
    if histogram.declared is None or histogram.tokenizer is None:
        return None
    special, pieces = histogram.tokenizer.special_ids, pieces_of(histogram.tokenizer)
    out: dict[bytes, int] = {}
    rows = zip(histogram.ids.tolist(), histogram.counts.tolist(), strict=True)
    for token_id, count in rows:
        if token_id not in special:
            data = pieces[token_id]
            out[data] = out.get(data, 0) + count
    return out


def jaccard(one: Any, other: Any) -> float | None:
    """Common members over all members of two sets.

    Args:
        one: A set (or the keys of a mapping).
        other: Another.

    Returns:
        0 to 1; None where both are empty.

    Example:
        >>> jaccard({"a", "b"}, {"b", "c"}) == 1 / 3
        True
    """
    a, b = set(one), set(other)
    return len(a & b) / len(a | b) if a or b else None


def _of_declared(left: Histogram, right: Histogram) -> float | None:
    sides = [declared_entries(side.tokenizer) for side in (left, right)]
    return None if None in sides else jaccard(*sides)


def _of_used(left: Histogram, right: Histogram) -> float | None:
    a, b = used_entries(left), used_entries(right)
    return None if a is None or b is None else jaccard(a, b)


def _of_occurrences(left: Histogram, right: Histogram) -> float | None:
    a, b = used_entries(left), used_entries(right)
    if a is None or b is None:
        return None
    total = sum(a.values()) + sum(b.values())
    common = a.keys() & b.keys()
    shared = sum(a[data] + b[data] for data in common)
    return float(np.divide(shared, total)) if total else None


METRIC = Metric(
    name="vocabulary_overlap",
    title="Vocabulary overlap",
    summary="How much two vocabularies have in common, by the bytes that entries stand for.",
    source="Jaccard 1912; FOCUS (Dobler & de Melo 2023) for shares of occurrences",
    variants=(
        PairTypesVariant(
            name="declared",
            unit="Jaccard index of declared entries",
            aggregation="entries",
            formula="|A ∩ B| / |A ∪ B|, entries by bytes, special tokens left out",
            degenerate="null where a vocabulary is open",
            vocabulary="declared",
            value=_of_declared,
        ),
        PairTypesVariant(
            name="used",
            unit="Jaccard index of used entries",
            aggregation="types",
            formula="|A ∩ B| / |A ∪ B|, entries that the text uses, by bytes",
            degenerate="null where a vocabulary is open, or nothing is used",
            vocabulary="observed",
            value=_of_used,
        ),
        PairTypesVariant(
            name="occurrences",
            unit="share of both tokenizers' tokens",
            aggregation="occurrences",
            formula="Σ over entries that both use of both counts / Σ of all counts",
            degenerate="null where a vocabulary is open, or there are no tokens",
            vocabulary="observed",
            value=_of_occurrences,
        ),
    ),
)
