"""One shard of a corpus, counted under any number of tokenizers: the unit of work.

A shard is read once at most, its text statistics are computed once for all tokenizers, and each
part is kept in the cache under the shard's checksum, so that another metric, another tokenizer or a
second run repeats only what is new. The function `count_shard` is what travels to other processes
and machines; engines do not pickle, so each process builds its own and keeps it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.counting.cache import Arrays, Cache, array_text, text_array
from workbench.counting.counts import (
    BLOCKS,
    FIXED,
    Group,
    GroupCounts,
    TokenCounts,
    TokenHistogram,
    UIntArray,
    document_hash,
    group_order,
    smallest_documents,
    sum_histograms,
)
from workbench.counting.engines import engine_version, make_engine
from workbench.counting.plan import ALONE_STATISTICS, FrameShard, Plan, Shard
from workbench.counting.samples import (
    PROBE_CHARACTERS,
    CorpusSample,
    SampledDocument,
    smallest_texts,
    smallest_words,
    word_hash,
)
from workbench.counting.text_statistics import count_text, words_alone
from workbench.metrics._base import IntArray
from workbench.tokenizers.base import Tokenizer

PIECE = 16 << 20
"""Bytes of text encoded at a time."""

LARGEST = 48 << 20
"""A shard of more bytes (a compressed file, say) is read and counted in parts."""


@dataclass(frozen=True)
class ShardCounts:
    """What one shard gives.

    Attributes:
        counts: By tokenizer's name.
        sample: Of the text itself.
        size: Bytes of text.
        seconds: What it took, where it was counted.
    """

    counts: Mapping[str, TokenCounts]
    sample: CorpusSample
    size: int
    seconds: float


def count_shard(
    shard: Shard, jobs: tuple[tuple[Tokenizer, str], ...], plan: Plan, folder: Path | None
) -> ShardCounts:
    """Count a shard under every tokenizer.

    Args:
        shard: The shard.
        jobs: Each tokenizer with the engine chosen for it.
        plan: What to count.
        folder: The cache; None keeps nothing.

    Returns:
        The counts, the same to the bit wherever and how often this runs.
    """
    start = time.perf_counter()
    counts: dict[str, TokenCounts] = {}
    sample = CorpusSample(plan.sample, {}, {})
    size = 0
    for part in _parts(shard):
        # Another run on the same shard waits here, and then finds everything done.
        with Cache(folder).lock(hashlib.sha256(part.checksum.encode()).hexdigest()):
            work = _Work(part, Cache(folder, locked=True))
            text = {name: work.text(name) for name in plan.text}
            if plan.alone:
                text["alone_words"] = work.alone_words
            found = {job[0].name: work.count(job, plan, text) for job in jobs}
            sample = sample + work.sample(plan)
        for name, part_counts in found.items():
            counts[name] = counts[name] + part_counts if name in counts else part_counts
        size += int(text["bytes"].sum())
    return ShardCounts(counts, sample, size, time.perf_counter() - start)


def _parts(shard: Shard) -> Iterator[Shard]:
    """A shard in memory-sized parts: itself, unless it could not be cut small enough."""
    if getattr(shard, "size", 0) <= LARGEST or not hasattr(shard, "batches"):
        yield shard
        return
    for number, batch in enumerate(shard.batches(LARGEST)):
        yield FrameShard(f"{shard.name}, part {number}", f"{shard.checksum}/{number}", batch)


def tokens_of_words(
    tokenizer: Tokenizer, words: Sequence[str], engine: str = "library", folder: Path | None = None
) -> IntArray:
    """Into how many tokens each word falls, encoded alone.

    Args:
        tokenizer: The tokenizer.
        words: Words.
        engine: Which engine encodes.
        folder: The cache.

    Returns:
        int64, one number per word.
    """
    if not len(words):
        return np.empty(0, dtype=np.int64)
    return make_engine(tokenizer, engine, folder).encode(pl.Series(words))[1]


class _Work:
    """A shard in the making: everything lazy, so that what the cache has is not read again."""

    def __init__(self, shard: Shard, cache: Cache) -> None:
        self.shard = shard
        self.cache = cache

    def key(self, kind: str, **more: Any) -> dict[str, Any]:
        return {"kind": kind, "shard": self.shard.checksum, **more}

    @cached_property
    def frame(self) -> pl.DataFrame:
        frame = self.shard.read()
        missing = [c for c in ("doc_id", "text", "language", "domain") if c not in frame.columns]
        if missing:
            raise ValueError(f"shard {self.shard.name} lacks the columns {missing}")
        return frame

    @cached_property
    def _index(self) -> Arrays:
        """Documents in the order of group, half and block, so that sums are over stretches."""

        def compute() -> Arrays:
            frame = self.frame
            hashes = np.array([document_hash(d) for d in frame["doc_id"]], dtype=np.uint64)
            pairs = frame.select("language", "domain")
            groups = sorted(pairs.unique().rows(), key=group_order)
            place = {group: code for code, group in enumerate(groups)}
            codes = np.array([place[row] for row in pairs.iter_rows()], dtype=np.int64)
            block = (hashes % np.uint64(BLOCKS)).astype(np.int64)
            order = np.lexsort((block, block & 1, codes))
            names = np.frombuffer(json.dumps(groups).encode(), dtype=np.uint8)
            return {"order": order, "hashes": hashes[order], "codes": codes[order], "groups": names}

        return self.cache.get(self.key("documents"), compute)

    @cached_property
    def groups(self) -> list[Group]:
        return [(row[0], row[1]) for row in json.loads(self._index["groups"].tobytes())]

    @property
    def hashes(self) -> UIntArray:
        return self._index["hashes"]

    @cached_property
    def cells(self) -> IntArray:
        """Of each document, group * BLOCKS + block."""
        block = (self.hashes % np.uint64(BLOCKS)).astype(np.int64)
        return self._index["codes"] * BLOCKS + block

    @cached_property
    def texts(self) -> pl.Series:
        """The texts, sorted."""
        return self.frame["text"].gather(pl.Series(self._index["order"]))

    def text(self, statistic: str) -> IntArray:
        """A statistic of the text of each document."""
        key = self.key("text", statistic=statistic)
        return self.cache.get(key, lambda: {"n": count_text(self.texts, statistic)})["n"]

    @cached_property
    def words(self) -> pl.DataFrame:
        return words_alone(self.texts)

    @cached_property
    def alone_words(self) -> IntArray:
        def compute() -> Arrays:
            return {"n": self._by_document(self.words["times"].to_numpy())}

        return self.cache.get(self.key("alone words"), compute)["n"]

    def _by_document(self, values: IntArray) -> IntArray:
        out = np.zeros(len(self.hashes), dtype=np.int64)
        np.add.at(out, self.words["document"].to_numpy(), values)
        return out

    def count(
        self, job: tuple[Tokenizer, str], plan: Plan, text: Mapping[str, IntArray]
    ) -> TokenCounts:
        """The counts under one tokenizer."""
        tokenizer, name = job
        key = {"fingerprint": tokenizer.fingerprint, "engine": engine_version(tokenizer, name)}
        found = self.cache.get(self.key("tokens", **key), lambda: self._encode(job))
        documents = {**text, "tokens": found["tokens"], "unknown": found["unknown"]}
        if plan.alone:
            alone = self.cache.get(self.key("alone", **key), lambda: self._encode_alone(job))
            documents.update(alone)
        added = _added(tokenizer) if plan.add_special_tokens else []
        documents["tokens"] = documents["tokens"] + len(added)
        return self._assemble(tokenizer, plan, documents, found, added)

    def _encode(self, job: tuple[Tokenizer, str]) -> Arrays:
        """Tokens and unknown tokens of each document, and the histogram of each half group."""
        tokenizer, name = job
        engine = make_engine(tokenizer, name, self.cache.folder)
        parts: dict[int, list[TokenHistogram]] = {}
        lengths, unknown = [], []
        halves = self._index["codes"] * 2 + (self.cells & 1)
        for start, stop in _pieces(self.text("bytes")):
            flat, count = engine.encode(self.texts[start:stop])
            ends = np.cumsum(count)
            lengths.append(count)
            unknown.append(_occurrences(flat, ends, tokenizer.unk_id))
            inside = halves[start:stop]
            edges = [0, *(np.flatnonzero(np.diff(inside)) + 1).tolist(), stop - start]
            for first, last in pairwise(edges):
                low = ends[first - 1] if first else 0
                parts.setdefault(int(inside[first]), []).append(
                    histogram(flat[low : ends[last - 1]])
                )
        empty = TokenHistogram(np.empty(0, np.int64), np.empty(0, np.int64))
        done = [sum_histograms(parts.get(i, [empty])) for i in range(2 * len(self.groups))]
        return {
            "tokens": np.concatenate([np.empty(0, np.int64), *lengths]),
            "unknown": np.concatenate([np.empty(0, np.int64), *unknown]),
            "ids": np.concatenate([np.empty(0, np.int64), *(h.ids for h in done)]),
            "counts": np.concatenate([np.empty(0, np.int64), *(h.counts for h in done)]),
            "ends": np.cumsum([len(h.ids) for h in done], dtype=np.int64),
        }

    def _encode_alone(self, job: tuple[Tokenizer, str]) -> Arrays:
        tokenizer, name = job
        engine = make_engine(tokenizer, name, self.cache.folder)
        distinct = self.words["word"].unique(maintain_order=True)
        _, lengths = engine.encode(distinct)
        # Words are sorted, so runs of equal words number them in the order of `distinct`.
        run = (self.words["word"].rle_id()).to_numpy()
        each, times = lengths[run], self.words["times"].to_numpy()
        return {
            "alone_tokens": self._by_document(each * times),
            "alone_continued": self._by_document((each > 1) * times),
        }

    def _assemble(
        self,
        tokenizer: Tokenizer,
        plan: Plan,
        documents: dict[str, IntArray],
        found: Arrays,
        added: list[int],
    ) -> TokenCounts:
        wanted = {"documents", "bytes", "tokens", "unknown", *plan.text}
        wanted |= set(ALONE_STATISTICS) if plan.alone else set()
        for a, b in plan.ratios:
            top, bottom = documents[a], documents[b]
            share = np.divide(top, bottom, out=np.zeros(len(top)), where=bottom > 0)
            documents[f"mean:{a}/{b}"] = np.rint(share * FIXED).astype(np.int64)
            documents[f"count:{a}/{b}"] = (bottom > 0).astype(np.int64)
            wanted |= {f"mean:{a}/{b}", f"count:{a}/{b}"}
        blocks = {name: self._blocks(documents[name]) for name in sorted(wanted)}
        groups = {}
        for code, group in enumerate(self.groups):
            sums = {name: table[code] for name, table in blocks.items()}
            inside = self._index["codes"] == code
            halves = [self._half(found, 2 * code + odd, sums, added) for odd in (0, 1)]
            groups[group] = GroupCounts(
                sums,
                (halves[0], halves[1]),
                smallest_documents(self.hashes[inside], documents["tokens"][inside]),
            )
        return TokenCounts(
            tokenizer.name, tokenizer.fingerprint, tokenizer.vocab_size, groups, len(added)
        )

    def _blocks(self, values: IntArray) -> IntArray:
        """Sums by group and block: int64 (groups, BLOCKS), without a detour by floats."""
        out = np.zeros(len(self.groups) * BLOCKS, dtype=np.int64)
        if len(values):
            first = np.flatnonzero(np.r_[True, np.diff(self.cells) != 0])
            out[self.cells[first]] = np.add.reduceat(values, first)
        return out.reshape(len(self.groups), BLOCKS)

    def _half(
        self, found: Arrays, at: int, sums: Mapping[str, IntArray], added: list[int]
    ) -> TokenHistogram:
        ends = found["ends"]
        inside = slice(int(ends[at - 1]) if at else 0, int(ends[at]))
        half = TokenHistogram(found["ids"][inside], found["counts"][inside])
        documents = int(sums["documents"][at % 2 :: 2].sum())
        if not added or not documents:
            return half
        ids, times = np.unique(np.array(added, dtype=np.int64), return_counts=True)
        return half + TokenHistogram(ids, times.astype(np.int64) * documents)

    def sample(self, plan: Plan) -> CorpusSample:
        """What is kept of the text."""
        documents: dict[Group, tuple[SampledDocument, ...]] = {}
        words: dict[Group, tuple[tuple[int, str, int], ...]] = {}
        for code, group in enumerate(self.groups):
            if plan.sample:
                documents[group] = self._sample(code, plan.sample)
            if plan.word_types:
                words[group] = self._types(code)
        return CorpusSample(plan.sample, documents, words)

    def _sample(self, code: int, size: int) -> tuple[SampledDocument, ...]:
        rows = np.flatnonzero(self._index["codes"] == code)
        rows = rows[np.argsort(self.hashes[rows], kind="stable")]
        if len(rows) > size:  # ids that occur twice share a hash: the text decides between them
            rows = rows[self.hashes[rows] <= self.hashes[rows[size - 1]]]

        def compute() -> Arrays:
            texts = self.texts.gather(pl.Series(rows)).str.slice(0, PROBE_CHARACTERS).to_list()
            ids = self.frame["doc_id"].gather(pl.Series(self._index["order"][rows])).to_list()
            both = [*text_array(texts).values(), *text_array(ids).values()]
            return dict(zip(("data", "ends", "id_data", "id_ends"), both, strict=True))

        found = self.cache.get(self.key("sample", group=code, size=size), compute)
        texts = array_text(found["data"], found["ends"])
        ids = array_text(found["id_data"], found["id_ends"])
        hashes = self.hashes[rows].tolist()
        rows_of = zip(hashes, ids, texts, strict=True)
        return smallest_texts((SampledDocument(*row) for row in rows_of), size)

    def _types(self, code: int) -> tuple[tuple[int, str, int], ...]:
        def compute() -> Arrays:
            rows = pl.Series(np.flatnonzero(self._index["codes"] == code))
            total = (
                self.words.filter(pl.col("document").is_in(rows.implode()))
                .group_by("word")
                .agg(pl.col("times").sum())
            )
            kept = smallest_words((word_hash(w), w, n) for w, n in total.iter_rows())
            times = np.array([n for _, _, n in kept], dtype=np.int64)
            return {"times": times, **text_array([word for _, word, _ in kept])}

        found = self.cache.get(self.key("types", group=code), compute)
        words = array_text(found["data"], found["ends"])
        times = found["times"].tolist()
        return tuple((word_hash(w), w, n) for w, n in zip(words, times, strict=True))


def histogram(flat: npt.NDArray[Any]) -> TokenHistogram:
    """Count ids.

    Args:
        flat: Ids of any whole type, in any order.

    Returns:
        How often each occurs.
    """
    if not len(flat):
        return TokenHistogram(np.empty(0, np.int64), np.empty(0, np.int64))
    highest = int(flat.max())
    if highest >= 1 << 22 or len(flat) < highest >> 3:
        ids, counts = np.unique(flat, return_counts=True)
        return TokenHistogram(ids.astype(np.int64), counts.astype(np.int64))
    dense = np.zeros(highest + 1, dtype=np.int64)
    for start in range(0, len(flat), 1 << 20):
        # numpy makes a copy of eight bytes an id: a slice at a time keeps it small.
        dense += np.bincount(flat[start : start + (1 << 20)], minlength=highest + 1)
    ids = np.flatnonzero(dense)
    return TokenHistogram(ids, dense[ids])


def _occurrences(flat: npt.NDArray[Any], ends: IntArray, token_id: int | None) -> IntArray:
    """How often an id occurs in each document."""
    if token_id is None:
        return np.zeros(len(ends), dtype=np.int64)
    at = np.flatnonzero(flat == token_id)
    return np.bincount(np.searchsorted(ends, at, side="right"), minlength=len(ends))


def _pieces(sizes: IntArray) -> list[tuple[int, int]]:
    """Stretches of documents of about `PIECE` bytes; a bigger document stands alone."""
    if not len(sizes):
        return []
    number = np.cumsum(sizes) // PIECE
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(sizes)]
    return list(pairwise(edges))


def _added(tokenizer: Tokenizer) -> list[int]:
    """The ids that a tokenizer puts around a text."""
    bare, full = (Counter(tokenizer.encode("a", add_special_tokens=s)) for s in (False, True))
    return sorted((full - bare).elements())
