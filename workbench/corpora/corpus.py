"""`Corpus`: lazy documents that say what they are."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from workbench.corpora.fields import SCHEMA, CorpusError, near
from workbench.corpora.passes import count, draw
from workbench.corpora.shards import BATCH, Piece, Selection, Shard, batches_of, together
from workbench.corpora.tables import FrameRows

SHARD = 64 << 20
"""Bytes of a shard, unless asked otherwise."""

FEW = 1 << 20
"""Bytes of text in a batch where only the first documents are wanted."""

SMALL = 64 << 20
"""A corpus of at most so many bytes is counted when it is shown; a larger one only when asked."""

TOO_FEW = 200
"""Documents of a language under which a ranking of languages is called a demonstration."""


class Corpus:
    """Lazy documents with the columns `doc_id`, `text`, `language` and `domain`.

    Made by `load_corpus`. Nothing is read before it is asked for, and then in bounded memory.

    Attributes:
        name: what reports call it.
        kind: "bundled", "installed", "files", "frame", "query" or "remote".
        source: where the text comes from, in words.
        licence: of the text; None where the user alone knows.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        pieces: Iterable[Piece],
        *,
        source: str = "",
        licence: str | None = None,
        note: str = "",
        demonstration: bool | None = None,
        skipped: Mapping[str, int] | None = None,
        selection: Selection | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.source = source
        self.licence = licence
        self.pieces = tuple(pieces)
        self.selection = selection or Selection()
        self._note = note
        self._demonstration = demonstration
        self._found = dict(skipped or {})
        self._skipped: dict[str, int] | None = None
        self._summary: pl.DataFrame | None = None
        self._checksum: str | None = None

    # What it holds ---------------------------------------------------------------------------

    def batches(
        self, max_bytes: int = BATCH, *, skipped: Counter[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yield all documents, in order, in frames of at most `max_bytes` of text.

        Args:
            max_bytes: of UTF-8; a longer document comes alone.
            skipped: takes what is left out under `errors="skip"`, by reason.

        Yields:
            Frames with `doc_id`, `text`, `language`, `domain`; never empty.

        Raises:
            CorpusError: If the source cannot be read, holds what is no document, or holds nothing
                of the chosen language or domain.

        Example:
            >>> from workbench.corpora import load_corpus
            >>> corpus = load_corpus(pl.DataFrame({"text": ["one", "two", "three"]}))
            >>> [batch["text"].to_list() for batch in corpus.batches(max_bytes=6)]
            [['one', 'two'], ['three']]
        """
        counts: Counter[str] = Counter() if skipped is None else skipped
        before = Counter(counts)
        empty = True
        for batch in batches_of(self.pieces, self.selection, max_bytes, counts):
            empty = False
            yield batch
        self._skipped = dict(counts - before)
        if empty:
            raise CorpusError(self._why_empty())

    def scan(self) -> pl.LazyFrame:
        """Return the documents as a polars scan.

        Returns:
            A lazy frame with `doc_id`, `text`, `language`, `domain`. It reads in batches when it
            is collected; filters and column choices are applied batch by batch. An error of the
            source arrives as polars' ComputeError with the same sentence.

        Example:
            >>> from workbench.corpora import load_corpus
            >>> corpus = load_corpus(pl.DataFrame({"text": ["one", "two"]}))
            >>> corpus.scan().filter(pl.col("text") == "two").collect()["doc_id"].to_list()
            ['2']
        """
        from polars.io.plugins import register_io_source

        def read(
            columns: list[str] | None,
            predicate: pl.Expr | None,
            rows: int | None,
            _size: int | None,
        ) -> Iterator[pl.DataFrame]:
            left = rows
            for batch in self.batches(BATCH if rows is None else FEW):
                frame = batch if left is None else batch.head(left)
                left = None if left is None else left - frame.height
                if predicate is not None:
                    frame = frame.filter(predicate)
                yield frame if columns is None else frame.select(columns)
                if left is not None and left <= 0:
                    return

        return register_io_source(read, schema=SCHEMA)

    def head(self, n: int = 5) -> pl.DataFrame:
        """Return the first `n` documents, reading no further than it must.

        Example:
            >>> from workbench.corpora import load_corpus
            >>> load_corpus(pl.DataFrame({"text": ["one", "two"]})).head(1)["text"].to_list()
            ['one']
        """
        kept: list[pl.DataFrame] = []
        left = n
        for batch in self.batches(FEW):
            kept.append(batch.head(left))
            left -= kept[-1].height
            if left <= 0:
                break
        return together(iter(kept))

    def shards(self, max_bytes: int = SHARD) -> list[Shard]:
        """Cut the corpus into parts for other processes or machines.

        Big files are cut into ranges of whole records, small ones are joined. A compressed file
        cannot be entered in the middle and stays one shard.

        Args:
            max_bytes: what a shard should not exceed; a longer document is a shard of its own.

        Returns:
            Shards that are disjoint and together hold every document, in order.

        Raises:
            CorpusError: If a file cannot be read.

        Example:
            >>> from workbench.corpora import load_corpus
            >>> shards = load_corpus("parallel").shards(max_bytes=50_000)
            >>> sum(shard.read().height for shard in shards) == 40 * 31
            True
        """
        if max_bytes < 1:
            raise CorpusError(f"max_bytes is {max_bytes}; a shard holds one byte at least")
        groups: list[list[Piece]] = []
        size = 0
        for piece in self.pieces:
            with self._guarded():
                parts = piece.split(max_bytes)
            for part in parts:
                if not groups or size + part.size > max_bytes:
                    groups.append([])
                    size = 0
                groups[-1].append(part)
                size += part.size
        made = []
        for number, group in enumerate(groups):
            with self._guarded():
                checksum = _checksum(group, self.selection)
            made.append(
                Shard(
                    f"{self.name}-{number:05d}-of-{len(groups):05d}",
                    checksum,
                    sum(part.size for part in group),
                    tuple(group),
                    self.selection,
                )
            )
        return made

    # A part of it ----------------------------------------------------------------------------

    def filter(
        self,
        *,
        language: str | Iterable[str] | None = None,
        domain: str | Iterable[str] | None = None,
    ) -> Corpus:
        """Keep the documents of some languages or domains.

        Args:
            language: a value of the column, or several.
            domain: the same for `domain`.

        Returns:
            A corpus, as lazy as this one.

        Raises:
            CorpusError: If the corpus is known to hold no such language; where that takes reading,
                reading raises it.

        Example:
            >>> from workbench.corpora import load_corpus
            >>> load_corpus("parallel").filter(language="deu_Latn").languages
            ('deu_Latn',)
        """
        languages = _values(language, self.selection.languages, "language")
        domains = _values(domain, self.selection.domains, "domain")
        known = self._known_languages()
        pieces = self.pieces
        if languages is not None:
            if known is not None and (unknown := [one for one in languages if one not in known]):
                raise CorpusError(
                    f"{self.name} has no language {unknown[0]!r}: {near(unknown[0], known)}"
                )
            pieces = tuple(
                piece
                for piece in pieces
                if piece.languages is None or set(piece.languages) & set(languages)
            )
        return Corpus(
            self.name,
            self.kind,
            pieces,
            source=self.source,
            licence=self.licence,
            note=self._note,
            demonstration=self._demonstration,
            skipped=self._found,
            selection=Selection(languages, domains),
        )

    def sample(self, n: int, seed: int) -> Corpus:
        """Draw `n` documents without replacement, in one pass and bounded memory.

        A document is drawn by a hash of the seed and its `doc_id`, so the draw does not depend on
        order, batches or shards. Documents that share a `doc_id` are drawn together: of a parallel
        corpus come `n` sentences in every language.

        Args:
            n: how many ids; all, where there are fewer.
            seed: the same seed draws the same documents.

        Returns:
            A corpus held in memory, in the order of this one.

        Raises:
            CorpusError: If `n` is below 1.

        Example:
            >>> from workbench.corpora import load_corpus
            >>> small = load_corpus("parallel").sample(3, seed=1)
            >>> small.summary()["documents"].unique().to_list()
            [3]
        """
        if n < 1:
            raise CorpusError(f"a sample holds one document at least, not {n}")
        return Corpus(
            f"{self.name} (sample of {n}, seed {seed})",
            "frame",
            [FrameRows(draw(self.batches(), n, seed))],
            source=self.source,
            licence=self.licence,
            note=self._note,
            demonstration=True if self._demonstration else None,
            skipped=self.skipped,
        )

    # What it says of itself ------------------------------------------------------------------

    @property
    def checksum(self) -> str:
        """SHA-256 over the content and how it is read; for files, over their bytes."""
        if self._checksum is None:
            with self._guarded():
                self._checksum = _checksum(self.pieces, self.selection)
        return self._checksum

    @property
    def size(self) -> int:
        """Bytes, as stored for files and of the texts for frames; before any filter."""
        return sum(piece.size for piece in self.pieces)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, sorted where they had to be read; may take a pass over the source."""
        known = self._known_languages()
        if known is not None and self.selection.domains is None:
            return tuple(known)
        found = self.summary()["language"].drop_nulls().unique().sort()
        return tuple(found.to_list())

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains, sorted; may take a pass over the source."""
        return tuple(self.summary()["domain"].drop_nulls().unique().sort().to_list())

    @property
    def skipped(self) -> dict[str, int]:
        """How much was left out, by reason; counting it may take a pass over the source."""
        if self._skipped is None and self.may_skip():
            with contextlib.suppress(CorpusError):  # nothing may be left; the count tells why
                self.summary()
        return dict(sorted((Counter(self._found) + Counter(self._skipped or {})).items()))

    @property
    def demonstration(self) -> bool:
        """Whether this is too small to rank languages by.

        So are the bundled texts, and any corpus of several languages of which one has under 200
        documents (a convention of this project). A corpus of over 64 MB is not counted for it.
        """
        if self._demonstration is not None:
            return self._demonstration
        return bool(self._few())

    @property
    def note(self) -> str:
        """What to know before quoting a number from this corpus; empty where there is nothing."""
        few = [] if self._demonstration is not None else self._few()
        return " ".join(one for one in (self._note, *few) if one)

    def summary(self) -> pl.DataFrame:
        """Count the documents of each language and domain in one pass; kept for later.

        Returns:
            `language`, `domain`, `documents`, `bytes` (UTF-8 of the texts), `characters` (code
            points), sorted.

        Raises:
            CorpusError: As `batches`.

        Example:
            >>> from workbench.corpora import load_corpus
            >>> load_corpus(pl.DataFrame({"text": ["é", "a"]})).summary().row(0)
            (None, None, 2, 3, 2)
        """
        if self._summary is None:
            self._summary = count(self.batches())
        return self._summary

    def __repr__(self) -> str:
        from workbench.corpora.display import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from workbench.corpora.display import as_html

        return as_html(self)

    # Inside ----------------------------------------------------------------------------------

    def counted(self) -> bool:
        """Whether what is shown is known, or small enough to count now."""
        return self._summary is not None or (self._cheap_size() <= SMALL)

    def _cheap_size(self) -> int:
        """Bytes, or more than `SMALL` where counting them would run a query."""
        return SMALL + 1 if self.kind in {"query", "remote"} else self.size

    def may_skip(self) -> bool:
        """Whether reading may leave something out, which only a pass can count."""
        options = [getattr(piece, "fields", None) for piece in self.pieces]
        return any(one and (one.errors == "skip" or one.blank_lines == "skip") for one in options)

    def _known_languages(self) -> list[str] | None:
        """Return the languages in the order of the pieces, where no reading is needed for that."""
        known: dict[str, None] = {}
        for piece in self.pieces:
            if piece.languages is None:
                return None
            known.update(dict.fromkeys(piece.languages))
        chosen = self.selection.languages
        return [one for one in known if chosen is None or one in chosen]

    def _few(self) -> list[str]:
        if not self.counted():
            return []
        known = self._known_languages()
        if known is not None and len(known) < 2:
            return []
        each = (
            self.summary()
            .drop_nulls("language")
            .group_by("language")
            .agg(pl.col("documents").sum())
        )
        each = each.sort("documents", "language")
        if each.height < 2 or each.item(0, "documents") >= TOO_FEW:
            return []
        few = f"{each.item(0, 'documents')} documents in {each.item(0, 'language')}"
        return [f"{each.height} languages, {few}: a demonstration, not a ranking of languages."]

    def _why_empty(self) -> str:
        chosen = [
            f"{name} {' or '.join(map(repr, values))}"
            for name, values in (
                ("language", self.selection.languages),
                ("domain", self.selection.domains),
            )
            if values is not None
        ]
        what = f" with {' and '.join(chosen)}" if chosen else ""
        skipped = Counter(self._found) + Counter(self._skipped or {})
        seen = "; skipped: " + ", ".join(f"{k}: {v}" for k, v in skipped.items()) if skipped else ""
        remedy = "look at .summary() of the whole corpus" if chosen else "choose another source"
        return f"{self.name} holds no document{what}{seen}; {remedy}"

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CorpusError(
                f"{self.name}: a file cannot be read ({error}); is it still there?"
            ) from error


def _checksum(pieces: Iterable[Piece], selection: Selection) -> str:
    parts = [piece.identity() for piece in pieces]
    chosen = {"languages": selection.languages, "domains": selection.domains}
    spelt = json.dumps({"pieces": parts, **chosen}, sort_keys=True)
    return hashlib.sha256(spelt.encode()).hexdigest()


def _values(
    asked: str | Iterable[str] | None, before: tuple[str, ...] | None, name: str
) -> tuple[str, ...] | None:
    if asked is None:
        return before
    values = (asked,) if isinstance(asked, str) else tuple(dict.fromkeys(asked))
    if not values:
        raise CorpusError(f"filter({name}=[]) would keep nothing; name at least one {name}")
    if before is None:
        return values
    gone = [one for one in values if one not in before]
    if gone:
        raise CorpusError(
            f"{name} {gone[0]!r} was filtered out before; what is left: {', '.join(before)}"
        )
    return values
