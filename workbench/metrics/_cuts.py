"""Where a tokenizer cuts a text, as fast as its bytes allow.

`Segmentation.boundaries` is exact for every tokenizer and asks the library how it normalized. Most
texts need no such question: where the tokens' bytes, joined, are the text itself (perhaps after one
space that the tokenizer put before it), the cuts are their running lengths.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from workbench.metrics._base import DocumentView, IntArray


class _Pieces(dict[int, bytes]):
    """What ids stand for, asked of the tokenizer once for each id.

    Attributes:
        token_bytes: The tokenizer's method.
        unknown: The id of the unknown token; −1 where there is none.
        closed: Whether the vocabulary is closed, so that an id means the same always.
    """

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        # A weak reference: the values of a WeakKeyDictionary must not keep its keys alive.
        self._tokenizer = ref(tokenizer)
        self.unknown = -1 if tokenizer.unk_id is None else int(tokenizer.unk_id)
        self.closed = tokenizer.vocab_size is not None

    @property
    def gone(self) -> bool:
        """Whether the tokenizer that was asked is no more (an equal one may have its place)."""
        return self._tokenizer() is None

    def __missing__(self, token_id: int) -> bytes:
        tokenizer = self._tokenizer()
        assert tokenizer is not None  # whoever asks holds it
        data: bytes = tokenizer.token_bytes(token_id)
        if self.closed:
            self[token_id] = data
        return data


_WHITE = np.frombuffer(b" \t\n\r\x0b\f", dtype=np.uint8)  # what bytes.split() splits at
_known: WeakKeyDictionary[Any, _Pieces] = WeakKeyDictionary()


def pieces_of(tokenizer: Any) -> _Pieces:
    """What the ids of a tokenizer stand for: a mapping from id to bytes, filled when asked.

    Args:
        tokenizer: A `workbench.tokenizers.Tokenizer`; the mapping does not keep it alive.

    Returns:
        The mapping; a lookup of an id that does not exist raises what `token_bytes` raises.

    Example:
        >>> from workbench.tokenizers import load_tokenizer
        >>> tokenizer = load_tokenizer("bytes")
        >>> pieces_of(tokenizer)[65]
        b'A'
    """
    table = _known.get(tokenizer)
    if table is None or table.gone:
        table = _known[tokenizer] = _Pieces(tokenizer)
    return table


def cuts(tokenizer: Any, text: str, ids: list[int] | None = None) -> IntArray:
    """Byte offsets at which a tokenizer cuts a text: those of `Segmentation.boundaries`.

    Args:
        tokenizer: A `workbench.tokenizers.Tokenizer`.
        text: The text.
        ids: Its ids, if known already: what `encode` gives, special tokens neither added nor read.

    Returns:
        int64, sorted, the ends of the text left out.

    Example:
        >>> from workbench.tokenizers import load_tokenizer
        >>> cuts(load_tokenizer("bytes"), "abc").tolist()
        [1, 2]
    """
    table = pieces_of(tokenizer)
    if table.closed:
        source = text.encode()
        ids = tokenizer.encode(text) if ids is None else ids
        pieces = [table[i] for i in ids]
        found = None if table.unknown in ids else _of_pieces(source, pieces)
        if found is not None:
            return found
    from workbench.segmentation import segment

    return segment(text, tokenizer).boundaries


def _of_pieces(source: bytes, pieces: list[bytes]) -> IntArray | None:
    """The cuts, where the pieces spell the source, or the source less its white space."""
    joined = b"".join(pieces)
    if source.isascii() and joined == joined.lower():
        source = source.lower()  # an uncased tokenizer; in ASCII no byte moves
    ends = np.cumsum(np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces)))
    before = len(joined) == len(source) + 1 and joined[:1] == b" "
    if (joined[1:] if before else joined) == source:
        edges = np.unique(ends - before)
    elif pieces and len(joined) < len(source) and joined == b"".join(source.split()):
        # WordPiece: the pre-tokenizer drops white space, and both of its sides are cuts.
        solid = np.flatnonzero(~np.isin(np.frombuffer(source, dtype=np.uint8), _WHITE))
        starts = np.append(0, ends[:-1])
        edges = np.unique(np.concatenate([solid[ends - 1] + 1, solid[starts]]))
    else:
        return None
    return edges[(edges > 0) & (edges < len(source))]


def cuts_of(view: DocumentView) -> IntArray:
    """The cuts of a document, from whatever is known of it already.

    Args:
        view: The document under a tokenizer.

    Returns:
        int64, sorted byte offsets.
    """
    if "segmentation" in view.__dict__:
        return view.segmentation.boundaries
    if "_cuts" not in view.__dict__:
        # A frozen dataclass keeps its cached properties in this dictionary too.
        view.__dict__["_cuts"] = cuts(view.tokenizer, view.text, view.ids)
    kept: IntArray = view.__dict__["_cuts"]
    return kept


def character_bytes(text: str) -> IntArray:
    """Byte offset of each character and of the end.

    Args:
        text: A text.

    Returns:
        int64 (characters + 1,).

    Example:
        >>> character_bytes("aé").tolist()
        [0, 1, 3]
    """
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    return np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))
