"""Noise with its alignment: a text changed in known places, by seed, exactly.

A kind of noise says at which **sites** it can strike; `rate` is the share of sites that it does
strike, rounded up or down by chance so that short texts are hit in proportion. The sites are drawn
in an order that the seed fixes, so what is struck at 2% is struck at 5% too.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import regex

from workbench.metrics._base import IntArray
from workbench.metrics._cuts import character_bytes
from workbench.metrics._noise_tables import CONFUSIONS, NEIGHBOURS, TYPOGRAPHY

Edit = tuple[int, int, str]
"""Characters from, to, and what stands there instead."""

Site = tuple[int, int]
"""Characters from, to (equal: the gap before a character)."""


@dataclass(frozen=True, eq=False)
class Perturbed:
    """A text after noise, and which part of it came from where.

    Attributes:
        text: The noisy text.
        alignment: int64 (parts, 4): characters of the clean text from, to, of the noisy text from,
            to. The parts follow one another and cover both texts; kept and changed parts alternate
            freely, and `changed` says which is which. A side may be empty.
        changed: bool (parts,): whether noise struck this part.
        source: The clean text.
    """

    text: str
    alignment: IntArray
    changed: np.ndarray[tuple[int], np.dtype[np.bool_]]
    source: str

    @property
    def edits(self) -> int:
        """How many places noise struck."""
        return int(self.changed.sum())

    def byte_alignment(self) -> IntArray:
        """The alignment in bytes of UTF-8.

        Returns:
            int64 (parts, 4).
        """
        out = self.alignment.copy()
        out[:, :2] = character_bytes(self.source)[self.alignment[:, :2]]
        out[:, 2:] = character_bytes(self.text)[self.alignment[:, 2:]]
        return out


@dataclass(frozen=True)
class Kind:
    """A kind of noise.

    Attributes:
        name: As asked for.
        summary: What it imitates.
        unit: What a site is: `rate` is a share of these.
        sites: Where it can strike a text, in order.
        strike: The edit at a site; None leaves the site as it is.
    """

    name: str
    summary: str
    unit: str
    sites: Callable[[str], list[Site]]
    strike: Callable[[str, Site, random.Random], Edit | None]


def _solid(text: str) -> list[Site]:
    return [(i, i + 1) for i, character in enumerate(text) if not character.isspace()]


def _cased(text: str) -> list[Site]:
    # Where a case has several letters (ß), or the two cases do not lead back, nothing is struck.
    return [
        (i, i + 1)
        for i, c in enumerate(text)
        if c.swapcase() != c and len(c.swapcase()) == 1 and c.swapcase().swapcase() == c
    ]


def _gaps(text: str) -> list[Site]:
    """White space between words, and the gaps within words."""
    out: list[Site] = []
    for i in range(1, len(text)):
        before, here = text[i - 1], text[i]
        if here == " " and 0 < i < len(text) - 1:
            out.append((i, i + 1))
        elif before.isalnum() and here.isalnum():
            out.append((i, i))
    return out


@cache
def _pattern(table: str) -> regex.Pattern[str]:
    entries = CONFUSIONS if table == "ocr" else TYPOGRAPHY
    return regex.compile("|".join(map(regex.escape, sorted(entries, key=len, reverse=True))))


def _matches(table: str) -> Callable[[str], list[Site]]:
    return lambda text: [m.span() for m in _pattern(table).finditer(text)]


def _strike_character(text: str, site: Site, chance: random.Random) -> Edit | None:
    start, end = site
    pool = [c for c in text if not c.isspace()]  # as frequent as in the text itself
    how = chance.choice(("substitute", "delete", "insert"))
    if how == "delete":
        return start, end, ""
    other = chance.choice(pool)
    return (start, start, other) if how == "insert" else (start, end, other)


def _strike_typing(text: str, site: Site, chance: random.Random) -> Edit | None:
    start, end = site
    here = text[start]
    near = NEIGHBOURS.get(here, "")
    following = text[end] if end < len(text) and not text[end].isspace() else ""
    ways = ["neighbour"] * bool(near) + ["swap"] * bool(following) + ["drop", "double"]
    how = chance.choice(ways)
    if how == "neighbour":
        return start, end, chance.choice(near)
    if how == "swap":
        return start, end + 1, following + here
    return start, end, "" if how == "drop" else here + here


def _strike_table(table: dict[str, tuple[str, ...]]) -> Callable[..., Edit | None]:
    def strike(text: str, site: Site, chance: random.Random) -> Edit | None:
        return (*site, chance.choice(table[text[slice(*site)]]))

    return strike


def _strike_case(text: str, site: Site, _chance: random.Random) -> Edit | None:
    return (*site, text[slice(*site)].swapcase())


def _strike_gap(text: str, site: Site, chance: random.Random) -> Edit | None:
    start, end = site
    if start == end:
        return start, end, " "
    # What is added or taken is the change; the space that stays is not.
    return (start, end, "") if chance.random() < 0.5 else (end, end, text[start])


def _strike_nothing_else(form: str) -> Callable[..., Edit | None]:
    def strike(text: str, site: Site, _chance: random.Random) -> Edit | None:
        return (*site, unicodedata.normalize(form, text[slice(*site)]))  # type: ignore[arg-type]

    return strike


def _denormal(form: str) -> Callable[[str], list[Site]]:
    def sites(text: str) -> list[Site]:
        clusters = (m.span() for m in regex.finditer(r"\X", text))
        return [
            span
            for span in clusters
            if not unicodedata.is_normalized(form, text[slice(*span)])  # type: ignore[arg-type]
        ]

    return sites


def _all_kinds() -> Iterator[Kind]:
    character = "characters that are not white space"
    yield Kind(
        "characters",
        "a character replaced, dropped or put in before it, at random from the text's own",
        character,
        _solid,
        _strike_character,
    )
    yield Kind(
        "typing",
        "slips of the finger: a neighbouring key, two characters swapped, one dropped or doubled",
        character,
        _solid,
        _strike_typing,
    )
    yield Kind(
        "ocr",
        "what a scanner misreads: rn for m, 1 for l, letters that differ by a dot",
        "places that can be misread",
        _matches("ocr"),
        _strike_table(CONFUSIONS),
    )
    yield Kind(
        "typography",
        "curly quotes, dashes, ligatures, narrow and no-break spaces, and back",
        "characters with a typographic twin",
        _matches("typography"),
        _strike_table(TYPOGRAPHY),
    )
    yield Kind("case", "a letter in the other case", "letters of two cases", _cased, _strike_case)
    yield Kind(
        "spacing",
        "a space lost or doubled, or put inside a word",
        "spaces between words and gaps within words",
        _gaps,
        _strike_gap,
    )
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield Kind(
            form.lower(),
            f"graphemes rewritten in the Unicode normalization form {form}",
            f"graphemes not in {form}",
            _denormal(form),
            _strike_nothing_else(form),
        )


KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _all_kinds()}
"""Every kind of noise by name."""


def perturb(text: str, kind: str, rate: float = 0.05, seed: int | str = 0) -> Perturbed:
    """Put noise on a text and remember where.

    Args:
        text: The clean text.
        kind: A name of `KINDS`: "characters", "typing", "ocr", "typography", "case", "spacing",
            "nfc", "nfd", "nfkc" or "nfkd".
        rate: Share of the sites of that kind that are struck, 0 to 1. A strike that would touch
            its neighbour's characters is left out, so a high rate may fall short.
        seed: The same seed gives the same noise on every machine.

    Returns:
        The noisy text with its alignment.

    Raises:
        ValueError: If the kind is unknown or the rate is not between 0 and 1.

    Example:
        >>> noisy = perturb("The café", "nfd", rate=1)
        >>> len(noisy.text), noisy.alignment.tolist()
        (9, [[0, 7, 0, 7], [7, 8, 7, 9]])
    """
    if kind not in KINDS:
        raise ValueError(f"there is no noise called {kind!r}; there are {', '.join(KINDS)}")
    if not 0 <= rate <= 1:
        raise ValueError(f"rate is the share of sites to strike, from 0 to 1, not {rate!r}")
    chosen = KINDS[kind]
    sites = chosen.sites(text)
    chance = random.Random(f"{kind}:{seed}")  # noqa: S311 - noise, not secrets
    order = sorted((chance.random(), site) for site in sites)
    wanted = rate * len(sites)
    number = int(wanted) + (chance.random() < wanted - int(wanted))
    edits: list[Edit] = []
    taken: set[int] = set()
    for place, site in order[:number]:
        edit = chosen.strike(text, site, random.Random(f"{kind}:{seed}:{place!r}"))  # noqa: S311
        if edit is None or text[edit[0] : edit[1]] == edit[2]:
            continue
        start, end, _ = edit
        # Odd numbers are characters, even ones the gaps before them.
        touched = {2 * start} if start == end else set(range(2 * start + 1, 2 * end))
        if not touched & taken:
            taken |= touched
            edits.append(edit)
    return _applied(text, sorted(edits))


def _applied(text: str, edits: list[Edit]) -> Perturbed:
    pieces: list[str] = []
    rows: list[tuple[int, int, int, int]] = []
    changed: list[bool] = []
    here = there = 0
    for start, end, put in [*edits, (len(text), len(text), "")]:
        if start > here:
            pieces.append(text[here:start])
            rows.append((here, start, there, there + start - here))
            changed.append(False)
            there += start - here
        if end > start or put:
            pieces.append(put)
            rows.append((start, end, there, there + len(put)))
            changed.append(True)
            there += len(put)
        here = end
    return Perturbed(
        "".join(pieces),
        np.array(rows, dtype=np.int64).reshape(-1, 4),
        np.array(changed, dtype=np.bool_),
        text,
    )
