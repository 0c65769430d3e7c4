"""Where added tokens stand in a text, as ``tokenizers`` finds them.

The library cuts added tokens out before anything else: first those matched in the raw text, then,
after the normalizer, those matched in the normalized text. The longest match at the leftmost place
wins; ``single_word``, ``lstrip`` and ``rstrip`` apply afterwards. Special tokens that are switched
off still take part in the search (they use up their stretch) and are then passed over.

Source: behaviour of ``tokenizers`` 0.22 to 0.23 (``added_vocabulary``), held to it by tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import regex

# What Rust's regex crate calls a word character and white space.
_WORD = r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]"
_ENDS_WITH_WORD = regex.compile(_WORD + r"\Z")
_STARTS_WITH_WORD = regex.compile(r"\A" + _WORD)
_SPACE_AT_END = regex.compile(r"\p{White_Space}*\Z")
_SPACE_AT_START = regex.compile(r"\A\p{White_Space}*")


@dataclass(frozen=True, slots=True)
class AddedToken:
    """One entry of ``added_tokens``."""

    id: int
    content: str
    special: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False


class AddedTokenFinder:
    """Finds a set of added tokens in a text.

    Example:
        >>> finder = AddedTokenFinder([AddedToken(7, "<s>", special=True)])
        >>> finder.split("a<s>b", parse_special=True)
        [(0, 1, None), (1, 4, 7), (4, 5, None)]
        >>> finder.split("a<s>b", parse_special=False)
        [(0, 5, None)]
    """

    def __init__(self, tokens: Iterable[AddedToken]) -> None:
        self._by_content = {token.content: token for token in tokens if token.content}
        longest_first = sorted(self._by_content, key=len, reverse=True)
        self._pattern = (
            regex.compile("|".join(regex.escape(content) for content in longest_first))
            if longest_first
            else None
        )

    def split(self, text: str, *, parse_special: bool) -> list[tuple[int, int, int | None]]:
        """(start, end, id or None) of the stretches of a text, in characters, without gaps."""
        if not text:
            return []
        found: list[tuple[int, int, int | None]] = []
        done = 0
        for match in self._pattern.finditer(text) if self._pattern else ():
            token = self._by_content[match.group()]
            start, end = match.span()
            if token.special and not parse_special:
                continue
            if token.single_word and (
                _ENDS_WITH_WORD.search(text[max(0, start - 1) : start])
                or _STARTS_WITH_WORD.search(text[end : end + 1])
            ):
                continue
            if token.lstrip:
                space = _SPACE_AT_END.search(text[:start])
                start = max(space.start() if space else start, done)
            if token.rstrip:
                space = _SPACE_AT_START.search(text[end:])
                end += space.end() if space else 0
            if done < start:
                found.append((done, start, None))
            found.append((start, end, token.id))
            done = end
        if done < len(text):
            found.append((done, len(text), None))
        return found
