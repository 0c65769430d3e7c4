"""WordPiece: the longest piece that fits, then the next, and all or nothing.

Source: Schuster and Nakajima 2012; the greedy form of BERT as ``models/wordpiece`` has it.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """One greedy match: the piece taken at ``start``, and the longer ones tried in vain.

    ``piece`` is None where nothing fitted: the whole word is then unknown.
    """

    start: int
    end: int
    piece: str | None
    tried: tuple[str, ...]


def greedy_matches(
    word: str,
    vocabulary: Container[str],
    *,
    prefix: str = "##",
    max_characters: int = 100,
    keep_tried: int = 8,
) -> list[Match] | None:
    """Match a word from the left, longest piece first.

    Args:
        word: one pre-token.
        vocabulary: the pieces; continuations carry ``prefix``.
        prefix: the mark of a piece that does not begin the word.
        max_characters: longer words are unknown at once (the library's
            ``max_input_chars_per_word``).
        keep_tried: how many of the vain candidates to keep per match, the last ones.

    Returns:
        The matches; the last has ``piece=None`` if the word cannot be covered. None if the word
        is too long to be tried.

    Example:
        >>> [m.piece for m in greedy_matches("unable", {"un", "##able", "##a"})]
        ['un', '##able']
        >>> greedy_matches("ux", {"u"})[-1].piece is None
        True
    """
    if len(word) > max_characters:
        return None
    matches: list[Match] = []
    start = 0
    while start < len(word):
        tried: list[str] = []
        for end in range(len(word), start, -1):
            candidate = word[start:end] if start == 0 else prefix + word[start:end]
            if candidate in vocabulary:
                matches.append(Match(start, end, candidate, tuple(tried[-keep_tried:])))
                start = end
                break
            tried.append(candidate)
        else:
            matches.append(Match(start, len(word), None, tuple(tried[-keep_tried:])))
            break
    return matches
