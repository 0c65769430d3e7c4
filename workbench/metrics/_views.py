"""What metrics look at besides sums: a histogram, word types, a single document."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from workbench.segmentation import Segmentation

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def divide(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> FloatArray:
    """Divide, where nothing divided by nothing is not a number and never 0.

    Args:
        numerator: Any shape.
        denominator: A shape that broadcasts with it.

    Returns:
        The quotient; NaN where the denominator is 0. NaN becomes null in a table.

    Example:
        >>> divide([6.0, 0.0], [3.0, 0.0]).tolist()
        [2.0, nan]
    """
    top = np.asarray(numerator, dtype=np.float64)
    bottom = np.asarray(denominator, dtype=np.float64)
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    out: FloatArray = np.full(shape, np.nan)
    np.divide(top, bottom, out=out, where=np.broadcast_to(bottom != 0, shape))
    return out


@dataclass(frozen=True)
class Histogram:
    """How often each token occurs in a group.

    Attributes:
        ids: int64 (n,), sorted, only ids that occur.
        counts: int64 (n,), positive.
        declared: Size of the vocabulary as declared; None where it is open.
        tokenizer: The `workbench.tokenizers.Tokenizer`, for `token_bytes`, `piece`, `is_special`.
    """

    ids: IntArray
    counts: IntArray
    declared: int | None
    tokenizer: Any = field(repr=False, default=None)

    @property
    def total(self) -> int:
        """Number of tokens."""
        return int(self.counts.sum())

    @property
    def used(self) -> int:
        """Number of different tokens that occur."""
        return len(self.ids)

    @cached_property
    def shares(self) -> FloatArray:
        """float64 (n,): each id's share of the tokens, in the order of `ids`."""
        return divide(self.counts, self.total)


@dataclass(frozen=True)
class WordTypes:
    """The different words of a group, each encoded alone with no space before it.

    All of them up to `workbench.counting.WORD_TYPES`; beyond, those of the smallest hashes, which
    is a uniform sample of the types and the same for every tokenizer.

    Attributes:
        words: The words, sorted.
        occurrences: int64 (n,): how often each occurs.
        tokens: int64 (n,): into how many tokens each falls.
        complete: Whether these are all.
    """

    words: tuple[str, ...]
    occurrences: IntArray
    tokens: IntArray
    complete: bool = True


@dataclass(frozen=True)
class DocumentView:
    """One document under one tokenizer, each part computed when first asked for.

    A probe reads what it needs; several probes on one document share the work.

    Attributes:
        text: The document, cut to `workbench.counting.PROBE_CHARACTERS` characters.
        tokenizer: The `workbench.tokenizers.Tokenizer`.
        doc_id: As the corpus gives it.
        language: As the corpus gives it, or None.
        domain: As the corpus gives it, or None.
        seed: A stable number of this document for what must be random, such as noise: the same
            for every tokenizer, language, run and machine.
    """

    text: str
    tokenizer: Any
    doc_id: str = ""
    language: str | None = None
    domain: str | None = None
    seed: int = 0

    @cached_property
    def ids(self) -> list[int]:
        """The token ids, special tokens neither added nor read."""
        return list(self.tokenizer.encode(self.text))

    @cached_property
    def decoded(self) -> str:
        """What comes back from the ids."""
        return str(self.tokenizer.decode(self.ids))

    @cached_property
    def segmentation(self) -> Segmentation:
        """The tokens with their byte offsets."""
        from workbench.segmentation import segment

        return segment(self.text, self.tokenizer)
