"""What every tokenizer of the workbench can do, whichever library runs it.

A `Tokenizer` is one face over three libraries. It says how a text becomes ids, what bytes an id
stands for, and, in `align`, which bytes of the text each token came from. The subclasses in this
package know one library each; nobody outside the package needs to know which.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


class TokenizerError(ValueError):
    """A tokenizer cannot be loaded, or was asked for something it does not have."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where each token of a text comes from, as columns.

    Attributes:
        ids: Token ids, shape `(tokens,)`.
        normalized: What the library's normalizer and pre-tokenizer made of the text, in bytes.
        norm_start: First byte of each token in `normalized`, shape `(tokens,)`.
        norm_end: One past its last byte there.
        byte_start: First byte of each token in the source, shape `(tokens,)`.
        byte_end: One past its last byte there. Equal to `byte_start` where the tokenizer inserted
            something that the source does not have, such as SentencePiece's leading `▁`.
        special: Whether the token was read as a special token, shape `(tokens,)`.
        unused_reason: For each source byte that no token covers, why: `(start, end, reason)`.
    """

    ids: Int64s
    normalized: bytes
    norm_start: Int64s
    norm_end: Int64s
    byte_start: Int64s
    byte_end: Int64s
    special: npt.NDArray[np.bool_]
    unused_reason: tuple[tuple[int, int, str], ...] = ()


def identity_alignment(ids: Int64s, lengths: Int64s, source: bytes, special: Any) -> Alignment:
    """Align tokens whose bytes, joined, are the source itself.

    Args:
        ids: Token ids, shape `(tokens,)`.
        lengths: Bytes of each token, shape `(tokens,)`.
        source: The text in UTF-8; its length is the sum of `lengths`.
        special: Whether each token is special, shape `(tokens,)`.

    Returns:
        The alignment; `normalized` is the source.
    """
    ends = np.cumsum(lengths, dtype=np.int64)
    starts = ends - lengths
    return Alignment(ids, source, starts, ends, starts, ends, np.asarray(special, dtype=bool))


def utf8(text: str) -> bytes:
    r"""Return the text in UTF-8.

    Args:
        text: Any text of Unicode scalar values.

    Returns:
        Its bytes.

    Raises:
        TokenizerError: If the text holds a lone surrogate, which no UTF-8 can spell.

    Example:
        >>> utf8("é")
        b'\xc3\xa9'
    """
    if not isinstance(text, str):
        raise TokenizerError(
            f"a tokenizer reads text (str), not {type(text).__name__}: decode bytes first, "
            "for example with data.decode('utf-8')"
        )
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"the text holds a lone surrogate (U+{ord(text[error.start]):04X}) at character "
            f"{error.start}: it is not Unicode text, so no tokenizer can read it. Decode the "
            "original bytes again, or remove it with "
            "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
        ) from None


def digest(definition: dict[str, Any]) -> str:
    """Return the SHA-256 of a definition, written as JSON with sorted keys.

    Args:
        definition: Anything JSON can spell.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
        True
    """
    text = json.dumps(definition, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class Tokenizer(ABC):
    """A tokenizer: text to ids, ids to bytes, and where each token came from.

    Made by `workbench.load_tokenizer`; do not construct one directly.

    Attributes:
        name: How it was asked for, or the name given.
        algorithm: `BPE`, `Unigram`, `WordPiece`, `WordLevel`, `bytes`, `characters` or `words`.
        library: Who runs it: `tokenizers`, `tiktoken`, `sentencepiece` or `workbench`.
        source: Where the definition came from, in words.
        licence: The licence of the definition where it is known.
        special_ids: Ids of the special tokens (`special: true`).
        unk_id: Id of the unknown token, or None.
        chat_template: The Jinja template that came with it, or None.

    Example:
        >>> import workbench as wb
        >>> tok = wb.load_tokenizer("bytes")
        >>> tok.encode("é")
        [195, 169]
        >>> tok.decode([195, 169])
        'é'
    """

    algorithm: str
    library: str

    def __init__(
        self,
        name: str,
        *,
        source: str,
        licence: str | None = None,
        chat_template: str | None = None,
    ) -> None:
        self.name = name
        self.source = source
        self.licence = licence
        self.chat_template = chat_template
        self.special_ids: frozenset[int] = frozenset()
        self.unk_id: int | None = None

    # --- what a library must provide ---------------------------------------------------------

    @property
    @abstractmethod
    def vocab_size(self) -> int | None:
        """Declared number of entries, special tokens included; None for an open vocabulary."""

    @property
    @abstractmethod
    def backend(self) -> Any:
        """The live object of the library, or None. Encode through this class, not through it."""

    @property
    @abstractmethod
    def definition(self) -> dict[str, Any]:
        """Canonical definition: `normalizer`, `pre_tokenizer`, `model` and `added_tokens`."""

    @abstractmethod
    def _encode(self, text: str, *, parse_special: bool) -> list[int]:
        """Return the ids of a text known to be valid, with nothing added."""

    @abstractmethod
    def _add_special(self, ids: list[int]) -> list[int]:
        """Return the ids with what the tokenizer adds around a single text (BOS and so on)."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids as the library itself decodes them.

        Args:
            ids: Token ids.

        Returns:
            The text; bytes that are not UTF-8 become U+FFFD.

        Raises:
            TokenizerError: If an id is not in the vocabulary.
        """

    @abstractmethod
    def align(self, text: str, *, parse_special: bool = False) -> Alignment:
        """Return which bytes of the text each token came from.

        Args:
            text: Any valid text.
            parse_special: Whether special tokens typed in the text are read as such.

        Returns:
            Columns, one value a token.

        Raises:
            TokenizerError: If the text holds a lone surrogate.
        """

    @abstractmethod
    def _piece(self, token_id: int) -> str | None:
        """Return the entry as the vocabulary spells it, or None where the id has none."""

    @abstractmethod
    def _bytes(self, token_id: int) -> bytes:
        """Return the bytes that an existing id stands for."""

    @abstractmethod
    def id_of(self, piece: str) -> int | None:
        """Return the id of an entry spelled as the vocabulary spells it, or None.

        Example:
            >>> import workbench as wb
            >>> wb.load_tokenizer("bytes").id_of("0x41")
            65
        """

    @abstractmethod
    def ids(self) -> list[int]:
        """Return all declared ids in order; holes are absent."""

    # --- what follows from it ----------------------------------------------------------------

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what defines the segmentation: 64 hexadecimal digits."""
        return digest(self.definition)

    def encode(
        self, text: str, add_special_tokens: bool = False, parse_special: bool = False
    ) -> list[int]:
        """Return the token ids of a text.

        Args:
            text: Any text of Unicode scalar values.
            add_special_tokens: Add what the tokenizer puts around a single text (BOS, [CLS]).
            parse_special: Read special tokens typed in the text as special tokens. Governs
                entries marked special only; other added tokens are ordinary vocabulary.

        Returns:
            The ids.

        Raises:
            TokenizerError: If the text holds a lone surrogate or is no text.
        """
        utf8(text)
        ids = self._encode(text, parse_special=parse_special)
        return self._add_special(ids) if add_special_tokens else ids

    def encode_batch(
        self,
        texts: Sequence[str],
        add_special_tokens: bool = False,
        parse_special: bool = False,
    ) -> list[list[int]]:
        """Return the ids of many texts, by the library's own batch encoder where it has one.

        Args:
            texts: The texts.
            add_special_tokens: As in `encode`.
            parse_special: As in `encode`.

        Returns:
            One list of ids a text, in order.

        Raises:
            TokenizerError: If a text holds a lone surrogate; the error names its position.
        """
        for index, text in enumerate(texts):
            try:
                utf8(text)
            except TokenizerError as error:
                raise TokenizerError(f"text {index} of {len(texts)}: {error}") from None
        rows = self._encode_batch(list(texts), parse_special=parse_special)
        return [self._add_special(ids) for ids in rows] if add_special_tokens else rows

    def _encode_batch(self, texts: list[str], *, parse_special: bool) -> list[list[int]]:
        return [self._encode(text, parse_special=parse_special) for text in texts]

    def piece(self, token_id: int) -> str:
        """Return the entry as the vocabulary spells it, for example `Ġthe` or `▁the`.

        Raises:
            TokenizerError: If the id is not in the vocabulary.
        """
        piece = self._piece(self._known(token_id))
        assert piece is not None
        return piece

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes the token stands for: `b" the"` for `Ġthe` and for `▁the`.

        WordPiece's `##ing` stands for `b"ing"`; a special token for its own spelling.

        Raises:
            TokenizerError: If the id is not in the vocabulary.
        """
        return self._bytes(self._known(token_id))

    def is_special(self, token_id: int) -> bool:
        """Return whether the id is a special token (`special: true`)."""
        return token_id in self.special_ids

    def _known(self, token_id: int) -> int:
        if isinstance(token_id, bool) or not isinstance(token_id, int | np.integer):
            raise TokenizerError(
                f"an id is a whole number, not {token_id!r} ({type(token_id).__name__})"
            )
        token_id = int(token_id)
        if token_id < 0 or self._piece(token_id) is None:
            size = self.vocab_size
            has = "an open vocabulary" if size is None else f"{size:,} entries"
            raise TokenizerError(
                f"id {token_id} is not in the vocabulary of {self.name!r}, which has {has}; "
                "tok.ids() lists the ids"
            )
        return token_id

    def __repr__(self) -> str:
        size = "open vocabulary" if self.vocab_size is None else f"{self.vocab_size:,} entries"
        return (
            f"Tokenizer({self.name!r}, {self.algorithm}, {size}, run by {self.library}, "
            f"fingerprint {self.fingerprint[:12]})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tokenizer):
            return NotImplemented
        return self.fingerprint == other.fingerprint and self.name == other.name

    def __hash__(self) -> int:
        return hash((self.name, self.fingerprint))


def check_ids(tokenizer: Tokenizer, ids: Iterable[int]) -> list[int]:
    """Return the ids as plain ints, each known to the vocabulary.

    Raises:
        TokenizerError: Naming the first id that is not.
    """
    given = list(ids)
    try:
        distinct = dict.fromkeys(given)  # decoding asks for the same ids again and again
    except TypeError:
        distinct = dict.fromkeys(map(tokenizer._known, given))  # noqa: SLF001 - same package
    for token_id in distinct:
        tokenizer._known(token_id)  # noqa: SLF001 - the same
    return [int(i) for i in given]
