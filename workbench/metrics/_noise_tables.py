"""What fingers, scanners and typesetters mistake for what.

The keyboard is QWERTY; the pairs are the well-known confusions of optical character recognition
(Kissos & Dershowitz 2016 list such pairs as the bulk of its errors), written down for this project.
"""

from __future__ import annotations

from typing import Final

_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHIFT = (0.0, 0.5, 0.75, 1.25)  # how far each row stands to the right, in keys


def _neighbours() -> dict[str, str]:
    place = {
        key: (column + _SHIFT[row], row)
        for row, keys in enumerate(_ROWS)
        for column, key in enumerate(keys)
    }
    out = {}
    for key, (x, y) in place.items():
        near = [
            k for k, (a, b) in place.items() if k != key and abs(a - x) <= 1 and abs(b - y) <= 1
        ]
        out[key] = "".join(sorted(near))
        if key.isalpha():
            out[key.upper()] = "".join(sorted(k.upper() for k in near))
    return out


NEIGHBOURS: Final[dict[str, str]] = _neighbours()
"""The keys around each key, in its own case."""

_PAIRS = (
    # Latin letters and digits.
    *("rn m", "cl d", "vv w", "ii u", "li h", "l 1", "I l", "i l", "O 0", "o 0", "S 5", "s 5"),
    *("B 8", "Z 2", "z 2", "G 6", "g 9", "q g", "e c", "h b", "f t", "n u", "a o", "y v", "D O"),
    *("E F", "P R", "C G", "U V", "1 7", "3 8", "6 8", ". ,", "; :", "ä a", "ö o", "ü u", "é e"),
    *("è e", "à a", "ç c", "ı i", "ş s", "ğ g", "ñ n", "ß B"),
    # Cyrillic, Greek.
    *("и н", "ш щ", "о с", "п л", "ъ ь", "з э", "е с", "й и", "ё е", "ν υ", "ο σ", "ι ί", "α ά"),
    # Arabic, Hebrew: letters that differ by a dot or a corner.
    *("ب ت", "ت ث", "ج ح", "ح خ", "د ذ", "ر ز", "س ش", "ص ض", "ع غ", "ف ق", "ه ة", "ی ي"),
    *("ב כ", "ד ר", "ה ח", "ו ז", "ם ס"),
    # Devanagari, Ethiopic, Thai: letters of nearly one shape.
    *(
        "घ ध",
        "म भ",
        "प ष",
        "व ब",
        "ड ड़",
        "ह ङ",
        "ህ ሀ",
        "ሰ ስ",
        "በ ብ",
        "ተ ት",
        "ด ค",
        "ถ ภ",
        "ช ซ",
        "ฎ ฏ",
    ),
    # Han, kana, Hangul.
    *("未 末", "土 士", "日 曰", "人 入", "己 已", "大 太", "白 自", "天 夫", "木 本", "千 干"),
    *(
        "ソ ン",
        "シ ツ",
        "ロ 口",
        "カ 力",
        "は ほ",
        "る ろ",
        "ぬ め",
        "わ れ",
        "이 어",
        "를 름",
        "은 온",
        "가 기",
    ),
)


def _confusions() -> dict[str, tuple[str, ...]]:
    out: dict[str, list[str]] = {}
    for pair in _PAIRS:
        one, other = pair.split(" ")
        out.setdefault(one, []).append(other)
        out.setdefault(other, []).append(one)
    return {source: tuple(targets) for source, targets in out.items()}


CONFUSIONS: Final[dict[str, tuple[str, ...]]] = _confusions()
"""What a scanner reads instead, for one character or two."""

TYPOGRAPHY: Final[dict[str, tuple[str, ...]]] = {
    "'": ("\u2019", "\u2018"),
    '"': ("\u201c", "\u201d"),
    "...": ("\u2026",),
    "--": ("\u2014",),
    "-": ("\u2010", "\u2011", "\u2013"),
    " ": ("\u00a0", "\u2009", "\u202f"),
    "ff": ("\ufb00",),
    "fi": ("\ufb01",),
    "fl": ("\ufb02",),
    "\u2019": ("'",),
    "\u2018": ("'",),
    "\u201c": ('"',),
    "\u201d": ('"',),
    "\u2026": ("...",),
    "\u2013": ("-",),
    "\u2014": ("--", "-"),
    "\u00a0": (" ",),
}
"""What a typesetter or a word processor puts instead, and back."""
