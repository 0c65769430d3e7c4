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

import numpy as np
from numpy.typing import NDArray

from workbench.tokenizers import Tokenizer

Int64s = NDArray[np.int64]
_CHUNK = 16_384
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


def cut_words(tokenizer: Tokenizer, spans: WordSpans, *, parse_special: bool = False) -> Cuts:
    """Cut every text and read off what happens to its word.

    Args:
        tokenizer: Any tokenizer.
        spans: Texts, words and where they stand.
        parse_special: Read special tokens in the texts, as a chat template's are.

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
    lengths: dict[int, int] = {}
    for first in range(0, n, _CHUNK):
        rows = slice(first, min(n, first + _CHUNK))
        part = WordSpans(
            spans.texts[rows], spans.words[rows], spans.starts[rows], spans.positions[rows]
        )
        _cut_chunk(tokenizer, part, result, first, lengths, parse_special=parse_special)
    return result


def _cut_chunk(
    tokenizer: Tokenizer,
    spans: WordSpans,
    result: Cuts,
    first: int,
    lengths: dict[int, int],
    *,
    parse_special: bool,
) -> None:
    encoded = tokenizer.encode_batch(spans.texts, parse_special=parse_special)
    counts = np.fromiter(map(len, encoded), np.int64, len(encoded))
    ids = np.fromiter((i for row in encoded for i in row), np.int64, int(counts.sum()))
    distinct, inverse = np.unique(ids, return_inverse=True)
    for token in distinct.tolist():
        if token not in lengths:
            lengths[token] = len(tokenizer.token_bytes(token))
    sizes = np.array([lengths[t] for t in distinct.tolist()], np.int64)[inverse]
    last = np.cumsum(counts)
    before = last - counts
    # Cumulative bytes within each text.
    running = np.concatenate([[0], np.cumsum(sizes)])
    texts = np.repeat(np.arange(len(encoded)), counts)
    start = running[:-1] - np.repeat(running[before], counts)
    total = running[last] - running[before]
    actual = np.fromiter((len(t.encode()) for t in spans.texts), np.int64, len(encoded))
    # SentencePiece writes a space before a text that has none: one byte more, in front.
    prefixed = total == actual + 1
    if prefixed.any():
        for row in np.flatnonzero(prefixed):
            head = tokenizer.token_bytes(encoded[row][0])[:1] if encoded[row] else b""
            prefixed[row] = head == b" "
        start = start - np.repeat(prefixed.astype(np.int64), counts)
    end = start + sizes
    start = np.maximum(start, 0)
    exact = (total == actual) | prefixed
    _read_spans(spans, exact, texts, start, end, result, first)
    for row in np.flatnonzero(~exact):
        aligned = tokenizer.align(spans.texts[row], parse_special=parse_special)
        one = WordSpans(
            [spans.texts[row]], [spans.words[row]],
            spans.starts[row : row + 1], spans.positions[row : row + 1],
        )  # fmt: skip
        _read_spans(
            one, np.array([True]), np.zeros(len(aligned.ids), np.int64),
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
    size = np.fromiter((len(w.encode()) for w in spans.words), np.int64, n)
    chars = np.fromiter(map(len, spans.words), np.int64, n)
    low, high = spans.starts, spans.starts + size
    # Tokens of zero width (inserted ones) cover nothing.
    inside = (end > low[texts]) & (start < high[texts]) & (end > start) & exact[texts]
    texts, start, end = texts[inside], start[inside], end[inside]
    from_ = np.maximum(start, low[texts]) - low[texts]
    to = np.minimum(end, high[texts]) - low[texts]
    # Several tokens can share one source span where a normalizer expands: count spans' tokens all.
    tokens = np.bincount(texts, minlength=n)
    short = size < 64
    bits = np.where(
        (from_ > 0) & short[texts], np.left_shift(1, np.minimum(from_, 62)).astype(np.uint64), 0
    ).astype(np.uint64)
    inner = np.zeros(n, np.uint64)
    np.bitwise_or.at(inner, texts, bits)
    inner[~short] = _NO_MASK
    asked = spans.positions >= 0
    ascii_only = chars == size
    target = np.zeros(n, np.int64)
    offset = np.where(asked & ascii_only, spans.positions, -1)
    hit = (from_ <= offset[texts]) & (offset[texts] < to) & (offset[texts] >= 0)
    # Where spans overlap, the longest one that holds the position is taken.
    np.maximum.at(target, texts[hit], (to - from_)[hit])
    for row in np.flatnonzero(asked & ~ascii_only):
        word = spans.words[row]
        begins = np.cumsum([0] + [len(c.encode()) for c in word])[:-1]
        here = begins[min(int(spans.positions[row]), len(word) - 1)]
        mine = (texts == row) & (from_ <= here) & (here < to)
        if mine.any():
            k = int(np.flatnonzero(mine)[0])
            target[row] = int(((begins >= from_[k]) & (begins < to[k])).sum())
    rows = np.flatnonzero(exact) + first
    result.tokens[rows] = tokens[exact]
    result.target[rows] = target[exact]
    result.inner[rows] = inner[exact]
