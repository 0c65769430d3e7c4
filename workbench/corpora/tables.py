"""Tables: Parquet files by row ranges, polars frames, queries (lazy frames, addresses)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl

from workbench.corpora.fields import (
    DAMAGED_FILE,
    SCHEMA,
    CorpusError,
    Fields,
    Sieve,
    check_types,
    resolve_columns,
    tidy,
)
from workbench.corpora.index import file_index
from workbench.corpora.records import json_lines

SLICE = 16 << 20
"""Bytes of text that one slice of a Parquet file aims at; each slice decodes its row group's
dictionary anew, so smaller ones cost time."""

PROBE = 512
"""Rows read to see how long texts are, where a dictionary hides it from the footer."""

ROWS = 1024
"""Rows of the first slice, before the size of a row is known; and of a query's batch."""


class ContentHash:
    """SHA-256 over documents, the same however they are cut into frames.

    Two streams for each column, the bytes and the lengths, so that neither a moved boundary nor a
    null in place of an empty text goes unseen.

    Example:
        >>> frame = pl.DataFrame({name: ["a", "bc"] for name in SCHEMA})
        >>> whole, parts = ContentHash(), ContentHash()
        >>> whole.update(frame)
        >>> parts.update(frame[:1]), parts.update(frame[1:])
        (None, None)
        >>> whole.hexdigest() == parts.hexdigest()
        True
    """

    def __init__(self) -> None:
        self._digests = [(hashlib.sha256(), hashlib.sha256()) for _ in SCHEMA]

    def update(self, frame: pl.DataFrame) -> None:
        """Add documents.

        Args:
            frame: with the columns of `SCHEMA`.
        """
        for name, (data, lengths) in zip(SCHEMA, self._digests, strict=True):
            column = frame[name]
            data.update((column.fill_null("").str.join("").item() or "").encode())
            sizes = column.str.len_bytes().cast(pl.Int64).fill_null(-1)
            lengths.update(sizes.to_numpy().astype("<i8").tobytes())

    def hexdigest(self) -> str:
        """Return the hash of all that was added, 64 hexadecimal digits."""
        every = "".join(digest.hexdigest() for pair in self._digests for digest in pair)
        return hashlib.sha256(every.encode()).hexdigest()


@dataclass(frozen=True)
class ParquetRows:
    """A Parquet file, or a range of its rows.

    Attributes:
        path: the local file.
        label: how made ids call it.
        file_size: bytes of the file when it was found.
        fields: how a row becomes a document.
        columns: document column -> column of the file.
        start: the first row, from 0.
        stop: the row after the last.
        row_bytes: bytes of a row of the used columns on average: uncompressed by the footer, or
            measured on some rows where the file is split, whichever is more.
    """

    path: str
    label: str
    file_size: int
    fields: Fields
    columns: tuple[tuple[str, str], ...]
    start: int
    stop: int
    row_bytes: float
    sha256: str | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """Bytes of the used columns, uncompressed, by the average row."""
        return round(self.row_bytes * (self.stop - self.start))

    @property
    def languages(self) -> tuple[str, ...] | None:
        """The languages of the documents; None where that takes reading."""
        return self.fields.languages(column="language" in dict(self.columns))

    def identity(self) -> str:
        """Return a hash of the bytes of the file, the rows and the reading options."""
        sha = self.sha256 or file_index(self.path).sha256
        parts = [sha, "parquet", str(self.start), str(self.stop), self.fields.identity()]
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    def split(self, max_bytes: int) -> list[ParquetRows]:
        """Cut into row ranges of about `max_bytes`, by the average row."""
        row_bytes = max(self.row_bytes, self._text_bytes(), 1.0)
        rows = max(1, int(max_bytes / row_bytes))
        whole = replace(self, row_bytes=row_bytes)
        if self.stop - self.start <= rows:
            return [whole]
        sha256 = file_index(self.path).sha256
        return [
            replace(whole, start=start, stop=min(start + rows, self.stop), sha256=sha256)
            for start in range(self.start, self.stop, rows)
        ]

    def _text_bytes(self) -> float:
        """Return the average bytes of some texts from the middle; 0 where they cannot be read."""
        middle = max(self.start, (self.start + self.stop - PROBE) // 2)
        text = pl.col(dict(self.columns)["text"]).cast(pl.String)
        query = pl.scan_parquet(self.path, glob=False, hive_partitioning=False).select(text)
        try:
            probe = query.slice(middle, min(PROBE, self.stop - middle)).collect().to_series()
        except (pl.exceptions.PolarsError, OSError):
            return 0.0  # reading it will say what is wrong
        return int(probe.str.len_bytes().sum()) / max(1, len(probe))

    def frames(self, counts: Counter[str]) -> Iterator[pl.DataFrame]:
        """Yield the documents, slice by slice; each slice is read alone, so memory stays bounded.

        Args:
            counts: takes what is skipped, by reason.

        Yields:
            Frames with the columns of `SCHEMA`.

        Raises:
            CorpusError: If the file is damaged, or a text is null.
        """
        sieve = Sieve(self.fields.errors, counts)
        found = dict(self.columns)
        query = pl.scan_parquet(self.path, glob=False, hive_partitioning=False)
        query = query.select(sorted(set(found.values())))
        at, rows = self.start, ROWS
        while at < self.stop:
            rows = min(rows, self.stop - at)
            try:
                table = query.slice(at, rows).collect()
                if table.height != rows:
                    raise CorpusError(  # noqa: TRY301  (joins what polars says of a damaged file)
                        f"{table.height} of {rows} rows are there"
                    )
            except (pl.exceptions.PolarsError, OSError, CorpusError) as error:
                sieve.reject(
                    DAMAGED_FILE,
                    f"{self.path}, rows {at + 1} to {at + rows}: the Parquet file is damaged or "
                    f"changed ({_first_line(error)}); fetch or write it again",
                    rows,
                )
                at += rows
                continue
            frame = tidy(table, found, self.fields, self.path, at + 1, sieve)
            yield frame
            at += rows
            average = max(1, int(frame["text"].str.len_bytes().sum()) // max(1, frame.height))
            rows = min(max(1, SLICE // average), 4 * rows, 65_536)


def open_parquet(path: str, label: str, file_size: int, fields: Fields) -> ParquetRows:
    """Read a Parquet file's footer and check its columns.

    Args:
        path: a local file.
        label: how made ids call it.
        file_size: its bytes.
        fields: the options.

    Returns:
        All rows of the file.

    Raises:
        CorpusError: If the file is no sound Parquet, holds no row, or lacks a column.

    Example:
        >>> open_parquet("reviews.parquet", "reviews.parquet", 9000, Fields())  # doctest: +SKIP
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(path)
        schema = pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_schema()
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise CorpusError(
            f"{path} cannot be read as Parquet: it may be truncated, or another format "
            f"({_first_line(error)}); fetch or write it again, or pass format="
        ) from error
    found = resolve_columns(list(schema), fields, path)
    check_types(schema, found, path)
    if footer.num_rows == 0:
        raise CorpusError(f"{path} has columns but no row; remove it from the corpus")
    used = set(found.values())
    total = 0
    for group in range(footer.num_row_groups):
        for number in range(footer.num_columns):
            chunk = footer.row_group(group).column(number)
            if chunk.path_in_schema in used:
                total += chunk.total_uncompressed_size
    return ParquetRows(
        path,
        label,
        file_size,
        fields,
        tuple(found.items()),
        0,
        footer.num_rows,
        total / footer.num_rows,
    )


@dataclass(frozen=True, eq=False)
class FrameRows:
    """Documents in memory.

    Attributes:
        frame: with the columns of `SCHEMA`.
    """

    frame: pl.DataFrame

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages of the documents, in order of appearance."""
        return tuple(self.frame["language"].drop_nulls().unique(maintain_order=True).to_list())

    @property
    def size(self) -> int:
        """Bytes of the texts."""
        return int(self.frame["text"].str.len_bytes().sum())

    def identity(self) -> str:
        """Return a hash of the documents."""
        content = ContentHash()
        content.update(self.frame)
        return content.hexdigest()

    def split(self, max_bytes: int) -> list[FrameRows]:
        """Cut into runs of documents of at most `max_bytes` of text, one document at least."""
        return [replace(self, frame=part) for part in rebatch([self.frame], max_bytes)]

    def frames(self, counts: Counter[str]) -> Iterator[pl.DataFrame]:  # noqa: ARG002  (a piece's face)
        """Yield the documents; nothing is left to skip."""
        yield self.frame


@dataclass(frozen=True, eq=False)
class QueryRows:
    """A lazy frame, or an address that polars reads; evaluated anew at each reading.

    Attributes:
        query: yields the source's columns; for JSON lines, one column of lines.
        where: what messages call it.
        fields: how a row becomes a document.
        columns: document column -> column of the query; empty for JSON lines.
        remote: whether a failure may be the network's.
        start: the first row, from 0.
        stop: the row after the last; None for the end.
        known_size: bytes of text, once a pass has counted them.
        content: the hash of the documents, once a pass has taken it.
    """

    query: pl.LazyFrame
    where: str
    fields: Fields
    columns: tuple[tuple[str, str], ...]
    remote: bool = False
    start: int = 0
    stop: int | None = None
    known_size: int | None = None
    content: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the texts; counting them may take a pass over the source."""
        if self.known_size is not None:
            return self.known_size
        return sum(int(frame["text"].str.len_bytes().sum()) for frame in self._sound())

    @property
    def languages(self) -> tuple[str, ...] | None:
        """The languages of the documents; None where that takes reading."""
        return self.fields.languages(column=not self.columns or "language" in dict(self.columns))

    def identity(self) -> str:
        """Return a hash of the documents; may take a pass over the source."""
        if self.content is not None:
            return self.content
        content = ContentHash()
        for frame in self._sound():
            content.update(frame)
        return content.hexdigest()

    def split(self, max_bytes: int) -> list[QueryRows]:
        """Cut into row ranges in one pass; each part runs the query again up to its rows."""
        parts: list[QueryRows] = []
        row = self.start
        at, size, content = row, 0, ContentHash()
        counts: Counter[str] = Counter()
        for batch, rows in self._read(counts):
            # Where rows were skipped, which row a document came from is no longer known.
            whole = batch.height == rows
            for frame in rebatch([batch], max_bytes) if whole else [batch]:
                bytes_here = int(frame["text"].str.len_bytes().sum())
                if size and size + bytes_here > max_bytes:
                    parts.append(self._part(at, row, size, content))
                    at, size, content = row, 0, ContentHash()
                content.update(frame)
                size += bytes_here
                row += frame.height if whole else rows
        return [*parts, self._part(at, row, size, content)]

    def frames(self, counts: Counter[str]) -> Iterator[pl.DataFrame]:
        """Yield the documents as the query gives them.

        Args:
            counts: takes what is skipped, by reason.

        Yields:
            Frames with the columns of `SCHEMA`.

        Raises:
            CorpusError: If the query fails, the network too, or a text is null.
        """
        for frame, _rows in self._read(counts):
            yield frame

    def _part(self, start: int, stop: int, size: int, content: ContentHash) -> QueryRows:
        return replace(self, start=start, stop=stop, known_size=size, content=content.hexdigest())

    def _sound(self) -> Iterator[pl.DataFrame]:
        return self.frames(Counter())

    def _read(self, counts: Counter[str]) -> Iterator[tuple[pl.DataFrame, int]]:
        """Yield documents and the number of source rows they came from."""
        sieve = Sieve(self.fields.errors, counts)
        found = dict(self.columns)
        query = self.query.select(sorted(set(found.values()))) if found else self.query
        if self.start or self.stop is not None:
            query = query.slice(self.start, None if self.stop is None else self.stop - self.start)
        row = self.start + 1
        batches = iter(query.collect_batches(chunk_size=ROWS, maintain_order=True, lazy=True))
        while True:
            with translated(self.where, remote=self.remote):
                table = next(batches, None)
            if table is None:
                return
            if found:
                yield tidy(table, found, self.fields, self.where, row, sieve), table.height
            else:
                lines: Sequence[str] = table.to_series().to_list()
                yield json_lines(lines, self.fields, self.where, row, sieve), table.height
            row += table.height


class translated:  # noqa: N801  (a context manager reads as a verb)
    """Turn what polars raises while it reads a query into a `CorpusError`.

    Args:
        where: the source, for the message.
        remote: whether the network may be the cause.

    Raises:
        CorpusError: In place of the error of polars or the system.

    Example:
        >>> with translated("s3://bucket/a.parquet", remote=True):
        ...     raise OSError("error sending request")
        Traceback (most recent call last):
        workbench.corpora.fields.CorpusError: s3://bucket/a.parquet cannot be read ...
    """

    def __init__(self, where: str, *, remote: bool) -> None:
        self.where, self.remote = where, remote

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, (pl.exceptions.PolarsError, OSError)):
            return
        remedy = (
            "is there a network, does the address exist, and may this account read it? Options "
            "such as keys and endpoints go into storage_options=; a downloaded copy needs none"
            if self.remote
            else "the query itself fails; collect it alone to see why"
        )
        raise CorpusError(
            f"{self.where} cannot be read ({_first_line(error)}): {remedy}"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def rebatch(
    frames: Iterator[pl.DataFrame] | list[pl.DataFrame], max_bytes: int
) -> Iterator[pl.DataFrame]:
    """Cut and join frames so that each holds at most `max_bytes` of text.

    Args:
        frames: with a column `text` without nulls.
        max_bytes: of UTF-8; a longer document comes alone.

    Yields:
        Frames of one document at least, in order. Rows are bounded too (one for each 64 bytes, but
        1,024 at least), so that a million empty texts do not come at once.

    Example:
        >>> frame = pl.DataFrame({"text": ["aa", "b", "cccc"]})
        >>> [part["text"].to_list() for part in rebatch([frame], 3)]
        [['aa', 'b'], ['cccc']]
    """
    most = max(1024, max_bytes // 64)
    pending: list[pl.DataFrame] = []
    size = rows = 0
    for frame in frames:
        ends = np.cumsum(frame["text"].str.len_bytes().to_numpy(), dtype=np.int64)
        start = 0
        while start < frame.height:
            before = int(ends[start - 1]) if start else 0
            stop = int(np.searchsorted(ends, before + max_bytes - size, side="right"))
            stop = min(stop, start + most - rows)
            if stop <= start and not pending:
                stop = start + 1
            if stop > start:
                pending.append(frame[start:stop])
                size += int(ends[stop - 1]) - before
                rows += stop - start
            if stop < frame.height:
                yield pl.concat(pending, rechunk=False)
                pending, size, rows = [], 0, 0
            start = max(start, stop)
    if pending:
        yield pl.concat(pending, rechunk=False)
