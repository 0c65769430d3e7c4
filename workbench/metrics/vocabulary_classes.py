"""Vocabulary classes of a text: what sort of entries its tokens are.

Source: Chelombitko et al. 2024, Qtok (arXiv 2410.12989): an entry is one character, begins after a
space, or stands inside a word, each alphabetic (one script), other or an error; or pure bytes, a
flank (part of a character), or control. Qtok counts entries of the vocabulary
(`workbench.audit_vocabulary`); here each entry counts as often as a text uses it, which says what a
model reads rather than what it owns.

Example: " the" twice and "ing" once: spaced-alphabetic 2/3, inner-alphabetic 1/3, all others 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np

from workbench.metrics._base import Histogram, IntArray, Metric, TypesVariant

CLASSES: Final[dict[str, tuple[str, ...]]] = {
    "spaced_alphabetic": ("spaced-alphabetic",),
    "inner_alphabetic": ("inner-alphabetic",),
    "character_alphabetic": ("character-alphabetic",),
    "spaced_other": ("spaced-other",),
    "inner_other": ("inner-other",),
    "character_other": ("character-other",),
    "pure_bytes": ("pure bytes",),
    "flank": ("flank",),
    "control": ("control",),
    "error": ("character-error", "spaced-error", "inner-error"),
}
"""Qtok's classes by the names used here; its three errors are one."""


@lru_cache(maxsize=32)
def _classes(tokenizer: Any) -> tuple[IntArray, IntArray]:
    """Ids, sorted, and the number of each one's class in `CLASSES`."""
    # The vocabulary's own audit; it stands below the metrics, so it is asked, not imported.
    from workbench.vocabulary.classes import qtok_classes
    from workbench.vocabulary.entries import entries_of

    number = {name: i for i, names in enumerate(CLASSES.values()) for name in names}
    entries = entries_of(tokenizer)
    codes = [number[name] for name in qtok_classes(entries)]
    return np.array(entries.ids, dtype=np.int64), np.array(codes, dtype=np.int64)


def class_shares(histogram: Histogram) -> dict[str, float] | None:
    """The share of tokens in each class.

    Args:
        histogram: Of a text.

    Returns:
        Shares by the names of `CLASSES`, which add up to 1; None where there are no tokens or the
        vocabulary is open.
    """
    if histogram.declared is None or histogram.tokenizer is None or not histogram.total:
        return None
    ids, codes = _classes(histogram.tokenizer)
    used = codes[np.searchsorted(ids, histogram.ids)]
    total = np.bincount(used, weights=histogram.counts, minlength=len(CLASSES)) / histogram.total
    return dict(zip(CLASSES, total.tolist(), strict=True))


def _share(name: str) -> Callable[[Histogram], float | None]:
    def value(histogram: Histogram) -> float | None:
        found = class_shares(histogram)
        return None if found is None else found[name]

    return value


METRIC = Metric(
    name="vocabulary_classes",
    title="Classes of tokens",
    summary="What sort of entries a text is made of.",
    source="Qtok (Chelombitko et al. 2024, arXiv 2410.12989), counted by occurrence",
    report=False,
    variants=tuple(
        TypesVariant(
            name=name,
            unit="share of tokens",
            aggregation="occurrences",
            formula=f"tokens that are {' or '.join(names)} / tokens",
            degenerate="null where there are no tokens or the vocabulary is open",
            vocabulary="observed",
            value=_share(name),
        )
        for name, names in CLASSES.items()
    ),
)
