"""A tokenizer that cuts words into morphemes before anything else.

It needs an analyser for every word; a table of analyses stands in for one, which is the best case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import regex

from workbench.tokenizers import Alignment, Tokenizer, TokenizerError
from workbench.tokenizers.base import identity_alignment, utf8
from workbench.tokenizers.baselines import Baseline

__all__ = ["MorphemeFirst", "cut_first"]

# What stands between white space; that less the punctuation around it; runs of letters inside.
_CHUNK = regex.compile(r"\S+")
_BARE = regex.compile(r"[^\s\p{P}\p{S}](?:\S*[^\s\p{P}\p{S}])?")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*")
# A space put before each text, another form of a character or an unknown one would show in these.
_SAMPLES = ("a", " a", "a  b\n", "Ünlü e\u0301 한국 \U0001f4a9")


def cut_first(text: str, analyses: Mapping[str, Sequence[str]]) -> list[str]:
    """A text cut into the morphs of the words that have an analysis, and what is between them.

    A word is what stands between white space; else that without the punctuation around it; else
    each run of letters and digits in it. White space before a word belongs to its first morph.

    Args:
        text: Any text.
        analyses: Morphs by word; they spell it.

    Returns:
        Pieces that join to the text, none empty.

    >>> cut_first("The (cats) like cats.", {"cats": ("cat", "s")})
    ['The (', 'cat', 's', ') like', ' cat', 's', '.']
    """
    edges = [0]
    for start, morphs in _analysed(text, analyses):
        ends = accumulate(map(len, morphs), initial=start)
        next(ends)  # the start itself: the cut is before the space there
        edges += [edges[-1] + len(text[edges[-1] : start].rstrip()), *ends]
    edges.append(len(text))
    return [text[a:b] for a, b in pairwise(edges) if a < b]


def _analysed(
    text: str, analyses: Mapping[str, Sequence[str]]
) -> Iterator[tuple[int, Sequence[str]]]:
    """Where each word with an analysis starts, and its morphs."""
    for chunk in _CHUNK.finditer(text):
        for pattern in (_CHUNK, _BARE, _WORD):
            found = [
                (match.start(), analyses[match[0]])
                for match in pattern.finditer(text, *chunk.span())
                if match[0] in analyses
            ]
            if found:
                yield from found
                break


class MorphemeFirst(Baseline):
    """Cut words into morphemes, then each morpheme by a byte-level tokenizer.

    Args:
        base: A tokenizer whose tokens join to the text, for any part of it: no space put before,
            no other form of a character.
        analyses: Morphs by word; a word that is not there, or whose morphs do not spell it, goes
            to the base as it is. Punctuation beside a word is left to the base.
        name: How it is called in tables.

    Raises:
        TokenizerError: If the base does not keep a text to the byte.

    Example:
        >>> from workbench.tokenizers import load_tokenizer
        >>> tok = MorphemeFirst(load_tokenizer("workbench-bpe"), {"cats": ("cat", "s")})
        >>> [tok.token_bytes(i) for i in tok.encode("the cats")][-1]
        b's'
    """

    def __init__(
        self, base: Tokenizer, analyses: Mapping[str, Sequence[str]], name: str = ""
    ) -> None:
        super().__init__(name or f"morphemes, then {base.name}")
        self.algorithm = base.algorithm
        self.base = base
        self.analyses = {
            word: tuple(filter(None, morphs))
            for word, morphs in analyses.items()
            if word and "".join(morphs) == word
        }
        for text in _SAMPLES:
            self._sizes(text, base.encode(text))
        self.special_ids, self.unk_id = base.special_ids, base.unk_id

    @property
    def vocab_size(self) -> int | None:
        """That of the base."""
        return self.base.vocab_size

    @property
    def definition(self) -> dict[str, Any]:
        """The base's, and the analyses before it."""
        return {**self.base.definition, "morphs": {k: list(v) for k, v in self.analyses.items()}}

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:
        if not (parse_special and self.special_ids):
            pieces = cut_first(text, self.analyses)  # the base cuts what is between as it would
            return [token for piece in pieces for token in self.base.encode(piece)]
        ids: list[int] = []
        source, at = utf8(text), 0
        there = self.base.align(text, parse_special=True)
        for i in np.flatnonzero(there.special).tolist():
            ids += self._encode(source[at : there.byte_start[i]].decode(), parse_special=False)
            ids.append(int(there.ids[i]))
            at = int(there.byte_end[i])
        return ids + self._encode(source[at:].decode(), parse_special=False)

    def _sizes(self, text: str, ids: Sequence[int]) -> Any:
        pieces = [self.base.token_bytes(i) for i in ids]
        if b"".join(pieces) != text.encode():
            raise TokenizerError(
                f"{self.base.name!r} does not keep {text!r} to the byte: morphemes first needs a "
                f"byte-level tokenizer below it, one that puts no space before a text"
            )
        return np.array([len(piece) for piece in pieces], dtype=np.int64)

    def _lengths(self, text: str) -> Any:
        return self._sizes(text, self._encode(text, parse_special=False))

    def align(self, text: str, *, parse_special: bool = False) -> Alignment:
        """Return which bytes of the text each token came from."""
        source = utf8(text)
        ids = np.array(self._encode(text, parse_special=parse_special), dtype=np.int64)
        special = np.isin(ids, list(self.special_ids)) & parse_special
        return identity_alignment(ids, self._sizes(text, ids.tolist()), source, special)

    def _piece(self, token_id: int) -> str | None:
        return self.base._piece(token_id)  # noqa: SLF001 - a tokenizer that wraps another

    def _bytes(self, token_id: int) -> bytes:
        return self.base.token_bytes(token_id)

    def id_of(self, piece: str) -> int | None:
        """The base's id."""
        return self.base.id_of(piece)

    def ids(self) -> list[int]:
        """The base's ids."""
        return self.base.ids()

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.base, self.analyses, self.name))
