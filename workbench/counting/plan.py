"""What is to be counted, and what a piece of a corpus must be able to do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import polars as pl

from workbench.metrics._base import STATISTICS, TEXT_STATISTICS

ALONE_STATISTICS = ("alone_words", "alone_tokens", "alone_continued")
"""The statistics of words encoded alone."""


class Shard(Protocol):
    """A piece of a corpus. It pickles, and knows its content's checksum before it is read."""

    @property
    def name(self) -> str:
        """What to call it in a message."""

    @property
    def checksum(self) -> str:
        """SHA-256 of what it holds and of how it is read."""

    def read(self) -> pl.DataFrame:
        """Return columns doc_id, text, language, domain (String; the last two may be null)."""


@dataclass(frozen=True)
class FrameShard:
    """Rows of a frame.

    Attributes:
        name: Where it lies in the frame.
        checksum: SHA-256 of its content, or of where that content comes from.
        frame: doc_id, text, language, domain.
    """

    name: str
    checksum: str
    frame: pl.DataFrame

    @property
    def size(self) -> int:
        """Bytes of text."""
        return int(self.frame["text"].str.len_bytes().sum())

    def read(self) -> pl.DataFrame:
        """Return the rows."""
        return self.frame


@dataclass(frozen=True)
class Plan:
    """What is to be counted.

    Attributes:
        statistics: Names of `workbench.metrics.STATISTICS`, ``mean:a/b``, ``count:a/b``.
        sample: Documents to keep in each group for probes.
        word_types: Whether to keep word types.
        add_special_tokens: Whether each document carries what the tokenizer puts around it.
    """

    statistics: frozenset[str]
    sample: int = 0
    word_types: bool = False
    add_special_tokens: bool = False

    def __post_init__(self) -> None:
        """Refuse what nobody counts.

        Raises:
            ValueError: Naming the statistic and those there are.
        """
        known = set(STATISTICS) - {"paired", "paired:tokens"}
        for name in sorted(self.statistics | {part for pair in self.ratios for part in pair}):
            if name not in known and not name.startswith(("mean:", "count:")):
                raise ValueError(f"statistic {name!r} is not counted; there are {sorted(known)}")

    @cached_property
    def ratios(self) -> list[tuple[str, str]]:
        """The pairs whose ratio is averaged over documents."""
        names = {n.partition(":")[2] for n in self.statistics if n.startswith(("mean:", "count:"))}
        return sorted((a, b) for a, _, b in (name.partition("/") for name in names))

    @cached_property
    def text(self) -> list[str]:
        """The statistics of the text alone that this needs; documents and bytes always."""
        parts = {part for pair in self.ratios for part in pair}
        return sorted(({"documents", "bytes"} | self.statistics | parts) & TEXT_STATISTICS)

    @cached_property
    def alone(self) -> bool:
        """Whether words are to be encoded alone."""
        return any(part in ALONE_STATISTICS for part in self.statistics)
