r"""Characters that two regular-expression engines know from different versions of Unicode.

``tiktoken`` matches with Rust's tables, this project with the ``regex`` module's, and each release
brings its own Unicode. A letter that only one of them knows is cut differently. Instead of
guessing versions, the library is asked: an encoding whose pattern is ``\p{Cn}`` returns exactly
the characters it believes unassigned. Where the two disagree the character is replaced, for the
pattern only, by one that both put in the library's category.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import regex

# One old character of each category, none of them white space or part of a contraction.
_STAND_INS = {
    "Lu": "Ж", "Ll": "ж", "Lt": "ǅ", "Lm": "ʰ", "Lo": "א",
    "Mn": "\u0301", "Mc": "\u0903", "Me": "\u20dd",
    "Nd": "\u0661", "Nl": "Ⅷ", "No": "²",
    "Pc": "‿", "Pd": "–", "Ps": "«", "Pe": "\u2046", "Pi": "“", "Pf": "”", "Po": "¿",
    "Sm": "±", "Sc": "€", "Sk": "´", "So": "©",
    "Cf": "\u200b", "Co": "\ue000", "Cn": "\ufdd0",
}  # fmt: skip
_UNASSIGNED = regex.compile(r"\p{Cn}")

_asked: dict[str, str] = {}


@cache
def _library(pattern: str) -> Any:
    """A tiktoken encoding of single bytes whose pattern is ``pattern``."""
    import tiktoken

    ranks = {bytes([byte]): byte for byte in range(256)}
    return tiktoken.Encoding(
        f"probe {pattern}", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
    )


def _matched(pattern: str, text: str) -> set[str]:
    return set(bytes(_library(pattern).encode_ordinary(text)).decode())


def as_tiktoken_sees(text: str) -> str:
    """The text with each character replaced that ``tiktoken`` puts in another category.

    The result has the same length, so positions carry over; it is for matching only.

    Example:
        >>> as_tiktoken_sees("naïve 日本 👍")
        'naïve 日本 👍'
    """
    if text.isascii():
        return text
    fresh = "".join({character for character in text if character not in _asked})
    if fresh:
        theirs = _matched(r"\p{Cn}", fresh)
        ours = set(_UNASSIGNED.findall(fresh))
        _asked.update(zip(fresh, fresh, strict=True))
        for character in theirs - ours:
            _asked[character] = _STAND_INS["Cn"]
        for character in ours - theirs:
            for category, stand_in in _STAND_INS.items():
                if _matched(rf"\p{{{category}}}", character):
                    _asked[character] = stand_in
                    break
    if all(_asked[character] == character for character in text):
        return text
    return "".join(_asked[character] for character in text)
