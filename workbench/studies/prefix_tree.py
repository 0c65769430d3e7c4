"""The prefix tree of a vocabulary's bytes, held as a sorted list."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


class PrefixTree:
    """The entries of a vocabulary in byte order: each subtree of the tree is one slice.

    Args:
        entries: Bytes by token id; entries without bytes are left out.

    Raises:
        ValueError: When no entry has bytes.

    >>> tree = PrefixTree({0: b"A", 1: b"B", 2: b"AA"})
    >>> tree.starting_with(b"A").tolist(), tree.inside(b"AAB", 0)
    ([0, 2], [(1, 0), (2, 2)])
    """

    def __init__(self, entries: Mapping[int, bytes]) -> None:
        pairs = sorted((data, token) for token, data in entries.items() if data)
        if not pairs:
            raise ValueError("A vocabulary without a single byte cannot spell anything.")
        self._keys = [data for data, _ in pairs]
        self._ids = np.array([token for _, token in pairs], dtype=np.int64)
        self._longest = max(map(len, self._keys))
        self._by_bytes: dict[bytes, list[int]] = {}
        for data, token in pairs:
            self._by_bytes.setdefault(data, []).append(token)
        self._next: dict[bytes, tuple[NDArray[np.int64], NDArray[np.uint8]]] = {}

    def _slice(self, prefix: bytes) -> tuple[int, int]:
        low = bisect_left(self._keys, prefix)
        above = prefix.rstrip(b"\xff")  # the next key in order after everything with the prefix
        if not above:
            return low, len(self._keys)
        return low, bisect_left(self._keys, above[:-1] + bytes([above[-1] + 1]))

    def first_reaching(self, end: int) -> int:
        """The first place from which an entry can reach a place, whatever the bytes between."""
        return max(0, end - self._longest)

    def starting_with(self, prefix: bytes) -> NDArray[np.int64]:
        """Ids of the entries that begin with a prefix, in byte order."""
        low, high = self._slice(prefix)
        return self._ids[low:high]

    def beyond(self, prefix: bytes) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Ids of the entries longer than the prefix they begin with, and the byte after it."""
        if prefix not in self._next:
            low, high = self._slice(prefix)
            size = len(prefix)
            rows = [i for i in range(low, high) if len(self._keys[i]) > size]
            after = np.array([self._keys[i][size] for i in rows], dtype=np.uint8)
            if len(self._next) > 512:
                self._next.clear()
            self._next[prefix] = (self._ids[rows], after)
        return self._next[prefix]

    def inside(self, string: bytes, at: int) -> list[tuple[int, int]]:
        """Entries that fit into the string at a place: where each ends, and its id."""
        out = []
        for end in range(at + 1, min(len(string), at + self._longest) + 1):
            out += [(end, token) for token in self._by_bytes.get(string[at:end], ())]
        return out
