"""Baselines to hold a tokenizer against: bytes, characters, and words cut at white space."""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from workbench.tokenizers.base import (
    Alignment,
    Tokenizer,
    TokenizerError,
    check_ids,
    identity_alignment,
    utf8,
)


class Baseline(Tokenizer):
    """What the baselines share: no special tokens, and tokens that join to the text."""

    library = "workbench"

    def __init__(self, name: str) -> None:
        super().__init__(name, source="built in", licence="MIT")

    @property
    def backend(self) -> Any:
        """None: no library runs a baseline."""
        return None

    @property
    def definition(self) -> dict[str, Any]:
        """The name of the rule says it all."""
        model = {"type": self.algorithm, "rule": "workbench baseline, version 1"}
        return {"normalizer": None, "pre_tokenizer": None, "model": model, "added_tokens": []}

    def _add_special(self, ids: list[int]) -> list[int]:
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; bytes that are not UTF-8 become U+FFFD."""
        data = b"".join(self._bytes(i) for i in check_ids(self, ids))
        return data.decode("utf-8", errors="replace")

    def align(self, text: str, *, parse_special: bool = False) -> Alignment:
        """Return which bytes of the text each token came from."""
        source = utf8(text)
        ids = np.asarray(self._encode(text, parse_special=parse_special), dtype=np.int64)
        return identity_alignment(ids, self._lengths(text), source, np.zeros(len(ids), dtype=bool))

    @abstractmethod
    def _lengths(self, text: str) -> Any:
        """Return the bytes of each token of the text, shape `(tokens,)`."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.name,))


class Bytes(Baseline):
    """Each byte of the UTF-8 is a token; the id is the byte."""

    algorithm = "bytes"

    @property
    def vocab_size(self) -> int:
        """256."""
        return 256

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:  # noqa: ARG002 - no specials
        return list(text.encode())

    def _lengths(self, text: str) -> Any:
        return np.ones(len(text.encode()), dtype=np.int64)

    def _piece(self, token_id: int) -> str | None:
        return f"0x{token_id:02X}" if token_id < 256 else None

    def _bytes(self, token_id: int) -> bytes:
        return bytes([token_id])

    def id_of(self, piece: str) -> int | None:
        """Return the byte that `0x41` or a single ASCII character names, or None."""
        if re.fullmatch(r"0x[0-9A-Fa-f]{2}", piece):
            return int(piece, 16)
        return ord(piece) if len(piece) == 1 and piece.isascii() else None

    def ids(self) -> list[int]:
        """Return 0 to 255."""
        return list(range(256))


class Characters(Baseline):
    """Each Unicode code point is a token; the id is the code point."""

    algorithm = "characters"
    _surrogates = range(0xD800, 0xE000)

    @property
    def vocab_size(self) -> int:
        """1,112,064: the Unicode scalar values."""
        return 0x110000 - len(self._surrogates)

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:  # noqa: ARG002 - no specials
        return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).tolist()  # type: ignore[no-any-return]

    def _lengths(self, text: str) -> Any:
        points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        return 1 + (points > 0x7F) + (points > 0x7FF).astype(np.int64) + (points > 0xFFFF)

    def _piece(self, token_id: int) -> str | None:
        if token_id >= 0x110000 or token_id in self._surrogates:
            return None
        return chr(token_id)

    def _bytes(self, token_id: int) -> bytes:
        return chr(token_id).encode()

    def id_of(self, piece: str) -> int | None:
        """Return the code point of a single character, or None."""
        known = len(piece) == 1 and ord(piece) not in self._surrogates
        return ord(piece) if known else None

    def ids(self) -> list[int]:
        """Return all Unicode scalar values."""
        return [i for i in range(0x110000) if i not in self._surrogates]


class Words(Baseline):
    r"""Each word, with the white space before it, is a token: one token a `\S+`.

    The vocabulary is open, so the id is 52 bits of a hash of the word: the same in every process
    and exact in JavaScript. Decoding knows the words that this object has seen.
    """

    algorithm = "words"
    _pattern = re.compile(r"\s*\S+|\s+")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._seen: dict[int, str] = {}

    @property
    def vocab_size(self) -> None:
        """None: the vocabulary is open."""
        return None

    def _cut(self, text: str) -> list[str]:
        return self._pattern.findall(text)

    def _intern(self, word: str) -> int:
        hashed = hashlib.blake2b(word.encode(), digest_size=8).digest()
        token_id = int.from_bytes(hashed, "big") >> 12
        other = self._seen.setdefault(token_id, word)
        if other != word:
            raise TokenizerError(
                f"the words {word!r} and {other!r} share the id {token_id}: the baseline 'words' "
                "cannot tell them apart; compare without it on this text"
            )
        return token_id

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:  # noqa: ARG002 - no specials
        return [self._intern(word) for word in self._cut(text)]

    def _lengths(self, text: str) -> Any:
        return np.array([len(w.encode()) for w in self._cut(text)], dtype=np.int64)

    def _piece(self, token_id: int) -> str | None:
        return self._seen.get(token_id)

    def _bytes(self, token_id: int) -> bytes:
        return self._seen[token_id].encode()

    def id_of(self, piece: str) -> int | None:
        """Return the id of a single word with the white space before it, or None."""
        return self._intern(piece) if self._pattern.fullmatch(piece) else None

    def ids(self) -> list[int]:
        """Return the ids of the words seen so far by this object, in order."""
        return sorted(self._seen)


BASELINES: dict[str, type[Baseline]] = {"bytes": Bytes, "characters": Characters, "words": Words}
