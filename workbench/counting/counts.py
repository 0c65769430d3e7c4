"""What a corpus looks like under a tokenizer, in numbers that add up.

Everything here is a whole number, or a set of the smallest hashes; both merge in any order and any
grouping to the same bits, so a corpus may be cut into shards at will and counted anywhere.

Documents fall into `BLOCKS` blocks by a hash of their id. A bootstrap resamples blocks, so its
memory does not grow with the corpus; and since parallel sentences share their id over languages and
tokenizers, they share their block, which is what makes resampling them jointly possible.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.metrics._base import Histogram, IntArray

BLOCKS = 1024
"""How many blocks the documents of a corpus are hashed into."""

SAMPLED_DOCUMENTS = 8192
"""How many documents a group keeps one by one, for the pairing of parallel sentences."""

FIXED = 1 << 32
"""Ratios of documents are summed as whole multiples of 1 / FIXED: floats would not add up to the
same bits in every order. The sum of a block may reach two thousand million."""

UIntArray = npt.NDArray[np.uint64]
Group = tuple[str | None, str | None]
"""A group of documents as counted: (language, domain)."""


def document_hash(doc_id: str) -> int:
    """A stable 64-bit hash of a document's id, the same in every process and on every machine.

    Args:
        doc_id: As the corpus gives it.

    Returns:
        A number below 2^64; its last ten bits are the block.

    Example:
        >>> document_hash("01") % BLOCKS
        684
    """
    return int.from_bytes(hashlib.blake2b(doc_id.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, eq=False)
class TokenHistogram:
    """How often each token occurs, only those that do.

    Attributes:
        ids: int64 (n,), sorted.
        counts: int64 (n,), positive.
    """

    ids: IntArray
    counts: IntArray

    def __add__(self, other: TokenHistogram) -> TokenHistogram:
        return sum_histograms([self, other])


def sum_histograms(parts: Iterable[TokenHistogram]) -> TokenHistogram:
    """One histogram of many.

    Args:
        parts: Any number, none included.

    Returns:
        Their sum.
    """
    several = list(parts)
    if len(several) == 1:
        return several[0]
    ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in several)])
    counts = np.concatenate([np.empty(0, np.int64), *(part.counts for part in several)])
    if not len(ids):
        return TokenHistogram(ids, counts)
    order = np.argsort(ids, kind="stable")
    ids, counts = ids[order], counts[order]
    first = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    return TokenHistogram(ids[first], np.add.reduceat(counts, first))


@dataclass(frozen=True, eq=False)
class DocumentSample:
    """Token counts of the documents with the smallest hashes, at most `SAMPLED_DOCUMENTS`.

    The choice depends on the ids alone, so parallel corpora keep the same sentences in every
    language and under every tokenizer.

    Attributes:
        hashes: uint64 (n,), sorted.
        tokens: int64 (n,), in the order of `hashes`, then by size.
    """

    hashes: UIntArray
    tokens: IntArray

    def __add__(self, other: DocumentSample) -> DocumentSample:
        return smallest_documents(
            np.concatenate([self.hashes, other.hashes]),
            np.concatenate([self.tokens, other.tokens]),
        )


def smallest_documents(hashes: UIntArray, tokens: IntArray) -> DocumentSample:
    """The documents with the smallest hashes.

    Args:
        hashes: uint64 (n,).
        tokens: int64 (n,).

    Returns:
        At most `SAMPLED_DOCUMENTS` of them, sorted.
    """
    order = np.lexsort((tokens, hashes))[:SAMPLED_DOCUMENTS]
    return DocumentSample(hashes[order], tokens[order])


@dataclass(frozen=True, eq=False)
class GroupCounts:
    """The counts of one group of documents.

    Attributes:
        sums: By statistic, int64 (BLOCKS,): the sum over the documents of each block.
        halves: The histograms of the even and of the odd blocks.
        documents: Token counts of single documents.
    """

    sums: Mapping[str, IntArray]
    halves: tuple[TokenHistogram, TokenHistogram]
    documents: DocumentSample

    @property
    def histogram(self) -> TokenHistogram:
        """Of all tokens of the group."""
        return self.halves[0] + self.halves[1]

    def total(self, statistic: str) -> int:
        """The sum of a statistic over all documents.

        Args:
            statistic: A key of `sums`; ``mean:a/b`` is in units of 1 / FIXED.

        Returns:
            A whole number.
        """
        return int(self.sums[statistic].sum())

    def __add__(self, other: GroupCounts) -> GroupCounts:
        if self.sums.keys() != other.sums.keys():
            raise ValueError(
                f"counts of different statistics do not add up: {sorted(self.sums)} and "
                f"{sorted(other.sums)}; count both with the same statistics"
            )
        return GroupCounts(
            {name: self.sums[name] + other.sums[name] for name in self.sums},
            (self.halves[0] + other.halves[0], self.halves[1] + other.halves[1]),
            self.documents + other.documents,
        )


@dataclass(frozen=True, eq=False)
class TokenCounts:
    """What every metric over a corpus needs, under one tokenizer.

    Merging is associative and commutative to the bit: ``a + b == b + a`` and
    ``(a + b) + c == a + (b + c)``.

    Attributes:
        tokenizer: Its name.
        fingerprint: Of its definition.
        declared: Size of its vocabulary; None where it is open.
        groups: Counts by (language, domain), in the order of the keys.
        added: Special tokens that each document carries; 0 unless asked for.
    """

    tokenizer: str
    fingerprint: str
    declared: int | None
    groups: Mapping[Group, GroupCounts]
    added: int = 0

    def __add__(self, other: TokenCounts) -> TokenCounts:
        if (self.fingerprint, self.added) != (other.fingerprint, other.added):
            raise ValueError(
                f"counts under {self.tokenizer!r} and {other.tokenizer!r} are of different "
                "tokenizers, or of different policies on special tokens: they do not add up"
            )
        keys = sorted({*self.groups, *other.groups}, key=group_order)
        return replace(self, groups={key: _either(self.groups, other.groups, key) for key in keys})

    def by(self, name: Callable[[Group], str]) -> dict[str, GroupCounts]:
        """Counts of coarser groups.

        Args:
            name: The name of the group that a (language, domain) belongs to.

        Returns:
            Counts by name, in the order of first appearance.
        """
        out: dict[str, GroupCounts] = {}
        for key, counts in self.groups.items():
            label = name(key)
            out[label] = out[label] + counts if label in out else counts
        return out

    @property
    def total(self) -> GroupCounts:
        """Counts of the whole corpus.

        Raises:
            ValueError: If there are no documents at all.
        """
        if not self.groups:
            raise ValueError(
                f"nothing was counted under {self.tokenizer!r}: there are no documents"
            )
        return reduce(GroupCounts.__add__, self.groups.values())

    def histogram(self, counts: GroupCounts, tokenizer: Any = None) -> Histogram:
        """The histogram of a group, in the form metrics read.

        Args:
            counts: Of a group of these counts.
            tokenizer: The live tokenizer, for metrics that look at what tokens are.

        Returns:
            The histogram.
        """
        whole = counts.histogram
        return Histogram(whole.ids, whole.counts, self.declared, tokenizer)

    def digest(self) -> str:
        """SHA-256 over every number here: equal exactly when the counts are."""
        out = hashlib.sha256(repr((self.fingerprint, self.declared, self.added)).encode())
        for key, group in self.groups.items():
            out.update(repr((key, sorted(group.sums))).encode())
            arrays: list[npt.NDArray[Any]] = [group.sums[name] for name in sorted(group.sums)]
            for half in group.halves:
                arrays += [half.ids, half.counts]
            arrays += [group.documents.hashes, group.documents.tokens]
            for array in arrays:
                out.update(f"{array.dtype}{array.shape}".encode())
                out.update(np.ascontiguousarray(array).tobytes())
        return out.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TokenCounts):
            return NotImplemented
        return self.digest() == other.digest()

    __hash__ = None  # type: ignore[assignment]  # equal by value, and holds arrays


def _either(
    a: Mapping[Group, GroupCounts], b: Mapping[Group, GroupCounts], key: Group
) -> GroupCounts:
    if key in a and key in b:
        return a[key] + b[key]
    return a[key] if key in a else b[key]


def group_order(key: Group) -> tuple[tuple[bool, str], ...]:
    """Sort groups by name, those without a name first.

    Args:
        key: (language, domain).

    Returns:
        A key for `sorted`.
    """
    return tuple((part is not None, part or "") for part in key)
