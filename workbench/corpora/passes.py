"""What takes one pass over the documents: counting them, and drawing some."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import polars as pl

from workbench.corpora.fields import SCHEMA


def count(batches: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Count documents, bytes and characters of each language and domain.

    Args:
        batches: documents, one batch at least.

    Returns:
        `language`, `domain`, `documents`, `bytes` (UTF-8), `characters` (code points), sorted.

    Example:
        >>> frame = pl.DataFrame({"text": ["é", "a"], "language": ["x", "x"], "domain": ["", ""]})
        >>> count([frame]).row(0)
        ('x', '', 2, 3, 2)
    """
    text = pl.col("text")
    counted = [
        batch.group_by("language", "domain").agg(
            pl.len().cast(pl.Int64).alias("documents"),
            text.str.len_bytes().cast(pl.Int64).sum().alias("bytes"),
            text.str.len_chars().cast(pl.Int64).sum().alias("characters"),
        )
        for batch in batches
    ]
    return (
        pl.concat(counted)
        .group_by("language", "domain")
        .agg(pl.col("documents", "bytes", "characters").sum())
        .sort("language", "domain", nulls_last=True)
    )


def draw(batches: Iterable[pl.DataFrame], n: int, seed: int) -> pl.DataFrame:
    """Draw the documents of `n` ids: those whose keyed hashes are smallest.

    BLAKE2b keyed with the seed gives each id a number as good as random, so the smallest `n` are a
    sample without replacement that no order, batch or shard changes (bottom-k sampling; Cohen and
    Kaplan 2007, "Summarizing data using bottom-k sketches").

    Args:
        batches: documents.
        n: how many ids.
        seed: the key; any integer of 16 bytes.

    Returns:
        The documents in the order they came; memory holds no more than these and a batch.

    Example:
        >>> frame = pl.DataFrame([(str(n), "", None, None) for n in range(9)], SCHEMA, orient="row")
        >>> draw([frame], 3, seed=0).equals(draw([frame[:5], frame[5:]], 3, seed=0))
        True
    """
    key = seed.to_bytes(16, "little", signed=True)
    kept = pl.DataFrame(schema={**SCHEMA, "draw": pl.String()})
    for batch in batches:
        draws = [
            hashlib.blake2b(one.encode(), digest_size=16, key=key).hexdigest()
            for one in batch["doc_id"].to_list()
        ]
        kept = kept.vstack(batch.with_columns(pl.Series("draw", draws, pl.String)))
        chosen = kept["draw"].unique().sort().head(n)
        kept = kept.filter(pl.col("draw").is_in(chosen.implode()))
    return kept.select(list(SCHEMA)).rechunk()
