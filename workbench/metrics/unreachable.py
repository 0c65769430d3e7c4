"""Unreachable entries: what of a vocabulary no text can produce.

Source: Land & Bartolo 2024 (arXiv 2405.05417, magikarp): decode an entry and encode it again; if
another id comes back it is unreachable. Done naively this calls half of a SentencePiece vocabulary
dead, for a space is put before every text; so entries are tried in contexts too
(`workbench.vocabulary.reachability`). Special entries are read only where special tokens are
parsed; partial UTF-8 is undecodable, no text spells it alone. Neither counts as unreachable, both
count as entries.

Example: a vocabulary of a, b and ab without a merge for ab: ab cannot come out, 1/3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from workbench.metrics._base import Metric, TokenizerVariant


@lru_cache(maxsize=32)
def _kinds(tokenizer: Any) -> Counter[str]:
    # The vocabulary's own audit; it stands below the metrics, so it is asked, not imported.
    from workbench.vocabulary import reachability

    return Counter(kind for kind, _ in reachability(tokenizer))


def _share(kind: str) -> Callable[[Any], float | None]:
    def value(tokenizer: Any) -> float | None:
        if not tokenizer.vocab_size:
            return None
        found = _kinds(tokenizer)
        return found[kind] / found.total() if found.total() else None

    return value


METRIC = Metric(
    name="unreachable",
    title="Unreachable entries",
    summary="The share of the vocabulary that no text can produce.",
    source="Land & Bartolo 2024, arXiv 2405.05417, with contexts",
    report=False,
    variants=tuple(
        TokenizerVariant(
            name=kind,
            unit="share of declared entries",
            aggregation="entries",
            formula=formula + " / entries declared",
            degenerate="null where the vocabulary is open",
            vocabulary="declared",
            better="lower" if kind == "unreachable" else None,
            value=_share(kind),
        )
        for kind, formula in (
            ("unreachable", "entries whose text is never encoded to them, in any context tried"),
            ("undecodable", "entries that hold part of a character"),
            ("special", "entries read only where special tokens are parsed"),
        )
    ),
)
