"""Every entry of a vocabulary at once: ids, spellings, bytes, text, and indexes over them."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from functools import cached_property

import numpy as np
import numpy.typing as npt

from workbench.tokenizers import Tokenizer, TokenizerError

_KEPT = 8
_tables: OrderedDict[str, Entries] = OrderedDict()


class Entries:
    """The vocabulary of a tokenizer as columns, with the indexes that look-ups need.

    Attributes:
        tokenizer: whose vocabulary it is.
        ids: declared ids in order.
        pieces: each entry as the vocabulary spells it.
        data: the bytes each entry stands for.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        if tokenizer.vocab_size is None:
            raise TokenizerError(
                f"{tokenizer.name!r} has an open vocabulary: there is no list of its entries. "
                "Use a tokenizer with a closed one"
            )
        self.tokenizer = tokenizer
        self.ids = tokenizer.ids()
        self.pieces = [tokenizer.piece(number) for number in self.ids]
        self.data = [tokenizer.token_bytes(number) for number in self.ids]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def place(self) -> dict[int, int]:
        """Where each id stands in the columns."""
        return {number: index for index, number in enumerate(self.ids)}

    @cached_property
    def texts(self) -> list[str | None]:
        """Each entry's text, None where its bytes are not whole UTF-8."""
        found: list[str | None] = []
        for data in self.data:
            try:
                found.append(data.decode())
            except UnicodeDecodeError:
                found.append(None)
        return found

    @cached_property
    def by_bytes(self) -> dict[bytes, list[int]]:
        """Ids by the bytes they stand for; special tokens are left out, since they are no text."""
        special = self.tokenizer.special_ids
        found: dict[bytes, list[int]] = {}
        for number, data in zip(self.ids, self.data, strict=True):
            if number not in special:
                found.setdefault(data, []).append(number)
        return found

    @cached_property
    def _forward(self) -> list[tuple[bytes, int]]:
        return sorted(zip(self.data, self.ids, strict=True))

    @cached_property
    def _backward(self) -> list[tuple[bytes, int]]:
        return sorted(
            (data[::-1], number) for data, number in zip(self.data, self.ids, strict=True)
        )

    def starting_with(self, data: bytes, limit: int) -> list[int]:
        """Ids of longer entries that begin with these bytes, shortest first."""
        return self._extending(self._forward, data, limit)

    def ending_with(self, data: bytes, limit: int) -> list[int]:
        """Ids of longer entries that end with these bytes, shortest first."""
        return self._extending(self._backward, data[::-1], limit)

    @staticmethod
    def _extending(table: list[tuple[bytes, int]], data: bytes, limit: int) -> list[int]:
        if not data:
            return []
        start = bisect_left(table, (data, -1))
        found: list[tuple[int, int]] = []
        for other, number in table[start:]:
            if not other.startswith(data):
                break
            if len(other) > len(data):
                found.append((len(other), number))
        return [number for _, number in sorted(found)[:limit]]

    @cached_property
    def _points(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Places, lengths and code points (padded) of the entries that are text, for distances."""
        places = [index for index, text in enumerate(self.texts) if text]
        bare = [_bare(self.texts[index] or "") for index in places]
        lengths = np.array([len(text) for text in bare], dtype=np.int64)
        width = min(int(lengths.max(initial=1)), 40)
        points = np.zeros((len(bare), width), dtype=np.int32)
        for row, text in enumerate(bare):
            cut = text[:width]
            points[row, : len(cut)] = np.frombuffer(cut.encode("utf-32-le"), dtype=np.int32)
        return np.array(places, dtype=np.int64), lengths, points

    def nearest(self, text: str, limit: int, *, farthest: int = 6) -> list[tuple[int, int]]:
        """(id, edit distance) of the nearest entries; a leading space does not count.

        Distances are counted in characters (insert, delete, replace); ties go to the entry with
        the same leading space, then to the lower id.
        """
        query = _bare(text)
        places, lengths, points = self._points
        # Nothing farther than replacing every character of the query is near.
        bound = min(farthest, max(2, len(query)))
        near = np.flatnonzero(
            (np.abs(lengths - len(query)) <= bound) & (lengths <= points.shape[1])
        )
        distances = edit_distances(query, points[near], lengths[near])
        spaced = text.startswith(" ")
        ranked = sorted(
            (int(distance), (self.data[place][:1] == b" ") != spaced, self.ids[place])
            for distance, place in zip(distances, places[near].tolist(), strict=True)
            if distance <= bound
        )
        return [(number, distance) for distance, _, number in ranked[:limit]]


def _bare(text: str) -> str:
    return text[1:] if len(text) > 1 and text[0] == " " else text


def edit_distances(
    query: str, points: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Levenshtein distances of one string to many, computed for all at once.

    Args:
        query: the string.
        points: code points of the others, shape ``(others, width)``, padded.
        lengths: characters of each, shape ``(others,)``, at most ``width``.

    Returns:
        Distances, shape ``(others,)``.

    Example:
        >>> points = np.array([[ord(c) for c in "kitten"]], dtype=np.int32)
        >>> edit_distances("sitting", points, np.array([6])).tolist()
        [3]
    """
    count = len(points)
    width = int(lengths.max(initial=0))
    before = np.broadcast_to(np.arange(width + 1), (count, width + 1)).astype(np.int64)
    for row, character in enumerate(query, 1):
        here = np.empty_like(before)
        here[:, 0] = row
        replaced = before[:, :-1] + (points[:, :width] != ord(character))
        for column in range(1, width + 1):
            np.minimum(here[:, column - 1], before[:, column], out=here[:, column])
            here[:, column] += 1
            np.minimum(here[:, column], replaced[:, column - 1], out=here[:, column])
        before = here
    distances: npt.NDArray[np.int64] = before[np.arange(count), lengths]
    return distances


def entries_of(tokenizer: Tokenizer) -> Entries:
    """The entries of a tokenizer, read once and kept while it is in use."""
    key = tokenizer.fingerprint
    if key not in _tables:
        _tables[key] = Entries(tokenizer)
    _tables.move_to_end(key)
    while len(_tables) > _KEPT:
        _tables.popitem(last=False)
    return _tables[key]
