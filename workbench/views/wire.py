"""What the inspector sends to the browser: columns of numbers, and each distinct chip once.

A row of chips is a list of keys. The look of a key (its parts, its id, its bytes) is sent the first
time it is used, and after that an edit costs a patch: where the list of keys changed, how many went
and which came. Places are not sent at all: an item knows how many tokens, bytes and characters it
covers, and the browser adds them up.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from workbench.segmentation import Segmentation
from workbench.tokenizers import Tokenizer
from workbench.views.chips import Chip, Content, Cut, cuts, items
from workbench.views.marks import Part, label, spoken
from workbench.views.token_table import ascii_safe

__all__ = ["Lane", "Patch", "Row", "Strip", "Window", "parts_json", "piece_json", "share_graphemes"]

MOST_CHIPS = 2500
"""Tokens drawn for one row; a window of text seldom has more."""

_KINDS = {"text": 0, "space": 1, "line": 2, "mark": 3, "byte": 4}
_ADDED, _WAS = 5, 6

_Look = TypeVar("_Look", bound=Hashable)
Patch = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """The stretch of the text that is drawn.

    Attributes:
        char_start: its first character.
        char_end: one past its last.
        byte_start: its first byte.
        byte_end: one past its last.
    """

    char_start: int
    char_end: int
    byte_start: int
    byte_end: int

    @classmethod
    def around(cls, text: str, place: int, width: int) -> "Window":
        """A window of about `width` characters around a place; all of a text not much longer."""
        if len(text) <= width * 4 // 3:
            return cls(0, len(text), 0, len(text.encode()))
        start = min(max(0, place - width // 2), len(text) - width)
        byte_start = len(text[:start].encode())
        return cls(
            start,
            start + width,
            byte_start,
            byte_start + len(text[start : start + width].encode()),
        )


class Lane(Generic[_Look]):
    """A list of looks as the browser knows it, and the way to bring it up to date."""

    def __init__(self) -> None:
        self._drawn: list[_Look] = []
        self._known: dict[_Look, int] = {}
        self._sent: set[int] = set()

    def reset(self) -> None:
        """Forget what the browser knows, as after it was reloaded."""
        self._drawn = []
        self._sent = set()

    def patch(self, looks: list[_Look]) -> tuple[Patch, dict[int, _Look]]:
        """The change from what is drawn to `looks`, and the looks the browser has not met.

        Returns:
            `at`, `remove` and `insert` (keys), and new looks by key.
        """
        old, end = self._drawn, min(len(self._drawn), len(looks))
        at = 0
        while at < end and old[at] == looks[at]:
            at += 1
        tail = 0
        while tail < end - at and old[-1 - tail] == looks[-1 - tail]:
            tail += 1
        fresh: dict[int, _Look] = {}
        insert = []
        for look in looks[at : len(looks) - tail]:
            key = self._known.setdefault(look, len(self._known))
            insert.append(key)
            if key not in self._sent:
                self._sent.add(key)
                fresh[key] = look
        self._drawn = looks
        return {"at": at, "remove": len(old) - tail - at, "insert": insert}, fresh


def parts_json(data: bytes) -> list[list[Any]]:
    """The parts of a label as short lists: kind, text and, where it has one, name."""
    return [_part(part) for part in label(data)]


def piece_json(piece: str) -> list[list[Any]]:
    """A vocabulary's spelling as parts, what cannot be seen written as an escape."""
    return parts_json(ascii_safe(piece).encode())


def _part(part: Part) -> list[Any]:
    kind = _KINDS[part.kind]
    return [kind, part.text, part.name] if part.name else [kind, part.text]


def _chip_parts(chip: Chip) -> list[list[Any]]:
    if chip.was is None:
        return parts_json(chip.data)
    if chip.data.endswith(chip.was):
        added = chip.data[: len(chip.data) - len(chip.was)]
        shown = "".join(part.text for part in label(added))
        name = f"{spoken(added)}, added by the tokenizer"
        return [[_ADDED, f"+{shown}", name], *parts_json(chip.was)]
    was = "".join(part.text for part in label(chip.was))
    return [[_WAS, was, f"{spoken(chip.was)} in the source"], *parts_json(chip.data)]


def _leads(data: bytes) -> int:
    """Characters that begin in `data`: bytes that are no continuation."""
    return sum(byte & 0xC0 != 0x80 for byte in data)


def _content_json(tokenizer: Tokenizer, content: Content) -> dict[str, Any]:
    source = content.source
    if content.kind == "token":
        chip = content.chips[0]
        source = chip.data if chip.was is None else chip.was
    chips = []
    for chip in content.chips:
        begin = _leads(source[: chip.start])
        inside = chip.start < len(source) and source[chip.start] & 0xC0 == 0x80
        finish = _leads(source[: chip.end])
        chips.append(
            {
                "id": chip.id,
                "parts": _chip_parts(chip),
                "flags": chip.special + 2 * chip.unknown + 4 * (chip.was is not None),
                "piece": piece_json(tokenizer.piece(chip.id)),
                "hex": chip.data.hex(" ").upper(),
                "said": spoken(chip.data),
                "bytes": [chip.start, chip.end],
                "chars": [begin - (1 if inside else 0), max(finish, begin)],
                "grapheme": chip.grapheme,
            }
        )
    out: dict[str, Any] = {"bytes": len(source), "chars": _leads(source), "chips": chips}
    if content.kind != "token":
        out |= {"source": parts_json(source), "said": spoken(source)}
    if content.reason:
        out["reason"] = content.reason
    if content.breaks:
        out["breaks"] = 1
    if content.direction:
        out["dir"] = content.direction
    return out


def share_graphemes(segs: Sequence[Segmentation]) -> None:
    """Let segmentations of one text share its graphemes, which are costly to find."""
    if not segs:
        return
    first, text = segs[0], segs[0].text
    if text.isascii() and "\r" not in text:
        edges = np.arange(len(text) + 1, dtype=np.int64)
    else:
        edges = first.grapheme_offsets
    for seg in segs:
        seg.__dict__.setdefault("grapheme_offsets", edges)


class Row:
    """One tokenizer's row: what the browser has of it.

    Attributes:
        key: a number of its own, by which the browser knows it.
        tokenizer: the tokenizer.
        span: first token drawn, and one past the last.
    """

    def __init__(self, key: int, tokenizer: Tokenizer) -> None:
        self.key = key
        self.tokenizer = tokenizer
        self.span = (0, 0)
        self._lane: Lane[Content] = Lane()

    def reset(self) -> None:
        """Forget what the browser knows."""
        self._lane.reset()

    def update(self, seg: Segmentation, window: Window) -> dict[str, Any]:
        """The message that brings the browser's row to this segmentation and window."""
        columns = seg.alignment
        start = int(np.searchsorted(columns.byte_end, window.byte_start, side="right"))
        stop = int(np.searchsorted(columns.byte_start, window.byte_end, side="left"))
        if window.byte_start == 0:
            start = 0
        if window.byte_end >= len(seg.source):
            stop = len(seg)
        capped = stop - start > MOST_CHIPS
        drawn = items(seg, start, min(stop, start + MOST_CHIPS))
        patch, fresh = self._lane.patch([item.content for item in drawn])
        first = drawn[0] if drawn else None
        byte = first.byte_start if first else window.byte_start
        token = first.first if first else start
        self.span = (token, sum(len(item.content.chips) for item in drawn) + token)
        looks = {key: _content_json(self.tokenizer, look) for key, look in fresh.items()}
        return {
            "key": self.key,
            "name": self.tokenizer.name,
            "algorithm": self.tokenizer.algorithm,
            "library": self.tokenizer.library,
            "count": len(seg),
            "origin": [token, byte, _leads(seg.source[:byte])],
            "capped": capped,
            "patch": patch,
            "looks": looks,
        }


class Strip:
    """The boundary strip: the text cut wherever one of the rows cuts it."""

    def __init__(self) -> None:
        self._lane: Lane[tuple[bytes, tuple[int, ...], bool, str]] = Lane()

    def reset(self) -> None:
        """Forget what the browser knows."""
        self._lane.reset()

    def update(self, segs: Sequence[Segmentation], window: Window) -> dict[str, Any]:
        """The message that brings the browser's strip to these segmentations and window."""
        pieces = cuts(segs, window.byte_start, window.byte_end)[: 2 * MOST_CHIPS] if segs else []
        patch, fresh = self._lane.patch([_bare(cut) for cut in pieces])
        looks = {
            key: {
                "bytes": len(data),
                "parts": parts_json(data),
                "who": who,
                **({"breaks": 1} if breaks else {}),
                **({"dir": way} if way else {}),
            }
            for key, (data, who, breaks, way) in fresh.items()
        }
        return {"origin": [0, window.byte_start, 0], "patch": patch, "looks": looks}


def _bare(cut: Cut) -> tuple[bytes, tuple[int, ...], bool, str]:
    return cut.data, cut.who, cut.breaks, cut.direction
