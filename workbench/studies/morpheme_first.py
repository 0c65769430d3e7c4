"""A tokenizer that cuts words into morphemes before anything else.

It needs an analyser for every word; a table of analyses stands in for one, which is the best case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.tokenizers import Tokenizer, TokenizerError
from workbench.tokenizers.baselines import Baseline

__all__ = ["MorphemeFirst"]

_WORD = re.compile(r"(\s*)(\S+)|\s+")


class MorphemeFirst(Baseline):
    """Cut words into morphemes, then each morpheme by a byte-level tokenizer.

    Args:
        base: A tokenizer whose tokens join to the text.
        analyses: Morphs by word; a word that is not there, or whose morphs do not spell it, goes
            to the base as it is.
        name: How it is called in tables.

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
            word: tuple(morphs) for word, morphs in analyses.items() if "".join(morphs) == word
        }
        self.special_ids, self.unk_id = base.special_ids, base.unk_id

    @property
    def vocab_size(self) -> int | None:
        """That of the base."""
        return self.base.vocab_size

    @property
    def definition(self) -> dict[str, Any]:
        """The base's, and the analyses before it."""
        return {**self.base.definition, "morphs": {k: list(v) for k, v in self.analyses.items()}}

    def _pieces(self, text: str) -> list[str]:
        out: list[str] = []
        plain = ""  # words without analysis stay together: the base cuts them as it would
        for match in _WORD.finditer(text):
            morphs = self.analyses.get(match[2] or "")
            if morphs is None:
                plain += match[0]
                continue
            out += [plain, match[1] + morphs[0], *morphs[1:]]
            plain = ""
        return [piece for piece in (*out, plain) if piece]

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:  # noqa: ARG002 - never read
        return [token for piece in self._pieces(text) for token in self.base.encode(piece)]

    def _lengths(self, text: str) -> Any:
        ids = self._encode(text, parse_special=False)
        sizes = np.array([len(self.base.token_bytes(i)) for i in ids], dtype=np.int64)
        if sizes.sum() != len(text.encode()):
            raise TokenizerError(
                f"{self.base.name!r} does not keep {text!r} to the byte: morphemes first needs a "
                f"byte-level tokenizer below it"
            )
        return sizes

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
