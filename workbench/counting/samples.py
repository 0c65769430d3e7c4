"""What is kept of the text itself: a few documents for probes, and word types.

Those of the smallest hashes are kept, so a sample does not depend on the order of anything, and
parallel documents are kept together in every language.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.counting.counts import Group, group_order

PROBE_CHARACTERS = 10_000
"""Documents handed to probes are cut to so many characters."""

WORD_TYPES = 20_000
"""How many word types a group keeps: all, or those of the smallest hashes."""


@dataclass(frozen=True)
class SampledDocument:
    """A document kept for probes; those of the smallest hashes are.

    Attributes:
        hash: Of its id; the order of the sample and the seed of its noise.
        doc_id: As the corpus gives it.
        text: Its first `PROBE_CHARACTERS` characters.
    """

    hash: int
    doc_id: str
    text: str


@dataclass(frozen=True)
class CorpusSample:
    """What is kept of the text itself, group by group; merges like counts do.

    Attributes:
        size: Most documents of a group.
        documents: By group, sorted by hash.
        words: By group, word types with their occurrences, sorted by hash.
    """

    size: int
    documents: Mapping[Group, tuple[SampledDocument, ...]]
    words: Mapping[Group, tuple[tuple[int, str, int], ...]]

    def __add__(self, other: CorpusSample) -> CorpusSample:
        assert self.size == other.size
        documents = {
            key: smallest_texts(
                [*self.documents.get(key, ()), *other.documents.get(key, ())], self.size
            )
            for key in sorted({*self.documents, *other.documents}, key=group_order)
        }
        words = {
            key: smallest_words([*self.words.get(key, ()), *other.words.get(key, ())])
            for key in sorted({*self.words, *other.words}, key=group_order)
        }
        return CorpusSample(self.size, documents, words)


def smallest_texts(documents: Iterable[SampledDocument], size: int) -> tuple[SampledDocument, ...]:
    """The documents of the smallest hashes.

    Args:
        documents: Any number.
        size: How many to keep.

    Returns:
        At most `size` of them, sorted.
    """
    return tuple(heapq.nsmallest(size, documents, key=lambda d: (d.hash, d.doc_id, d.text)))


def smallest_words(words: Iterable[tuple[int, str, int]]) -> tuple[tuple[int, str, int], ...]:
    """The word types of the smallest hashes, the occurrences of each added up.

    A word that is among the smallest of the whole is among the smallest of every part that holds
    it, so its occurrences are exact whatever the order of merging.

    Args:
        words: (hash, word, occurrences), a word any number of times.

    Returns:
        At most `WORD_TYPES` of them, sorted.
    """
    total: Counter[tuple[int, str]] = Counter()
    for hashed, word, times in words:
        total[hashed, word] += times
    kept = heapq.nsmallest(WORD_TYPES, total)
    return tuple((hashed, word, total[hashed, word]) for hashed, word in kept)


def word_hash(word: str) -> int:
    """A stable 64-bit hash of a word, the order of the sample of word types.

    Args:
        word: A word.

    Returns:
        A number below 2^64.
    """
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
