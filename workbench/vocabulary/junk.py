"""Entries that look like litter of the training data: candidates, each with its reason.

A candidate is a hint to look, not a verdict: a run of equals signs is litter to one and Markdown
to another.
"""

from __future__ import annotations

import regex

_RUN = regex.compile(r"(.{1,3}?)\1{7,}", regex.DOTALL)
_URL = regex.compile(r"https?:|www\.|\.(?:com|org|net|html?|php|aspx)\b")
_HEX = regex.compile(r"(?=.*\d)(?=.*[a-fA-F])[0-9a-fA-F]{12,}")
_GLUED = regex.compile(r"(?:\p{Lu}?\p{Ll}+){2,}\p{Lu}?\p{Ll}*")
_CAMEL = regex.compile(r"\p{Ll}\p{Lu}")
_CONTROL = regex.compile(r"(?![\t\n\r])[\p{Cc}\p{Co}]")
#: An entry of this many characters without white space is seldom a word.
LONG = 24
#: A camel-case name of this many characters is a name of one project, not a word.
NAME = 20


def junk_reason(text: str) -> str | None:
    """Why an entry looks like litter, or None.

    Args:
        text: the entry as text; special tokens are the caller's to leave out.

    Example:
        >>> for text in (" the", "================", "â€™s", "\ufffd", "RenderingContextFactory"):
        ...     print(junk_reason(text))
        None
        a run of one pattern
        mojibake
        U+FFFD
        a name from code
    """
    if len(text) < 8 and text.isascii() and text.strip(" ").isalpha():
        return None  # most of a vocabulary: too short for any of what follows
    if "\ufffd" in text:
        return "U+FFFD"
    if _CONTROL.search(text):
        return "control or private-use characters"
    if _mojibake(text):
        return "mojibake"
    bare = text.strip()
    if not bare:
        return "a long run of white space" if len(text) > 16 else None
    if _RUN.search(bare):
        return "a run of one pattern"
    if _URL.search(bare):
        return "part of an address"
    if _HEX.fullmatch(bare):
        return "hexadecimal digits"
    if len(bare) >= NAME and _CAMEL.search(bare) and _GLUED.fullmatch(bare):
        return "a name from code"
    if len(bare) >= LONG and not regex.search(r"\s", bare):
        return "longer than words are"
    return None


def _mojibake(text: str) -> bool:
    """Whether the text is UTF-8 that was once read as Windows-1252 or Latin-1."""
    if text.isascii():
        return False
    for encoding in ("cp1252", "latin-1"):
        try:
            again = text.encode(encoding).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if again != text:
            return True
    return False
