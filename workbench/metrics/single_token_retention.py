"""Single-token retention (STRR): the share of a text's different words that stay whole.

Source: arXiv 2510.09947, "Single Token Retention Rate": 100 · mean over word types of [one token],
each word encoded alone. A rare word weighs as much as a frequent one; `occurrences` weighs them as
the text does and is one less the share of continued words.

Example: "the" seen 8 times in one token and "cat" and "hat" once each in two: of three types one
stays whole, 33.3%; of ten occurrences eight do, 80%.
"""

from __future__ import annotations

from workbench.metrics._base import Metric, WordsVariant, WordTypes


def _by_type(words: WordTypes) -> float | None:
    return 100.0 * float((words.tokens == 1).mean()) if len(words.tokens) else None


def _by_occurrence(words: WordTypes) -> float | None:
    total = int(words.occurrences.sum())
    return 100.0 * int(words.occurrences[words.tokens == 1].sum()) / total if total else None


METRIC = Metric(
    name="single_token_retention",
    title="Single-token retention",
    summary="The share of words that stay whole when encoded alone.",
    source="arXiv 2510.09947 (STRR)",
    variants=(
        WordsVariant(
            name="types",
            unit="% of word types",
            aggregation="types",
            formula="100 · word types of one token / word types",
            degenerate="null where there are no words",
            better="higher",
            value=_by_type,
        ),
        WordsVariant(
            name="occurrences",
            unit="% of word occurrences (of the types looked at)",
            aggregation="occurrences",
            formula="100 · occurrences of word types of one token / occurrences of word types",
            degenerate="null where there are no words",
            better="higher",
            value=_by_occurrence,
        ),
    ),
)
