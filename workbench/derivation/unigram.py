"""The Unigram lattice: the best path and the runner-up, with scores.

Both libraries walk forward over the text and keep, for each end, the best way to reach it; a
later way replaces an earlier one only when it is strictly better. ``tokenizers`` adds in double
precision, SentencePiece in single: ties and near ties need the same arithmetic, so the precision is
a parameter.

Source: Kudo 2018 (arXiv 1804.10959); ``unigram_model.cc`` (EncodeOptimized) and
``models/unigram`` for the order of ties and the unknown penalty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

#: An unknown character costs this much more than the worst piece (both libraries).
UNKNOWN_PENALTY = 10.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a path: ``text[start:end]`` with its log-probability.

    ``known`` is False where no piece covers the character and the unknown penalty is paid.
    """

    start: int
    end: int
    text: str
    score: float
    known: bool


@dataclass(frozen=True, slots=True)
class Path:
    """A way through the lattice; ``score`` is the sum over its pieces (natural logarithm)."""

    pieces: tuple[Piece, ...]
    score: float


class Lattice:
    """Scores of pieces, ready to be searched.

    Args:
        scores: log-probability of each piece.
        unknown_score: what an unknown character costs, usually the lowest score of the
            vocabulary less :data:`UNKNOWN_PENALTY`.
        single_precision: add as SentencePiece does (float32) instead of float64.

    Example:
        >>> lattice = Lattice({"a": -1.0, "b": -1.0, "ab": -1.5}, unknown_score=-11.5)
        >>> [[piece.text for piece in path.pieces] for path in lattice.best("ab", 2)]
        [['ab'], ['a', 'b']]
    """

    def __init__(
        self,
        scores: Mapping[str, float],
        *,
        unknown_score: float,
        single_precision: bool = False,
    ) -> None:
        self._number: Callable[[float], float] = (
            cast("Callable[[float], float]", np.float32) if single_precision else float
        )
        self._scores = {piece: self._number(score) for piece, score in scores.items() if piece}
        self._prefixes = {piece[:size] for piece in self._scores for size in range(1, len(piece))}
        self._unknown = self._number(unknown_score)

    def _edges(self, text: str, start: int) -> list[tuple[int, float, bool]]:
        """(end, score, known) of the pieces that begin at ``start``, shortest first."""
        found: list[tuple[int, float, bool]] = []
        single = False
        end = start + 1
        while end <= len(text):
            part = text[start:end]
            score = self._scores.get(part)
            if score is not None:
                found.append((end, score, True))
                single = single or end == start + 1
            if part not in self._prefixes:
                break
            end += 1
        if not single:
            found.append((start + 1, self._unknown, False))
        return found

    def best(self, text: str, count: int = 1) -> list[Path]:
        """The ``count`` best paths over a text, best first; fewer where there are no more.

        The first is the library's own choice, its ties included.
        """
        if not text:
            return []
        zero = self._number(0.0)
        # For each end: up to `count` ways, best first: (score, start, which way there, edge score,
        # known). The stable insertion keeps the earlier of two equal ways in front.
        ways: list[list[tuple[float, int, int, float, bool]]] = [[] for _ in range(len(text) + 1)]
        ways[0].append((zero, -1, -1, zero, True))
        for start in range(len(text)):
            here = ways[start]
            if not here:
                continue
            for end, score, known in self._edges(text, start):
                target = ways[end]
                for which, (so_far, *_) in enumerate(here):
                    total = score + so_far
                    place = len(target)
                    while place > 0 and total > target[place - 1][0]:
                        place -= 1
                    if place < count:
                        target.insert(place, (total, start, which, score, known))
                        del target[count:]
        return [self._trace(text, ways, which) for which in range(len(ways[len(text)]))]

    @staticmethod
    def _trace(
        text: str, ways: list[list[tuple[float, int, int, float, bool]]], which: int
    ) -> Path:
        end = len(text)
        total = float(ways[end][which][0])
        pieces: list[Piece] = []
        while end > 0:
            _, start, came_from, score, known = ways[end][which]
            pieces.append(Piece(start, end, text[start:end], float(score), known))
            end, which = start, came_from
        return Path(tuple(reversed(pieces)), total)
