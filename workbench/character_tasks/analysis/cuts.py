"""How tokenizers cut many words, alone and inside prompts, in bulk.

Two numbers per word are all the analysis needs: how many tokens the word is spread over, and how
much of it the token with the queried position holds. Spans are exact: either the tokens' bytes
add up to the text (then cumulative lengths are the offsets), or the text goes through the
tokenizer's own alignment.

What is ours and not the paper's: a token counts where it covers at least one byte of the word.
A SentencePiece `▁` before a word is not of the word: the part behind it counts, and a lone `▁`
counts as nothing and shifts nothing (in the paper's code it is a token and shifts the offsets).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.tokenizers import Tokenizer

Int64s = NDArray[np.int64]
_CHUNK = 50_000
_NO_MASK = np.uint64(2**64 - 1)


@dataclass(frozen=True, eq=False)
class Cuts:
    """How each of `n` words is cut.

    Attributes:
        tokens: Tokens that cover a byte of the word, int64, shape `(n,)`.
        target: Characters (code points) of the word that begin in the token which holds the
            queried position; 0 where no position was asked. int64, shape `(n,)`.
        inner: The boundaries inside the word as bits (bit `k`: a cut before byte `k`), uint64,
            shape `(n,)`; all ones for words of 64 bytes or more.
    """

    tokens: Int64s
    target: Int64s
    inner: NDArray[np.uint64]

    def agrees(self, other: "Cuts", rows: Int64s) -> bool:
        """Whether `other`, cut for these rows only, says the same."""
        return bool(
            np.array_equal(self.tokens[rows], other.tokens)
            and np.array_equal(self.target[rows], other.target)
            and np.array_equal(self.inner[rows], other.inner)
        )


@dataclass(frozen=True, eq=False)
class WordSpans:
    """Where words stand in texts.

    Attributes:
        texts: One text a word.
        words: The words.
        starts: First byte of the word in its text, shape `(n,)`.
        positions: The queried 0-based character of the word, or -1, shape `(n,)`.
    """

    texts: Sequence[str]
    words: Sequence[str]
    starts: Int64s
    positions: Int64s

    def take(self, rows: Int64s) -> "WordSpans":
        """Some of them."""
        texts, words = self.texts, self.words
        chosen = rows.tolist()
        return WordSpans(
            [texts[i] for i in chosen], [words[i] for i in chosen],
            self.starts[rows], self.positions[rows],
        )  # fmt: skip


def cut_words(
    tokenizer: Tokenizer, spans: WordSpans, *, parse_special: bool = False, engine: Any = None
) -> Cuts:
    """Cut every text and read off what happens to its word.

    Args:
        tokenizer: Any tokenizer.
        spans: Texts, words and where they stand.
        parse_special: Read special tokens in the texts, as a chat template's are.
        engine: A counting engine (`workbench.counting.engines`) that encodes in the tokenizer's
            place; the caller checks that it agrees.

    Returns:
        One entry per word.

    Example:
        >>> from workbench.tokenizers import load_tokenizer
        >>> spans = WordSpans(["a word"], ["word"], np.array([2]), np.array([3]))
        >>> cuts = cut_words(load_tokenizer("characters"), spans)
        >>> cuts.tokens.tolist(), cuts.target.tolist(), bin(int(cuts.inner[0]))
        ([4], [1], '0b1110')
    """
    n = len(spans.texts)
    result = Cuts(np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.uint64))
    known = _Sizes(tokenizer)
    for first in range(0, n, _CHUNK):
        rows = slice(first, min(n, first + _CHUNK))
        part = WordSpans(
            spans.texts[rows], spans.words[rows], spans.starts[rows], spans.positions[rows]
        )
        if engine is None:
            encoded = tokenizer.encode_batch(part.texts, parse_special=parse_special)
            counts = np.fromiter(map(len, encoded), np.int64, len(encoded))
            ids = np.fromiter((i for row in encoded for i in row), np.int64, int(counts.sum()))
        else:
            flat, lengths = engine.encode(pl.Series(part.texts, dtype=pl.String))
            ids, counts = flat.astype(np.int64), np.asarray(lengths, dtype=np.int64)
        _cut_chunk(tokenizer, part, ids, counts, known, result, first, parse_special=parse_special)
    return result


class _Sizes:
    """Bytes of each id, and whether they begin with a space; looked up once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._size = np.full(0, -1, np.int64)
        self._space = np.zeros(0, np.bool_)

    def of(self, ids: Int64s) -> tuple[Int64s, NDArray[np.bool_]]:
        top = int(ids.max(initial=-1)) + 1
        if top > len(self._size):
            more = top - len(self._size)
            self._size = np.concatenate([self._size, np.full(more, -1, np.int64)])
            self._space = np.concatenate([self._space, np.zeros(more, np.bool_)])
        for token in np.unique(ids[self._size[ids] < 0]).tolist():
            data = self._tokenizer.token_bytes(token)
            self._size[token] = len(data)
            self._space[token] = data[:1] == b" "
        return self._size[ids], self._space[ids]


def _cut_chunk(
    tokenizer: Tokenizer,
    spans: WordSpans,
    ids: Int64s,
    counts: Int64s,
    known: _Sizes,
    result: Cuts,
    first: int,
    *,
    parse_special: bool,
) -> None:
    sizes, spaced = known.of(ids)
    last = np.cumsum(counts)
    before = last - counts
    running = np.concatenate([[0], np.cumsum(sizes)])
    texts = np.repeat(np.arange(len(counts)), counts)
    start = running[:-1] - np.repeat(running[before], counts)
    total = running[last] - running[before]
    actual = pl.Series(spans.texts, dtype=pl.String).str.len_bytes().cast(pl.Int64).to_numpy()
    # SentencePiece writes a space before a text that has none: one byte more, in front.
    prefixed = (total == actual + 1) & (counts > 0)
    prefixed[prefixed] = spaced[before[prefixed]]
    start = start - np.repeat(prefixed.astype(np.int64), counts)
    end = start + sizes
    start = np.maximum(start, 0)
    exact = (total == actual) | prefixed
    _read_spans(spans, exact, texts, start, end, result, first)
    for row in np.flatnonzero(~exact):
        aligned = tokenizer.align(spans.texts[row], parse_special=parse_special)
        _read_spans(
            spans.take(np.array([row])), np.array([True]), np.zeros(len(aligned.ids), np.int64),
            aligned.byte_start, aligned.byte_end, result, first + int(row),
        )  # fmt: skip


def _read_spans(
    spans: WordSpans,
    exact: NDArray[np.bool_],
    texts: Int64s,
    start: Int64s,
    end: Int64s,
    result: Cuts,
    first: int,
) -> None:
    n = len(spans.texts)
    words = pl.Series(spans.words, dtype=pl.String)
    size = words.str.len_bytes().cast(pl.Int64).to_numpy()
    chars = words.str.len_chars().cast(pl.Int64).to_numpy()
    low, high = spans.starts, spans.starts + size
    # Tokens of zero width (inserted ones) cover nothing.
    inside = (end > low[texts]) & (start < high[texts]) & (end > start) & exact[texts]
    texts, start, end = texts[inside], start[inside], end[inside]
    from_ = np.maximum(start, low[texts]) - low[texts]
    to = np.minimum(end, high[texts]) - low[texts]
    tokens = np.bincount(texts, minlength=n)
    short = size < 64
    cut = (from_ > 0) & short[texts]
    inner = np.zeros(n, np.uint64)
    bits = np.left_shift(np.uint64(1), from_[cut].astype(np.uint64))
    np.bitwise_or.at(inner, texts[cut], bits)
    inner[~short] = _NO_MASK
    asked = spans.positions >= 0
    ascii_only = chars == size
    target = np.zeros(n, np.int64)
    offset = np.where(asked & ascii_only, spans.positions, -1)[texts]
    hit = (from_ <= offset) & (offset < to) & (offset >= 0)
    # Where spans overlap, the longest one that holds the position is taken.
    np.maximum.at(target, texts[hit], (to - from_)[hit])
    for row in np.flatnonzero(asked & ~ascii_only):
        word = spans.words[row]
        begins = np.cumsum([0] + [len(c.encode()) for c in word])[:-1]
        here = begins[min(int(spans.positions[row]), len(word) - 1)]
        mine = slice(*np.searchsorted(texts, [row, row + 1]))
        held = np.flatnonzero((from_[mine] <= here) & (here < to[mine]))
        if len(held):
            a, b = from_[mine][held[0]], to[mine][held[0]]
            target[row] = int(((begins >= a) & (begins < b)).sum())
    rows = np.flatnonzero(exact) + first
    result.tokens[rows] = tokens[exact]
    result.target[rows] = target[exact]
    result.inner[rows] = inner[exact]
