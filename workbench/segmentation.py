"""A text cut into tokens, exact to the byte.

`segment` returns a `Segmentation`: columns of ids and byte spans, from which `Token` objects, a
frame and a picture are made when asked for. Each byte of the source belongs to a token or to a
listed drop with its reason; `compare_boundaries` lays several segmentations of one text over each
other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
import polars as pl
import regex

from workbench.tokenizers import Alignment, Tokenizer, TokenizerError, load_tokenizer
from workbench.tokenizers.base import Int64s, utf8
from workbench.tokenizers.spans import byte_offsets

_GRAPHEME = regex.compile(r"\X")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_]+(?:['’\-][\p{L}\p{M}\p{N}_]+)*")


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a text.

    Attributes:
        index: Its place among the tokens, from 0.
        id: Its id in the vocabulary.
        piece: The entry as the vocabulary spells it, for example `Ġthe` or `▁the`.
        data: What it covers of `Segmentation.normalized`, in bytes; for an unknown token too.
        byte_start: First byte of the source that it covers.
        byte_end: One past the last; equal to `byte_start` where the tokenizer inserted the token.
        char_start: First character of the source that it touches.
        char_end: One past the last. A token inside a character touches that whole character.
        is_special: Whether it was read as a special token.
    """

    index: int
    id: int
    piece: str
    data: bytes
    byte_start: int
    byte_end: int
    char_start: int
    char_end: int
    is_special: bool


@dataclass(frozen=True, slots=True)
class Drop:
    """Source bytes that no token covers.

    Attributes:
        byte_start: First byte.
        byte_end: One past the last.
        reason: Why, for example `white space dropped by the pre-tokenizer`.
    """

    byte_start: int
    byte_end: int
    reason: str


class Tokens(Sequence[Token]):
    """The tokens of a segmentation, made when asked for: a text can have a million."""

    def __init__(self, segmentation: Segmentation) -> None:
        self._of = segmentation

    def __len__(self) -> int:
        return len(self._of)

    @overload
    def __getitem__(self, index: int) -> Token: ...
    @overload
    def __getitem__(self, index: slice) -> list[Token]: ...
    def __getitem__(self, index: int | slice) -> Token | list[Token]:
        if isinstance(index, slice):
            return [self._of.token(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"token {index} of {len(self)}")
        return self._of.token(index % len(self) if len(self) else index)

    def __iter__(self) -> Iterator[Token]:
        return (self._of.token(i) for i in range(len(self)))

    def __repr__(self) -> str:
        head = ", ".join(repr(t.piece) for t in self[:8])
        return f"<{len(self)} tokens: {head}{', …' if len(self) > 8 else ''}>"


class Segmentation:
    r"""A text cut into tokens by one tokenizer.

    Attributes:
        text: The text.
        source: The text in UTF-8.
        tokenizer: The tokenizer.
        alignment: The columns everything else is made from.

    Example:
        >>> import workbench as wb
        >>> seg = wb.segment("naïve", wb.load_tokenizer("bytes"))
        >>> len(seg), seg.boundaries.tolist()
        (6, [1, 2, 3, 4, 5])
        >>> seg.tokens[2].data, seg.tokens[2].char_start
        (b'\xc3', 2)
    """

    def __init__(self, text: str, tokenizer: Tokenizer, alignment: Alignment) -> None:
        self.text = text
        self.source = utf8(text)
        self.tokenizer = tokenizer
        self.alignment = alignment

    def __len__(self) -> int:
        return len(self.alignment.ids)

    @property
    def ids(self) -> list[int]:
        """Token ids, equal to `tokenizer.encode(text)`."""
        ids: list[int] = self.alignment.ids.tolist()
        return ids

    @property
    def tokens(self) -> Tokens:
        """The tokens, a sequence of `Token`."""
        return Tokens(self)

    @property
    def normalized(self) -> bytes:
        """What the library's own normalizer and pre-tokenizer made of the text."""
        return self.alignment.normalized

    @cached_property
    def dropped(self) -> tuple[Drop, ...]:
        """Source spans that no token covers, in order, each with its reason."""
        return tuple(Drop(a, b, why) for a, b, why in self.alignment.unused_reason)

    @cached_property
    def boundaries(self) -> Int64s:
        """Byte offsets inside the source where a token begins or ends, sorted.

        The two ends of the text are not among them. Where one source character became several
        tokens that share its span, there is no cut in the source and none is listed.
        """
        a = self.alignment
        edges = np.unique(np.concatenate([a.byte_start, a.byte_end]))
        edges = edges[(edges > 0) & (edges < len(self.source))]
        if len(edges) == 0:
            return edges
        # An edge inside the span of another token is no cut: tokens share that character.
        wide = a.byte_end > a.byte_start
        opened = np.searchsorted(np.sort(a.byte_start[wide]), edges, side="left")
        closed = np.searchsorted(np.sort(a.byte_end[wide]), edges, side="right")
        cuts: Int64s = edges[opened == closed]
        return cuts

    @cached_property
    def _offsets(self) -> Int64s:
        return byte_offsets(self.text)

    @cached_property
    def char_start(self) -> Int64s:
        """First character each token touches, shape `(tokens,)`."""
        return np.searchsorted(self._offsets, self.alignment.byte_start, side="right") - 1

    @cached_property
    def char_end(self) -> Int64s:
        """One past the last character each token touches, shape `(tokens,)`."""
        return np.searchsorted(self._offsets, self.alignment.byte_end, side="left")

    @cached_property
    def grapheme_offsets(self) -> Int64s:
        """Byte offset of each grapheme cluster and of the end (Unicode's UAX 29)."""
        ends = [m.end() for m in _GRAPHEME.finditer(self.text)]
        return self._offsets[np.array([0, *ends], dtype=np.int64)]

    @cached_property
    def word_spans(self) -> Int64s:
        """Byte spans of the words, shape `(words, 2)`.

        A word is a run of letters, marks, digits and underscores, joined by inner apostrophes and
        hyphens. Scripts written without spaces give one word a run.
        """
        spans = [m.span() for m in _WORD.finditer(self.text)]
        return self._offsets[np.array(spans, dtype=np.int64).reshape(-1, 2)]

    def token(self, index: int) -> Token:
        """Return the token at an index from 0."""
        a = self.alignment
        token_id = int(a.ids[index])
        return Token(
            index=index,
            id=token_id,
            piece=self.tokenizer.piece(token_id),
            data=a.normalized[int(a.norm_start[index]) : int(a.norm_end[index])],
            byte_start=int(a.byte_start[index]),
            byte_end=int(a.byte_end[index]),
            char_start=int(self.char_start[index]),
            char_end=max(int(self.char_end[index]), int(self.char_start[index])),
            is_special=bool(a.special[index]),
        )

    @cached_property
    def graphemes(self) -> tuple[Int64s, Int64s]:
        """First grapheme each token touches and one past the last, each of shape `(tokens,)`."""
        a, edges = self.alignment, self.grapheme_offsets
        first = np.searchsorted(edges, a.byte_start, side="right") - 1
        last = np.searchsorted(edges, a.byte_end, side="left")
        return first, np.maximum(first, last)

    @cached_property
    def words(self) -> Int64s:
        """Index of the word each token touches first, or -1, shape `(tokens,)`."""
        a, spans = self.alignment, self.word_spans
        if len(spans) == 0:
            return np.full(len(self), -1, dtype=np.int64)
        following = np.searchsorted(spans[:, 1], a.byte_start, side="right")
        inside = np.minimum(following, len(spans) - 1)
        touches = (following < len(spans)) & (spans[inside, 0] < a.byte_end)
        return np.where(touches, inside, -1)

    def to_frame(self) -> pl.DataFrame:
        """Return one row a token.

        Returns:
            Columns `index`, `id`, `piece`, `data` (bytes of `normalized`), `text` (`data` as
            text, U+FFFD for bytes that are not UTF-8), `byte_start`, `byte_end`, `char_start`,
            `char_end`, `is_special`, `is_unknown`, `grapheme_start`, `grapheme_end` (graphemes
            touched), `word_index` (null where it touches none).
        """
        a = self.alignment
        unique, inverse = np.unique(a.ids, return_inverse=True)
        pieces = [self.tokenizer.piece(i) for i in unique.tolist()]
        spans = zip(a.norm_start.tolist(), a.norm_end.tolist(), strict=True)
        data = [a.normalized[start:end] for start, end in spans]
        unk = self.tokenizer.unk_id
        first, last = self.graphemes
        words = pl.Series(self.words)
        return pl.DataFrame(
            {
                "index": pl.Series(np.arange(len(self), dtype=np.int64)),
                "id": pl.Series(a.ids),
                "piece": pl.Series([pieces[i] for i in inverse.tolist()], dtype=pl.String),
                "data": pl.Series(data, dtype=pl.Binary),
                "text": pl.Series([d.decode("utf-8", "replace") for d in data], dtype=pl.String),
                "byte_start": pl.Series(a.byte_start),
                "byte_end": pl.Series(a.byte_end),
                "char_start": pl.Series(self.char_start),
                "char_end": pl.Series(np.maximum(self.char_end, self.char_start)),
                "is_special": pl.Series(a.special),
                "is_unknown": pl.Series(a.ids == (-1 if unk is None else unk))
                & ~pl.Series(a.special),
                "grapheme_start": pl.Series(first),
                "grapheme_end": pl.Series(last),
                "word_index": words.set(words < 0, None),
            }
        )

    def _repr_html_(self) -> str:
        from workbench.views.tokens import token_view

        return token_view(self).to_html()

    def __repr__(self) -> str:
        return (
            f"<Segmentation by {self.tokenizer.name!r}: {len(self):,} tokens of "
            f"{len(self.source):,} bytes, {len(self.text):,} characters>"
        )


def segment(text: str, tokenizer: Tokenizer | str, *, parse_special: bool = False) -> Segmentation:
    """Cut a text into tokens.

    Args:
        text: Any text of Unicode scalar values.
        tokenizer: A `Tokenizer`, or anything `load_tokenizer` takes.
        parse_special: Read special tokens typed in the text as such.

    Returns:
        The segmentation. Its ids are the library's own, its bytes add up to the text.

    Raises:
        TokenizerError: If the text holds a lone surrogate.

    Example:
        >>> [t.piece for t in segment("strawberry", "mistral-v1").tokens]
        ['▁straw', 'berry']
    """
    tokenizer = load_tokenizer(tokenizer)
    return Segmentation(text, tokenizer, tokenizer.align(text, parse_special=parse_special))


@dataclass(frozen=True)
class BoundaryComparison:
    """Where several tokenizers cut one text.

    Attributes:
        text: The text.
        segmentations: One a tokenizer, in the order given.
    """

    text: str
    segmentations: tuple[Segmentation, ...]

    @property
    def names(self) -> list[str]:
        """Names of the tokenizers; a repeated name gets a number."""
        seen: dict[str, int] = {}
        out = []
        for seg in self.segmentations:
            name = seg.tokenizer.name
            seen[name] = seen.get(name, 0) + 1
            out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
        return out

    def to_frame(self) -> pl.DataFrame:
        """Return one row a cut.

        Returns:
            Columns `byte_offset`, `char_offset` (null for a cut inside a character), `shared`
            (`all`, `some` or `one`), `tokenizers` (how many cut there), and one boolean column a
            tokenizer, under its name.
        """
        cuts = [seg.boundaries for seg in self.segmentations]
        offsets = np.unique(np.concatenate(cuts)) if cuts else np.zeros(0, dtype=np.int64)
        has = np.array([np.isin(offsets, c) for c in cuts], dtype=bool).reshape(len(cuts), -1)
        count = has.sum(axis=0)
        shared = np.where(count == len(cuts), "all", np.where(count == 1, "one", "some"))
        chars = byte_offsets(self.text)
        at = np.searchsorted(chars, offsets)
        whole = chars[np.minimum(at, len(chars) - 1)] == offsets
        char = pl.Series(at.astype(np.int64)).set(pl.Series(~whole), None)
        return pl.DataFrame(
            {
                "byte_offset": pl.Series(offsets.astype(np.int64)),
                "char_offset": char,
                "shared": pl.Series(shared.tolist(), dtype=pl.String),
                "tokenizers": pl.Series(count.astype(np.int64)),
                **{n: pl.Series(row) for n, row in zip(self.names, has, strict=True)},
            }
        )

    def summary(self) -> pl.DataFrame:
        """Return one row a tokenizer.

        Returns:
            Columns `tokenizer`, `tokens`, `bytes_per_token`, `characters_per_token` (null for an
            empty text), `cuts`, `cuts_shared_by_all`, `cuts_of_its_own`.
        """
        frame = self.to_frame()
        rows = []
        for name, seg in zip(self.names, self.segmentations, strict=True):
            n = len(seg)
            mine = frame.filter(pl.col(name))
            rows.append(
                {
                    "tokenizer": name,
                    "tokens": n,
                    "bytes_per_token": len(seg.source) / n if n else None,
                    "characters_per_token": len(seg.text) / n if n else None,
                    "cuts": mine.height,
                    "cuts_shared_by_all": mine.filter(pl.col("shared") == "all").height,
                    "cuts_of_its_own": mine.filter(pl.col("tokenizers") == 1).height,
                }
            )
        return pl.DataFrame(rows)

    def _repr_html_(self) -> str:
        from workbench.views.tokens import token_view

        return token_view(list(self.segmentations)).to_html()


def compare_boundaries(
    text: str, tokenizers: Sequence[Tokenizer | str], *, parse_special: bool = False
) -> BoundaryComparison:
    """Lay the cuts of several tokenizers over one text.

    Args:
        text: The text.
        tokenizers: Two or more, each as `segment` takes it; one is allowed.
        parse_special: As in `segment`.

    Returns:
        The comparison; `.to_frame()` has a row a cut, `.summary()` a row a tokenizer.

    Raises:
        TokenizerError: If there is no tokenizer, or the text holds a lone surrogate.

    Example:
        >>> compare_boundaries("ab", ["bytes", "words"]).to_frame()["shared"].to_list()
        ['one']
    """
    if isinstance(tokenizers, str | Tokenizer):
        tokenizers = [tokenizers]
    if not tokenizers:
        raise TokenizerError("compare_boundaries needs at least one tokenizer")
    return BoundaryComparison(
        text, tuple(segment(text, t, parse_special=parse_special) for t in tokenizers)
    )
