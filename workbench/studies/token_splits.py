"""All ways to write the tokens of a vocabulary as two smaller ones of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.tokenizers import Tokenizer

__all__ = ["SplitTable", "split_table"]

Pair = tuple[int, int]
Int64s = NDArray[np.int64]

_BYTE_PIECE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


def _affixes(tok: Tokenizer) -> tuple[str, str]:
    """What marks a piece inside a word, and one at its end: ("##", "") for WordPiece."""
    model = tok.definition.get("model") or {}
    prefix = model.get("continuing_subword_prefix") or ""
    return prefix, model.get("end_of_word_suffix") or ""


@dataclass(frozen=True, eq=False)
class SplitTable(Mapping[int, list[Pair]]):
    """All splits of a vocabulary: a mapping from id to its splits, in the order of the cut.

    Flat arrays rather than lists of pairs: a vocabulary of 130,000 has some 600,000 splits.

    Attributes:
        offsets: Where each id's splits begin, shape ``(max id + 2,)``.
        left: Id of the left part, shape ``(splits,)``.
        right: Id of the right part, the same shape.
    """

    offsets: Int64s
    left: NDArray[np.int64]
    right: NDArray[np.int64]

    def __getitem__(self, token: int) -> list[Pair]:
        if not 0 <= token < self.offsets.size - 1:
            raise KeyError(token)
        places = slice(int(self.offsets[token]), int(self.offsets[token + 1]))
        pairs = list(zip(self.left[places].tolist(), self.right[places].tolist(), strict=True))
        if not pairs:
            raise KeyError(token)
        return pairs

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(np.diff(self.offsets)).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(np.diff(self.offsets)))

    def to_frame(self) -> pl.DataFrame:
        """One row per split: ``id, left, right``."""
        ids = np.repeat(np.arange(self.offsets.size - 1), np.diff(self.offsets))
        return pl.DataFrame({"id": ids, "left": self.left, "right": self.right})


def split_table(tok: Tokenizer) -> SplitTable:
    """All ways to write each token as two others of the vocabulary.

    Bytes decide: left and right join to the token's bytes. Where the vocabulary marks pieces
    inside a word (``##ing``) or at its end, the parts must carry the marks that keep the decoded
    text: the right part of a split is always inside a word. Special tokens are neither split nor
    used. Where two entries stand for the same bytes, the ordinary one is used, not ``<0x41>``.

    Args:
        tok: A tokenizer with a closed vocabulary.

    Returns:
        Splits by id; tokens without any are absent.

    Raises:
        ValueError: When the vocabulary is open.
    """
    if tok.vocab_size is None:
        raise ValueError(
            f"{tok.name!r} has an open vocabulary: it lists no smaller tokens to split into."
        )
    prefix, suffix = _affixes(tok)
    kinds: dict[tuple[bool, bool], dict[bytes, int]] = {}
    entries: list[tuple[int, bytes, bool, bool]] = []
    for token in tok.ids():
        if token in tok.special_ids:
            continue
        data = tok.token_bytes(token)
        inside = ends = False
        if prefix or suffix:
            piece = tok.piece(token)
            inside = bool(prefix) and piece.startswith(prefix)
            ends = bool(suffix) and piece.endswith(suffix)
        entries.append((token, data, inside, ends))
        known = kinds.setdefault((inside, ends), {})
        if data not in known or _BYTE_PIECE.fullmatch(tok.piece(known[data])):
            known[data] = token
    none: dict[bytes, int] = {}
    largest = entries[-1][0] if entries else -1
    counts = np.zeros(largest + 2, dtype=np.int64)
    left_ids: list[int] = []
    right_ids: list[int] = []
    for token, data, inside, ends in entries:
        lefts = kinds.get((inside, False), none)
        rights = kinds.get((bool(prefix), ends), none)
        before = len(left_ids)
        for cut in range(1, len(data)):
            left = lefts.get(data[:cut])
            if left is not None:
                right = rights.get(data[cut:])
                if right is not None:
                    left_ids.append(left)
                    right_ids.append(right)
        counts[token + 1] = len(left_ids) - before
    return SplitTable(
        np.cumsum(counts),
        np.array(left_ids, dtype=np.int64),
        np.array(right_ids, dtype=np.int64),
    )
