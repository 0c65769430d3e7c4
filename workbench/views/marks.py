"""What a reader cannot see, marked and named: white space, line ends, joiners, controls, bytes.

`label(data)` turns the bytes of a token into parts that can be drawn as they are: no part holds a
control or a bidirectional formatting character, so that nothing in a token can move, hide or
reorder what stands around it. Bytes that are no whole character stay bytes, in hexadecimal.

Abbreviations of the characters are those of the Unicode Standard's code charts (chapter 23 and the
charts of General Punctuation); names come from `unicodedata`.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import regex

__all__ = ["Part", "direction", "label", "name_of", "spoken"]


class Part(NamedTuple):
    """A piece of a label.

    Attributes:
        kind: `text` (draw as it is), `space` (a mark for white space), `line` (for a line end),
            `mark` (the abbreviation of something invisible) or `byte` (hexadecimal).
        text: what to draw.
        name: what it is called, in words; empty for text that speaks for itself.
    """

    kind: str
    text: str
    name: str = ""


_SPACES = {
    " ": ("·", "space"),
    "\t": ("⇥", "tab"),
    "\u00a0": ("NBSP", "no-break space"),
    "\u1680": ("OSPM", "ogham space mark"),
    "\u2000": ("NQSP", "en quad"),
    "\u2001": ("MQSP", "em quad"),
    "\u2002": ("ENSP", "en space"),
    "\u2003": ("EMSP", "em space"),
    "\u2004": ("3/MSP", "three-per-em space"),
    "\u2005": ("4/MSP", "four-per-em space"),
    "\u2006": ("6/MSP", "six-per-em space"),
    "\u2007": ("FSP", "figure space"),
    "\u2008": ("PSP", "punctuation space"),
    "\u2009": ("THSP", "thin space"),
    "\u200a": ("HSP", "hair space"),
    "\u202f": ("NNBSP", "narrow no-break space"),
    "\u205f": ("MMSP", "medium mathematical space"),
    "\u3000": ("IDSP", "ideographic space"),
}
_LINES = {
    "\n": ("⏎", "line feed"),
    "\r": ("CR", "carriage return"),
    "\x0b": ("VT", "vertical tab"),
    "\x0c": ("FF", "form feed"),
    "\x85": ("NEL", "next line"),
    "\u2028": ("LSEP", "line separator"),
    "\u2029": ("PSEP", "paragraph separator"),
}
_CONTROLS = (
    "NUL null",
    "SOH start of heading",
    "STX start of text",
    "ETX end of text",
    "EOT end of transmission",
    "ENQ enquiry",
    "ACK acknowledge",
    "BEL bell",
    "BS backspace",
    "HT tab",
    "LF line feed",
    "VT vertical tab",
    "FF form feed",
    "CR carriage return",
    "SO shift out",
    "SI shift in",
    "DLE data link escape",
    "DC1 device control one",
    "DC2 device control two",
    "DC3 device control three",
    "DC4 device control four",
    "NAK negative acknowledge",
    "SYN synchronous idle",
    "ETB end of transmission block",
    "CAN cancel",
    "EM end of medium",
    "SUB substitute",
    "ESC escape",
    "FS file separator",
    "GS group separator",
    "RS record separator",
    "US unit separator",
)
_INVISIBLE = {
    "\u00ad": "SHY",
    "\u034f": "CGJ",
    "\u061c": "ALM",
    "\u115f": "HCF",
    "\u1160": "HJF",
    "\u17b4": "KIVAQ",
    "\u17b5": "KIVAA",
    "\u180e": "MVS",
    "\u200b": "ZWSP",
    "\u200c": "ZWNJ",
    "\u200d": "ZWJ",
    "\u200e": "LRM",
    "\u200f": "RLM",
    "\u202a": "LRE",
    "\u202b": "RLE",
    "\u202c": "PDF",
    "\u202d": "LRO",
    "\u202e": "RLO",
    "\u2060": "WJ",
    "\u2066": "LRI",
    "\u2067": "RLI",
    "\u2068": "FSI",
    "\u2069": "PDI",
    "\u3164": "HF",
    "\ufeff": "BOM",
    "\uffa0": "HHF",
}
# Joiners and selectors shape what stands before them and move nothing else: drawn, and named too.
_HARMLESS = regex.compile(
    "[\u200c\u200d\u034f\ufe00-\ufe0f\U000e0100-\U000e01ef\U000e0020-\U000e007f]"
)
_GRAPHEME = regex.compile(r"\X")
# One version of Unicode decides, that of the regex module: Python's own is older.
_HIDDEN = regex.compile(r"[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]")
_COMBINING = regex.compile(r"\p{M}")
_PLAIN = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}]+")
_STRONG = regex.compile(r"(?P<rtl>[\p{Bidi_Class=R}\p{Bidi_Class=AL}])|(?P<ltr>\p{Bidi_Class=L})")


def name_of(character: str) -> str:
    r"""The name of one character, in lower case; its code point where it has none.

    >>> name_of("\u200d"), name_of("\x00"), name_of("\ue000")
    ('zero width joiner', 'null', 'U+E000')
    """
    if character in _SPACES:
        return _SPACES[character][1]
    if character in _LINES:
        return _LINES[character][1]
    if ord(character) < 0x20:
        return _CONTROLS[ord(character)].partition(" ")[2]
    if character == "\x7f":
        return "delete"
    name = unicodedata.name(character, "")
    return name.lower() if name else f"U+{ord(character):04X}"


def _mark(character: str) -> Part | None:
    """The part for a character that cannot be seen, or None for one that can."""
    code = ord(character)
    if character in _SPACES:
        return Part("space", *_SPACES[character])
    if character in _LINES:
        return Part("line", *_LINES[character])
    short = _INVISIBLE.get(character)
    if short is None:
        if code < 0x20:
            short = _CONTROLS[code].partition(" ")[0]
        elif code == 0x7F:
            short = "DEL"
        elif 0xFE00 <= code <= 0xFE0F:
            short = f"VS{code - 0xFE00 + 1}"
        elif 0xE0100 <= code <= 0xE01EF:
            short = f"VS{code - 0xE0100 + 17}"
        elif 0xE0020 <= code <= 0xE007E:
            short = f"TAG {chr(code - 0xE0000)}".strip()
        elif _HIDDEN.match(character):
            short = f"U+{code:04X}"
        else:
            return None
    return Part("mark", short, name_of(character))


def _grapheme(cluster: str) -> Iterator[Part]:
    marks = [(character, _mark(character)) for character in cluster]
    seen = "".join(c for c, mark in marks if mark is None)
    if not seen:
        yield from (mark for _, mark in marks if mark is not None)
        return
    drawn = "".join(c for c, mark in marks if mark is None or _HARMLESS.match(c))
    first = seen[0]
    if drawn[0] == first and _COMBINING.match(first):
        yield Part("text", "\u25cc" + drawn, name_of(first))
    else:
        yield Part("text", drawn)
    hidden = [mark for _, mark in marks if mark is not None]
    for mark in dict.fromkeys(hidden):
        times = hidden.count(mark)
        more = f"×{times}" if times > 1 else ""
        yield Part(mark.kind, mark.text + more, mark.name + (f" {more}" if more else ""))


def _parts(data: bytes) -> Iterator[Part]:
    text = data.decode("utf-8", "surrogateescape")
    if _PLAIN.fullmatch(text):
        yield Part("text", text)
        return
    for broken, run in groupby(text, key=lambda c: "\udc80" <= c <= "\udcff"):
        piece = "".join(run)
        if broken:
            hexed = piece.encode("utf-8", "surrogateescape").hex(" ").upper()
            yield Part("byte", hexed, f"byte{'s' if len(piece) > 1 else ''} {hexed}")
        else:
            for cluster in _GRAPHEME.findall(piece):
                yield from _grapheme(cluster)


@lru_cache(maxsize=1 << 16)
def label(data: bytes) -> tuple[Part, ...]:
    r"""The bytes of a token as parts that can be drawn safely, in order.

    Args:
        data: any bytes; whole characters become text or marks, the rest stays bytes.

    Returns:
        Parts; adjacent plain text is one part.

    >>> [part.text for part in label(b" the")]
    ['·', 'the']
    >>> label(b"\xf0\x9f")[0]
    Part(kind='byte', text='F0 9F', name='bytes F0 9F')
    >>> [part.text for part in label("\u202eabc".encode())]
    ['RLO', 'abc']
    """
    joined: list[Part] = []
    for part in _parts(data):
        if joined and part.kind == "text" == joined[-1].kind and not (part.name or joined[-1].name):
            joined[-1] = Part("text", joined[-1].text + part.text)
        else:
            joined.append(part)
    return tuple(joined)


@lru_cache(maxsize=1 << 16)
def spoken(data: bytes) -> str:
    r"""How the bytes of a token are read out: marks by name, runs counted.

    >>> spoken(b" the"), spoken(b"    "), spoken(b"\r\n")
    ('space the', '4 spaces', 'carriage return line feed')
    """
    words: list[str] = []
    for key, run in groupby(label(data), key=lambda part: part.name or part.text):
        times = sum(1 for _ in run)
        words.append(key if times == 1 else f"{times} {key}s")
    return " ".join(words) or "nothing"


@lru_cache(maxsize=1 << 16)
def direction(data: bytes) -> str:
    """The first strong direction in `data`: `"rtl"`, `"ltr"`, or `""` where there is none.

    >>> direction("שלום".encode()), direction(b"abc"), direction(b"12 ")
    ('rtl', 'ltr', '')
    """
    found = _STRONG.search(data.decode("utf-8", "ignore"))
    return "" if found is None else str(found.lastgroup)
