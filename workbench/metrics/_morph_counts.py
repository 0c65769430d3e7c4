"""Gold words under a tokenizer, counted once for all scores of morphology.

Every score is a formula over sums of these counts, so a bootstrap over words is one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np

from workbench.metrics._base import FloatArray, IntArray, Sums
from workbench.metrics._cuts import pieces_of
from workbench.metrics._gold import GoldWord, bundled_gold

KEYS: Final = (
    *("words", "spelled", "whole", "gaps", "gold", "made", "hit", "chance"),
    *("pairs", "pairs_hit", "split", "split_gold", "split_made", "split_hit"),
    *("precision", "recall", "bounded", "segments", "pieces", "common"),
)
"""What is counted for each word. words: 1; spelled: its morphs spell it; whole: it is spelled and
one token; gaps: places between its characters; gold, made, hit: gold cuts, cuts, and both; chance:
the hits that as many cuts at random would have; pairs: it has several tokens and exactly two
morphs, pairs_hit: and a cut on their border; split…: as gold, made and hit, of words of several
tokens with gold cuts; precision, recall: hit / made (0 without a cut) and hit / gold of such a
word; bounded: it is one; segments, pieces, common: morphs, tokens, and the longest common
subsequence of the two. Tokens are those that hold some of the word: a ▁ that the tokenizer puts
before it is none. Several tokens may share one character (WordPiece takes Korean syllables apart):
there is no cut between them, and none of them is a morph."""


@dataclass(frozen=True)
class Score:
    """One number over gold words.

    Attributes:
        name: Unique among the scores.
        unit: What it counts.
        aggregation: "pooled", or "types" for a mean in which each word counts the same.
        formula: In plain Unicode.
        degenerate: When it is null.
        source: Where it comes from.
        value: The formula, for sums of any one shape.
        better: Which way is better.
        over: Which words it is over: those for which this one of `KEYS` is counted.
    """

    name: str
    unit: str
    aggregation: Literal["pooled", "types"]
    formula: str
    degenerate: str
    source: str
    value: Callable[[Sums], FloatArray]
    better: Literal["higher", "lower"] | None = "higher"
    over: str = "spelled"


def common_subsequence(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Length of the longest common subsequence.

    Args:
        one: A sequence.
        other: Another.

    Returns:
        How many members can be matched in order.

    Example:
        >>> common_subsequence(["un", "do", "ing"], ["un", "doing"])
        1
    """
    row = [0] * (len(other) + 1)
    for left in one:
        before = 0
        for j, right in enumerate(other, 1):
            above = row[j]
            row[j] = before + 1 if left == right else max(above, row[j - 1])
            before = above
    return row[-1]


def count_words(
    tokenizer: Any, gold: Sequence[GoldWord], before: str = ""
) -> dict[str, FloatArray]:
    """Count each gold word under a tokenizer.

    Args:
        tokenizer: A `workbench.tokenizers.Tokenizer`.
        gold: The words.
        before: What stands before each word when it is encoded: nothing, or a space as in a text.

    Returns:
        float64 (words,) by the names of `KEYS`.
    """
    table = np.zeros((len(gold), len(KEYS)))
    place = {key: i for i, key in enumerate(KEYS)}
    shift = len(before.encode())
    for row, word in zip(table, gold, strict=True):
        edges, starts, ends = _cut(tokenizer, before + word.word)
        held = (ends > shift) & (ends > starts)
        starts, ends = starts[held] - shift, ends[held] - shift
        made = [int(edge) - shift for edge in edges if edge > shift]
        morphs = [morph.encode() for morph in word.morphs]
        found: dict[str, float] = {
            "words": 1,
            "segments": len(morphs),
            "pieces": len(ends),
            "common": common_subsequence(morphs, _segments(word.word, made, starts, ends)),
        }
        if word.concatenates:
            found |= _cuts_of_word(word, set(made), len(ends))
        for key, value in found.items():
            row[place[key]] = value
    return {key: table[:, i] for key, i in place.items()}


def _cut(tokenizer: Any, text: str) -> tuple[IntArray, IntArray, IntArray]:
    """The cuts in a text, and the first byte of each token and one past its last."""
    table, source = pieces_of(tokenizer), text.encode()
    if table.closed:
        ids = tokenizer.encode(text)
        pieces = [table[i] for i in ids]
        joined = b"".join(pieces)
        # The tokens spell the text, perhaps after a space of their own: no need to ask further.
        if table.unknown not in ids and joined in {source, b" " + source}:
            sizes = np.array([len(piece) for piece in pieces], dtype=np.int64)
            ends = np.cumsum(sizes) - (len(joined) - len(source))
            edges = np.unique(ends)
            return edges[(edges > 0) & (edges < len(source))], np.maximum(ends - sizes, 0), ends
    from workbench.segmentation import segment

    found = segment(text, tokenizer)
    return found.boundaries, found.alignment.byte_start, found.alignment.byte_end


def _segments(
    word: str, made: Sequence[int], starts: IntArray, ends: IntArray
) -> list[bytes | None]:
    """The stretches between cuts; None for one that is not one token."""
    source = word.encode()
    return [
        source[a:b] if ((starts < b) & (ends > a)).sum() == 1 else None
        for a, b in pairwise([0, *made, len(source)])
    ]


def _cuts_of_word(word: GoldWord, made: set[int], tokens: int) -> dict[str, float]:
    gold = set(word.cuts)
    hit = len(gold & made)
    # A byte-level tokenizer may cut inside a character: such a cut is a place of its own.
    edges = {len(word.word[:i].encode()) for i in range(1, len(word.word))}
    gaps = len(edges | made)
    found: dict[str, float] = {
        "spelled": 1,
        "whole": tokens == 1,
        "gaps": gaps,
        "gold": len(gold),
        "made": len(made),
        "hit": hit,
        "chance": len(gold) * len(made) / gaps if gaps else 0.0,
    }
    if tokens > 1 and gold:
        found |= {
            "pairs": len(gold) == 1,
            "pairs_hit": hit if len(gold) == 1 else 0,
            "split": 1,
            "split_gold": len(gold),
            "split_made": len(made),
            "split_hit": hit,
            "precision": hit / len(made) if made else 0.0,
            "recall": hit / len(gold),
            "bounded": 1,
        }
    return found


@lru_cache(maxsize=128)
def bundled_sums(tokenizer: Any, language: str) -> dict[str, FloatArray]:
    """Sums over the bundled gold words of a language, each encoded alone.

    Args:
        tokenizer: A `workbench.tokenizers.Tokenizer`.
        language: One of `BUNDLED`.

    Returns:
        float64 () by the names of `KEYS`.
    """
    counted = count_words(tokenizer, bundled_gold(language))
    return {key: np.array(values.sum()) for key, values in counted.items()}


def bundled_value(score: Score, language: str) -> Callable[[Any], float | None]:
    """A score over bundled gold words, as a property of a tokenizer.

    Args:
        score: The score.
        language: One of `BUNDLED`.

    Returns:
        A function of a tokenizer.
    """

    def value(tokenizer: Any) -> float | None:
        found = float(score.value(bundled_sums(tokenizer, language)))
        return None if np.isnan(found) else found

    return value
