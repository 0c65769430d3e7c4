"""From a segmentation to what is drawn: chips, groups of chips, drops and lines.

Both the static view (`tokens.py`) and the widget (`inspector.py`) draw `Item`s. An item is a token,
or the tokens that share a grapheme, or a stretch of text that no token covers. An item's `content`
says how it looks and holds no position, so that two texts can be compared item by item and only
what changed is drawn again.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple, TypeVar

import numpy as np

from workbench.segmentation import Segmentation
from workbench.views.marks import direction, spoken

__all__ = [
    "GRAPHEME_WORDS",
    "Chip",
    "Content",
    "Cut",
    "Item",
    "cuts",
    "grapheme_status",
    "items",
    "letters",
    "lines",
    "runs",
    "token_title",
]

GRAPHEME_WORDS = ("one, whole", "several, whole", "part of one", "across several", "none, inserted")
"""What `grapheme_status` says, by its number."""


_SPACE_SIGN = "\u2581".encode()


class Chip(NamedTuple):
    """One token as it is drawn.

    Attributes:
        id: its id.
        data: the bytes the tokenizer saw.
        was: the source bytes where they are something else, else None.
        special: whether it was read as a special token.
        unknown: whether it is the tokenizer's unknown token.
        start: its first source byte, counted from the start of the item.
        end: one past its last, counted likewise.
        grapheme: what of a grapheme it is, an index into `GRAPHEME_WORDS`.
    """

    id: int
    data: bytes
    was: bytes | None
    special: bool
    unknown: bool
    start: int
    end: int
    grapheme: int


class Content(NamedTuple):
    """How an item looks, wherever it stands.

    Attributes:
        kind: `token`, `group` (tokens that share a grapheme) or `drop` (no token covers it).
        chips: the tokens; none for a drop.
        source: the source bytes of a group or a drop; empty for a token.
        reason: why a drop, or a part of a group, was dropped; empty otherwise.
        breaks: whether a line ends here.
        direction: `rtl`, `ltr` or empty, by the first strong character.
    """

    kind: str
    chips: tuple[Chip, ...]
    source: bytes
    reason: str
    breaks: bool
    direction: str


class Item(NamedTuple):
    """A content and its place.

    Attributes:
        content: how it looks.
        first: index of its first token; for a drop, of the next token.
        byte_start: its first source byte.
        byte_end: one past its last.
    """

    content: Content
    first: int
    byte_start: int
    byte_end: int


def _seen(data: bytes, was: bytes) -> bytes:
    """What the tokenizer saw, with SentencePiece's sign for a space written as the space it is.

    A text that itself holds the sign U+2581 keeps it.
    """
    return data if data == was or _SPACE_SIGN not in data else data.replace(_SPACE_SIGN, b" ")


def _ends_line(source: bytes) -> bool:
    return b"\n" in source or (b"\r" in source)


def items(seg: Segmentation, start: int = 0, stop: int | None = None) -> list[Item]:
    """The items of a window of tokens, in the order of the text.

    Args:
        seg: the segmentation.
        start: index of the first token wanted; it is moved back to the start of its group.
        stop: one past the last; it is moved on to the end of its group.

    Returns:
        Items; drops before the first token of the text or between tokens of the window included.

    >>> import workbench as wb
    >>> [item.content.kind for item in items(wb.segment("a💩", "bytes"))]
    ['token', 'group']
    """
    columns = seg.alignment
    count = len(seg)
    stop = count if stop is None else min(stop, count)
    first, last = seg.graphemes
    joined = np.zeros(count + 1, dtype=bool)  # joined[i]: token i shares a grapheme with i - 1
    if count > 1:
        joined[1:count] = last[:-1] > first[1:]
    while 0 < start < count and joined[start]:
        start -= 1
    while stop < count and joined[stop]:
        stop += 1
    unknown = -1 if seg.tokenizer.unk_id is None else seg.tokenizer.unk_id
    window = slice(start, stop)
    ids = columns.ids[window].tolist()
    norm = zip(columns.norm_start[window].tolist(), columns.norm_end[window].tolist(), strict=True)
    begins = columns.byte_start[window].tolist()
    ends = columns.byte_end[window].tolist()
    special = columns.special[window].tolist()
    source, normalized = seg.source, seg.normalized
    status = grapheme_status(seg, start, stop)
    rows = list(zip(ids, norm, begins, ends, special, status, strict=True))
    heads = [0, *(np.flatnonzero(~joined[start + 1 : stop]) + 1).tolist()] if rows else []
    drawn: list[Item] = []
    for head, tail in pairwise([*heads, len(rows)]):
        token_id, (a, b), begin, end, is_special, grapheme = rows[head]
        if tail - head == 1:
            was = source[begin:end]
            data = _seen(normalized[a:b], was)
            is_unknown = token_id == unknown
            content = _single(token_id, data, was, is_special, is_unknown, grapheme)
        else:
            end = max(ends[head:tail])
            content = _group(rows[head:tail], source[begin:end], normalized, unknown)
        drawn.append(Item(content, start + head, begin, end))
    return _with_drops(seg, drawn, start, stop)


@lru_cache(maxsize=1 << 17)
def _single(
    token_id: int, data: bytes, was: bytes, special: bool, unknown: bool, grapheme: int
) -> Content:
    before = None if data == was else was
    chip = Chip(token_id, data, before, special, unknown, 0, len(was), grapheme)
    return Content("token", (chip,), b"", "", _ends_line(was or data), direction(was))


def _group(
    rows: Sequence[tuple[int, tuple[int, int], int, int, bool, int]],
    piece: bytes,
    normalized: bytes,
    unknown: int,
) -> Content:
    """The look of tokens that share a grapheme: the source is the group's, each part its own."""
    origin = rows[0][2]
    chips = []
    for token_id, (a, b), begin, end, special, grapheme in rows:
        was = piece[begin - origin : end - origin]
        data = _seen(normalized[a:b], was)
        before = None if data == was else was
        places = (begin - origin, end - origin)
        chips.append(Chip(token_id, data, before, special, token_id == unknown, *places, grapheme))
    if b"".join(chip.data for chip in chips) == piece:
        chips = [chip._replace(was=None) for chip in chips]
    return Content("group", tuple(chips), piece, "", _ends_line(piece), direction(piece))


def _with_drops(seg: Segmentation, drawn: list[Item], start: int, stop: int) -> list[Item]:
    """The items with the drops of the window put where they stand."""
    if not seg.dropped:
        return drawn
    low = 0 if start == 0 else drawn[0].byte_start if drawn else 0
    high = len(seg.source) if stop >= len(seg) else drawn[-1].byte_end if drawn else 0
    begins = [item.byte_start for item in drawn]
    extra = []
    for drop in seg.dropped:
        if low <= drop.byte_start < high:
            piece = seg.source[drop.byte_start : drop.byte_end]
            inside = int(np.searchsorted(begins, drop.byte_start, side="right")) - 1
            if inside >= 0 and drop.byte_end <= drawn[inside].byte_end:
                drawn[inside] = _losing(drawn[inside], piece, drop.reason)
                continue
            content = Content("drop", (), piece, drop.reason, _ends_line(piece), direction(piece))
            following = int(np.searchsorted(begins, drop.byte_start, side="left"))
            first = drawn[following].first if following < len(drawn) else stop
            extra.append(Item(content, first, drop.byte_start, drop.byte_end))
    return sorted([*drawn, *extra], key=lambda item: (item.first, item.content.kind != "drop"))


def _losing(item: Item, piece: bytes, reason: str) -> Item:
    """A group that covers dropped bytes says so itself: they stand between its tokens."""
    said = "; ".join(filter(None, [item.content.reason, f"{spoken(piece)}: {reason}"]))
    return item._replace(content=item.content._replace(reason=said))


def grapheme_status(seg: Segmentation, start: int = 0, stop: int | None = None) -> list[int]:
    """For each token of a window, what of a grapheme it is: an index into `GRAPHEME_WORDS`.

    >>> import workbench as wb
    >>> grapheme_status(wb.segment("aé", "bytes"))
    [0, 2, 2]
    """
    window = slice(start, stop)
    begins, ends = seg.alignment.byte_start[window], seg.alignment.byte_end[window]
    edges = seg.grapheme_offsets
    first, last = (side[window] for side in seg.graphemes)
    at_start = edges[first] == begins
    at_end = edges[last] == ends
    number = last - first
    status = np.where(
        at_start & at_end,
        np.where(number == 1, 0, 1),
        np.where(number == 1, 2, 3),
    )
    # Several tokens with one span, from one character the normalizer expanded: parts of it.
    if len(begins) > 1:
        twin = (begins[1:] == begins[:-1]) & (ends[1:] == ends[:-1]) & (ends[1:] > begins[1:])
        status[1:][twin] = 2
        status[:-1][twin] = 2
    numbers: list[int] = np.where(begins == ends, 4, status).tolist()
    return numbers


def token_title(seg: Segmentation, index: int) -> str:
    """What a chip says of itself to a screen reader and on hover.

    >>> import workbench as wb
    >>> token_title(wb.segment("a b", "bytes"), 1)
    'token 2 of 3, id 32, space, bytes 20, at byte 1'
    """
    token = seg.token(index)
    place = (
        f"at byte {token.byte_start}"
        if token.byte_end - token.byte_start < 2
        else f"at bytes {token.byte_start} to {token.byte_end - 1}"
    )
    special = ", special token" if token.is_special else ""
    return (
        f"token {index + 1} of {len(seg)}, id {token.id}, {spoken(token.data)}{special}, "
        f"bytes {token.data.hex(' ').upper() or 'none'}, {place}"
    )


class Cut(NamedTuple):
    """A stretch of the source that no tokenizer cuts, and who cuts before it.

    Attributes:
        data: its bytes.
        who: numbers of the tokenizers that cut at its start; all of them at the text's start.
        breaks: whether a line ends in it.
        direction: `rtl`, `ltr` or empty.
        byte_start: its first byte.
    """

    data: bytes
    who: tuple[int, ...]
    breaks: bool
    direction: str
    byte_start: int


_Drawn = TypeVar("_Drawn", Item, Cut)


def _look(drawn: Item | Cut) -> Content | Cut:
    return drawn.content if isinstance(drawn, Item) else drawn


def lines(drawn: Sequence[_Drawn]) -> list[list[_Drawn]]:
    """The items, or cuts, line by line; a line ends after one that holds a line end."""
    out: list[list[_Drawn]] = [[]]
    for item in drawn:
        out[-1].append(item)
        if _look(item).breaks:
            out.append([])
    return [line for line in out if line]


def runs(line: Sequence[_Drawn]) -> list[tuple[str, list[_Drawn]]]:
    """The stretches of one direction in a line; what has none goes with what stands before it.

    Args:
        line: items or cuts.

    Returns:
        Pairs of `rtl` or `ltr` and the items, in the order of the text. Drawn as isolated runs in
        a line of the first run's direction, the text keeps the order its readers expect.
    """
    resolved: list[str] = []
    ways = [_look(item).direction for item in line]
    known = next((way for way in ways if way), "ltr")
    for way in ways:
        known = way or known
        resolved.append(known)
    # White space between two directions belongs to the line, not to the run it closes.
    base = resolved[0] if resolved else "ltr"
    for i in range(len(line) - 1, 0, -1):
        after = resolved[i + 1] if i + 1 < len(line) else base
        if not ways[i] and after == base:
            resolved[i] = base
    pairs = zip(resolved, line, strict=True)
    return [
        (way, [item for _, item in run]) for way, run in groupby(pairs, key=lambda pair: pair[0])
    ]


def letters(count: int) -> list[str]:
    """Short names for tokenizers: A, B, up to Z, then AA, AB.

    >>> letters(3)
    ['A', 'B', 'C']
    """
    out = []
    for number in range(count):
        name, rest = "", number + 1
        while rest:
            rest, digit = divmod(rest - 1, 26)
            name = chr(65 + digit) + name
        out.append(name)
    return out


def cuts(segs: Sequence[Segmentation], start: int = 0, stop: int | None = None) -> list[Cut]:
    """The text of several segmentations, cut wherever one of them cuts.

    Args:
        segs: segmentations of one text.
        start: first byte wanted.
        stop: one past the last byte wanted.

    >>> import workbench as wb
    >>> both = [wb.segment("ab c", name) for name in ("bytes", "words")]
    >>> [(cut.data, cut.who) for cut in cuts(both)]
    [(b'a', (0, 1)), (b'b', (0,)), (b' ', (0, 1)), (b'c', (0,))]
    """
    source = segs[0].source
    stop = len(source) if stop is None else min(stop, len(source))
    if start >= stop:
        return []
    inner = [seg.boundaries[slice(*np.searchsorted(seg.boundaries, [start, stop]))] for seg in segs]
    places = np.unique(np.concatenate([np.array([start]), *inner]))
    makers = np.array([np.isin(places, one) for one in inner], dtype=bool)
    if start == 0:
        makers[:, 0] = True
    codes = (makers.T @ (1 << np.arange(len(segs), dtype=object))).tolist()
    names = {code: tuple(i for i in range(len(segs)) if code >> i & 1) for code in set(codes)}
    begins = places.tolist()
    return [
        Cut(piece := source[begin:end], names[who], _ends_line(piece), direction(piece), begin)
        for begin, end, who in zip(begins, [*begins[1:], stop], codes, strict=True)
    ]
