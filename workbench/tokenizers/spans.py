"""From the text a model saw back to the bytes of the source.

A normalizer may change, insert or drop characters. Libraries report, for each character they
made, the source character it came from; here that becomes byte spans, with care for the three
places where those reports mislead: insertions (`▁` before a text is said to come from its first
character), expansions (`ﬁ` becomes two characters that share one), and compositions (`e` and a
combining acute become one character that is said to come from the `e` alone).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.tokenizers.base import Int64s

PREFIXES = ("▁".encode(), b" ")


def byte_offsets(text: str) -> Int64s:
    """Return the byte offset of each character and of the end, shape `(characters + 1,)`.

    Example:
        >>> byte_offsets("aé日").tolist()
        [0, 1, 3, 6]
    """
    points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    widths = 1 + (points > 0x7F) + (points > 0x7FF).astype(np.int64) + (points > 0xFFFF)
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(widths, dtype=np.int64)])


def byte_spans(
    text: str,
    seen: bytes,
    char_start: Int64s,
    char_end: Int64s,
    *,
    inserts_prefix: bool,
    normalize: Callable[[str], bytes] | None,
) -> tuple[Int64s, Int64s]:
    """Return the source byte span of every byte that the model saw.

    Args:
        text: The source.
        seen: What the model saw, in bytes.
        char_start: Source character that each byte of `seen` is reported to come from.
        char_end: One past the last such character.
        inserts_prefix: Whether the tokenizer puts `▁` or a space before a stretch of text.
        normalize: The library's own normalizer, to recognise compositions; None where it has
            none.

    Returns:
        `(byte_start, byte_end)`, each of shape `(len(seen),)`. Where a character reached the
        model unchanged the spans are single bytes; where it was changed, its bytes share the
        whole span; an inserted byte has an empty span.
    """
    count = len(seen)
    if count == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    source = text.encode()
    offsets = byte_offsets(text)
    data = np.frombuffer(seen, dtype=np.uint8)
    raw = np.frombuffer(source, dtype=np.uint8)
    change = np.flatnonzero((np.diff(char_start) != 0) | (np.diff(char_end) != 0)) + 1
    group_at = np.concatenate([np.zeros(1, dtype=np.int64), change.astype(np.int64)])
    group_len = np.diff(np.concatenate([group_at, [count]]))
    first, last = char_start[group_at], char_end[group_at].copy()
    if normalize is not None:
        _extend_compositions(text, seen, group_at, group_len, first, last, normalize)
    span_start, span_end = offsets[first], offsets[last]
    of_group = np.repeat(np.arange(len(group_at)), group_len)
    within = np.arange(count) - group_at[of_group]
    start, end = span_start[of_group].copy(), span_end[of_group].copy()
    same_length = (span_end - span_start == group_len)[of_group]
    guess = np.minimum(start + within, max(len(raw) - 1, 0))
    equal = same_length & (data == raw[guess] if len(raw) else False)
    identical = np.logical_and.reduceat(equal, group_at)
    plain = identical[of_group]
    start[plain] = guess[plain]
    end[plain] = guess[plain] + 1
    if inserts_prefix:
        for g in np.flatnonzero(~identical & (group_len > 1)):
            at, length = int(group_at[g]), int(group_len[g])
            _free_prefix(seen, source, at, length, start, end)
    return start, end


def _free_prefix(
    seen: bytes, source: bytes, at: int, length: int, start: Int64s, end: Int64s
) -> None:
    """Give a leading inserted prefix an empty span, and the rest of its group what is left."""
    lo, hi = int(start[at]), int(end[at])
    group, own = seen[at : at + length], source[lo:hi]
    for prefix in PREFIXES:
        rest = group[len(prefix) :]
        if not group.startswith(prefix) or not rest or (own.startswith(prefix) and rest != own):
            continue
        body = at + len(prefix)
        start[at:body] = end[at:body] = lo
        if rest == own:
            start[body : at + length] = np.arange(lo, hi)
            end[body : at + length] = np.arange(lo, hi) + 1
        return


def _extend_compositions(
    text: str,
    seen: bytes,
    group_at: Int64s,
    group_len: Int64s,
    first: Int64s,
    last: Int64s,
    normalize: Callable[[str], bytes],
) -> None:
    """Stretch a character's span over what was composed into it, in place."""
    following = np.concatenate([first[1:], [len(text)]])
    for g in np.flatnonzero(following > last):
        lo, hi, limit = int(first[g]), int(last[g]), int(following[g])
        group = seen[int(group_at[g]) : int(group_at[g] + group_len[g])]
        for stop in range(limit, hi, -1):
            made = normalize(text[lo:stop])
            if made == group or any(p + made == group for p in PREFIXES):
                # A normalizer that only drops gives the same text for the shorter stretch.
                if normalize(text[lo:hi]) != made:
                    last[g] = stop
                break


def gaps(length: int, start: Int64s, end: Int64s) -> list[tuple[int, int]]:
    """Return the source spans that no token covers, in order.

    Args:
        length: Bytes of the source.
        start: First source byte of each token.
        end: One past the last.

    Returns:
        `(start, end)` pairs.

    Example:
        >>> gaps(5, np.array([0, 3]), np.array([2, 5]))
        [(2, 3)]
    """
    edges = np.zeros(length + 1, dtype=np.int64)
    np.add.at(edges, start, 1)
    np.add.at(edges, end, -1)
    bare = np.cumsum(edges[:length]) == 0
    flips = np.flatnonzero(np.diff(np.concatenate([[False], bare, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(flips[::2], flips[1::2], strict=True)]


def token_spans(
    norm_start: Int64s, norm_end: Int64s, start: Int64s, end: Int64s
) -> tuple[Int64s, Int64s]:
    """Return the source span of each token from the spans of the bytes it is made of.

    Args:
        norm_start: First byte of each token in what the model saw.
        norm_end: One past its last.
        start: Source start of each byte the model saw.
        end: Source end of each.

    Returns:
        `(byte_start, byte_end)` of each token; the spans of single bytes never run backwards, so
        the first byte has the lowest start and the last byte the highest end.
    """
    if len(norm_start) == 0:
        return norm_start.copy(), norm_end.copy()
    if len(start) == 0:
        return np.zeros_like(norm_start), np.zeros_like(norm_end)
    empty = norm_end <= norm_start
    head = np.minimum(norm_start, len(start) - 1)
    tail = np.maximum(np.minimum(norm_end, len(start)) - 1, 0)
    byte_start, byte_end = start[head], end[tail]
    byte_end = np.maximum(byte_start, byte_end)
    byte_end[empty] = byte_start[empty]
    return byte_start, byte_end
