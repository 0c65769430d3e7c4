"""Characters per token by type of text: what identifiers, numbers and jargon cost.

A window is filled by what is in it: UUIDs, hashes and numbers take three to four times the tokens
of prose of the same length. The texts are made from a seed (`sample_texts`), each is encoded alone.
The prose is this project's own, on which its four `workbench-` tokenizers were trained.

Source: Needle Threading (Roberts et al. 2024, arXiv 2411.05000), which finds 1.10 to 1.53
characters a token for UUIDs against 4.24 to 4.81 for English; KL3M (arXiv 2503.17247) for terms of
a domain.

Example: "12" in one token and "345" in two: 5 characters over 3 tokens, 1.67.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import polars as pl

from workbench.metrics._base import Metric, TokenizerVariant
from workbench.metrics._samples import MAKERS, sample_texts
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = ["MAKERS", "METRIC", "characters_per_token", "sample_texts"]

COUNT: Final = 200
"""Texts of each type."""

TYPES: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "type": pl.String,
    "summary": pl.String,
    "texts": pl.Int64,
    "characters": pl.Int64,
    "tokens": pl.Int64,
    "characters_per_token": pl.Float64,
    "relative_to_prose": pl.Float64,
}
"""The columns of `characters_per_token`; `relative_to_prose` is tokens for a character of this type
over tokens for a character of prose, under the same tokenizer: 1 is as dear as prose."""


@lru_cache(maxsize=1024)
def _count(tokenizer: Any, kind: str, count: int, seed: int) -> tuple[int, int]:
    texts = sample_texts(kind, count, seed)
    return sum(map(len, texts)), sum(map(len, tokenizer.encode_batch(texts)))


def characters_per_token(
    tokenizers: Tokenizer | str | Sequence[Tokenizer | str],
    types: Sequence[str] | None = None,
    count: int = COUNT,
    seed: int = 0,
) -> pl.DataFrame:
    """What each type of text costs under each tokenizer.

    Args:
        tokenizers: One or more, as `load_tokenizer` takes them.
        types: Names of `MAKERS`; None is all.
        count: Texts of each type.
        seed: Of the texts.

    Returns:
        One row per tokenizer and type: the columns of `TYPES`.

    Raises:
        ValueError: If a type is unknown or the count not positive.

    Example:
        >>> characters_per_token("bytes", ["uuids"])["characters_per_token"].item()
        1.0
    """
    given = [tokenizers] if isinstance(tokenizers, str | Tokenizer) else tokenizers
    rows = []
    for tokenizer in map(load_tokenizer, given):
        size, number = _count(tokenizer, "prose", count, seed)
        prose = number / size
        for kind in MAKERS if types is None else types:
            characters, tokens = _count(tokenizer, kind, count, seed)
            rows.append(
                {
                    "tokenizer": tokenizer.name,
                    "type": kind,
                    "summary": MAKERS[kind][1],
                    "texts": count,
                    "characters": characters,
                    "tokens": tokens,
                    "characters_per_token": characters / tokens if tokens else None,
                    "relative_to_prose": tokens / characters / prose if prose else None,
                }
            )
    return pl.DataFrame(rows, schema=TYPES)


def _value(kind: str) -> Callable[[Any], float | None]:
    def value(tokenizer: Any) -> float | None:
        characters, tokens = _count(tokenizer, kind, COUNT, 0)
        return characters / tokens if tokens else None

    return value


METRIC = Metric(
    name="text_types",
    title="Characters per token by type of text",
    summary=f"What numbers, identifiers and jargon cost: {COUNT} made texts of each type.",
    source="Needle Threading (Roberts et al. 2024, arXiv 2411.05000); KL3M (arXiv 2503.17247)",
    report=False,
    variants=tuple(
        TokenizerVariant(
            name=kind,
            unit="characters per token",
            aggregation="pooled",
            formula=f"Σ characters / Σ tokens of {summary}, each encoded alone",
            degenerate="null where the texts give no tokens",
            better="higher",
            value=_value(kind),
        )
        for kind, (_, summary) in MAKERS.items()
    ),
)
