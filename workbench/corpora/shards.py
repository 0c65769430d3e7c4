"""`Shard`: a part of a corpus that another process can open, and the pieces it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from workbench.corpora.fields import SCHEMA, CorpusError
from workbench.corpora.tables import rebatch

BATCH = 16 << 20
"""Bytes of text in a batch, unless asked otherwise."""


class Piece(Protocol):
    """A part of a source: a file, a range of one, a frame, a query. It pickles."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def languages(self) -> tuple[str, ...] | None:
        """The languages of its documents; None if that takes reading."""

    def identity(self) -> str:
        """Return a SHA-256 over its content and how it is read."""

    def split(self, max_bytes: int) -> Sequence[Piece]:
        """Cut it into parts that are disjoint and complete, in order."""

    def frames(self, counts: Counter[str]) -> Iterator[pl.DataFrame]:
        """Yield its documents; what is skipped is counted by reason."""


@dataclass(frozen=True)
class Selection:
    """Which documents are kept: None keeps all.

    Attributes:
        languages: the values of `language` to keep.
        domains: the values of `domain` to keep.
    """

    languages: tuple[str, ...] | None = None
    domains: tuple[str, ...] | None = None

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the documents of a frame that are kept, in order."""
        if self.languages is not None:
            frame = frame.filter(pl.col("language").is_in(list(self.languages)))
        if self.domains is not None:
            frame = frame.filter(pl.col("domain").is_in(list(self.domains)))
        return frame


@dataclass(frozen=True)
class Shard:
    """A part of a corpus, as small a description as its source allows; picklable.

    A worker on another machine opens it, if the files stand there under the same path.

    Attributes:
        name: unique in the corpus; merge results by it, since a scheduler may run a shard twice.
        checksum: SHA-256 over its content and how it is read, lower-case hex.
        size: bytes: of the file range, of the used columns (Parquet), or of the texts (frames).
        pieces: what it reads.
        selection: which documents are kept.
    """

    name: str
    checksum: str
    size: int
    pieces: tuple[Piece, ...] = field(repr=False)
    selection: Selection = field(default=Selection(), repr=False)

    def batches(
        self, max_bytes: int = BATCH, *, skipped: Counter[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yield the documents in frames of at most `max_bytes` of text.

        Args:
            max_bytes: of UTF-8; a longer document comes alone.
            skipped: takes what is left out under `errors="skip"`, by reason.

        Yields:
            Frames with `doc_id`, `text`, `language`, `domain`; never empty.

        Raises:
            CorpusError: If the source cannot be read, or holds what is no document.

        Example:
            >>> from workbench.corpora import load_corpus
            >>> shard = load_corpus("parallel", languages=["eng_Latn"]).shards()[0]
            >>> sum(batch.height for batch in shard.batches())
            40
        """
        counts: Counter[str] = Counter() if skipped is None else skipped
        yield from batches_of(self.pieces, self.selection, max_bytes, counts)

    def read(self) -> pl.DataFrame:
        """Return all documents of the shard at once.

        Returns:
            A frame with `doc_id`, `text`, `language`, `domain`.

        Raises:
            CorpusError: As `batches`.
        """
        return together(self.batches())


def batches_of(
    pieces: Iterable[Piece], selection: Selection, max_bytes: int, counts: Counter[str]
) -> Iterator[pl.DataFrame]:
    """Read pieces one after the other, keep what is selected, and cut it into batches."""
    if max_bytes < 1:
        raise CorpusError(f"max_bytes is {max_bytes}; a batch or a shard holds one byte at least")
    kept = (selection.apply(frame) for piece in pieces for frame in piece.frames(counts))
    return rebatch(kept, max_bytes)


def together(frames: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """Join frames of documents; none at all give an empty frame."""
    every = list(frames)
    return pl.concat(every, rechunk=True) if every else pl.DataFrame(schema=SCHEMA)
