"""Split tokens into smaller ones of the same vocabulary, at random: StochasTok's two rules.

The study is :mod:`workbench.studies.stochastok`, which says what the rules are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, get_args

import numpy as np

from workbench.segmentation import Segmentation, segment
from workbench.studies.token_splits import split_table
from workbench.tokenizers import Tokenizer
from workbench.tokenizers.base import check_ids

__all__ = ["RULES", "Rule", "StochasTok", "attempts", "expand", "stochastok"]

Rule = Literal["published", "per_token"]
RULES: tuple[Rule, ...] = get_args(Rule)

_SPACE_MARK = "▁".encode()


class StochasTok:
    """Random splits for one tokenizer.

    Args:
        tok: A tokenizer with a closed vocabulary.

    Attributes:
        tok: The tokenizer.
        splits: Splits by id; see :func:`workbench.studies.token_splits.split_table`.

    Raises:
        ValueError: When the vocabulary is open.
    """

    def __init__(self, tok: Tokenizer) -> None:
        self.tok = tok
        self.splits = split_table(tok)

    def expand(
        self,
        ids: Sequence[int],
        p: float = 0.1,
        seed: int | np.random.Generator = 0,
        rule: Rule = "published",
    ) -> list[int]:
        """Ids with some tokens split; they decode to the same text.

        Args:
            ids: Tokens of this tokenizer.
            p: Attempts per token ("published"), or probability of a split ("per_token").
            seed: A number, or a generator to draw on.
            rule: One of :data:`RULES`.

        Returns:
            The new ids, never fewer than before.

        Raises:
            ValueError: When p is out of range, the rule is unknown, or the vocabulary lacks an id.
        """
        return [child for group in self.expand_groups(ids, p, seed, rule) for child in group]

    def expand_groups(
        self,
        ids: Sequence[int],
        p: float = 0.1,
        seed: int | np.random.Generator = 0,
        rule: Rule = "published",
    ) -> list[list[int]]:
        """As :meth:`expand`, with the parts of each original token in a list of their own."""
        if rule not in RULES:
            raise ValueError(f"{rule!r} is no rule: use one of {', '.join(RULES)}.")
        # Parts are shorter than what they are of, so that p = 1 comes to an end too.
        if not math.isfinite(p) or p < 0 or (rule == "per_token" and p > 1):
            raise ValueError(
                f"p = {p} is out of range: 'published' takes attempts per token, a finite number "
                f"of 0 or more, and 'per_token' a probability from 0 to 1."
            )
        rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)
        groups = [[token] for token in check_ids(self.tok, ids)]
        if rule == "published":
            self._attempt(groups, attempts(p, len(groups)), rng)
        else:
            for group in groups:
                self._descend(group, p, rng)
        return groups

    def _attempt(self, groups: list[list[int]], attempts: int, rng: np.random.Generator) -> None:
        # The current sequence as (group, place in it) would shift with every split; drawing by
        # order instead needs only the flat list and who each entry belongs to.
        flat = [(number, group[0]) for number, group in enumerate(groups)]
        for _ in range(attempts):
            at = int(rng.integers(len(flat)))
            owner, token = flat[at]
            options = self.splits.get(token)
            if options:
                left, right = options[int(rng.integers(len(options)))]
                flat[at : at + 1] = [(owner, left), (owner, right)]
        for group in groups:
            group.clear()
        for owner, token in flat:
            groups[owner].append(token)

    def _descend(self, group: list[int], p: float, rng: np.random.Generator) -> None:
        at = 0
        while at < len(group):
            options = self.splits.get(group[at])
            if options and rng.random() < p:
                group[at : at + 1] = options[int(rng.integers(len(options)))]
            else:
                at += 1

    def expand_segmentation(
        self,
        text: str | Segmentation,
        p: float = 0.1,
        seed: int | np.random.Generator = 0,
        rule: Rule = "published",
    ) -> Segmentation:
        """A text cut by the tokenizer, then split, for every view that takes a segmentation.

        Args:
            text: A text, or its segmentation by this tokenizer.
            p: As in :meth:`expand`.
            seed: As in :meth:`expand`.
            rule: As in :meth:`expand`.

        Returns:
            A segmentation with all the boundaries of before and some more. Where a tokenizer put
            a dummy space before the text, it has no place in the source. Where normalizing
            changed a token, so that nobody can tell which bytes each part came from, all its
            parts have the span of the token.

        Raises:
            ValueError: As :meth:`expand`, or when another tokenizer made the segmentation.
        """
        seg = segment(text, self.tok) if isinstance(text, str) else text
        if seg.tokenizer.fingerprint != self.tok.fingerprint:
            raise ValueError(
                f"{seg.tokenizer.name!r} made this segmentation, and its tokens are not those of "
                f"{self.tok.name!r}: give the text, or a segmentation by {self.tok.name!r}."
            )
        old = seg.alignment
        groups = self.expand_groups(seg.ids, p, seed, rule)
        columns = (old.norm_start, old.norm_end, old.byte_start, old.byte_end)
        spans: list[tuple[int, int, int, int]] = []
        for group, (*norm, start, end) in zip(
            groups, zip(*(column.tolist() for column in columns), strict=True), strict=True
        ):
            parts = [self.tok.token_bytes(token) for token in group]
            inside = _places(norm[0], old.normalized[norm[0] : norm[1]], parts)
            outside = _places(start, seg.source[start:end], parts)
            spans += [(*a, *b) for a, b in zip(inside, outside, strict=True)]
        placed = np.array(spans, dtype=np.int64).reshape(-1, 4)
        alignment = dataclasses.replace(
            old,
            ids=np.array([token for group in groups for token in group], dtype=np.int64),
            norm_start=placed[:, 0],
            norm_end=placed[:, 1],
            byte_start=placed[:, 2],
            byte_end=placed[:, 3],
            special=old.special[np.repeat(np.arange(len(groups)), [len(g) for g in groups])],
        )
        return Segmentation(seg.text, self.tok, alignment)


def _places(start: int, data: bytes, parts: Sequence[bytes]) -> list[tuple[int, int]]:
    """Where the parts of a token lie in what it stands for: all in all of it if nothing tells.

    Args:
        start: Where that begins.
        data: Its bytes.
        parts: Bytes of the parts as the vocabulary has them.
    """
    whole = (start, start + len(data))
    if len(parts) == 1:
        return [whole]
    # SentencePiece writes a space as a mark of three bytes in its normalized text.
    for space in (b" ", _SPACE_MARK):
        spelled = [part.replace(b" ", space) for part in parts]
        joined = b"".join(spelled)
        dummy = max(0, len(joined) - len(data))
        # Bytes may differ (a capital), but only characters of equal widths can be told apart.
        if joined[:dummy] in (b"", space) and _widths(joined[dummy:]) == _widths(data):
            ends = [max(0, end - dummy) for end in accumulate(map(len, spelled))]
            return [(start + a, start + b) for a, b in zip([0, *ends], ends, strict=False)]
    return [whole] * len(parts)


def _widths(data: bytes) -> list[bool]:
    """Which bytes of UTF-8 go on with a character: equal lists have characters of equal widths."""
    return [byte & 0xC0 == 0x80 for byte in data]


def attempts(p: float, tokens: int) -> int:
    """How often the published rule tries to split something.

    Args:
        p: Attempts per token.
        tokens: How many there are.

    >>> attempts(0.1, 9), attempts(0.1, 10)
    (0, 1)
    """
    return int(p * tokens)


_MADE: dict[str, StochasTok] = {}


def stochastok(tok: Tokenizer) -> StochasTok:
    """The splitter of a tokenizer, made once per fingerprint; the last eight are kept.

    Raises:
        ValueError: When the vocabulary is open.
    """
    if tok.fingerprint not in _MADE:
        while len(_MADE) >= 8:
            _MADE.pop(next(iter(_MADE)))
        _MADE[tok.fingerprint] = StochasTok(tok)
    return _MADE[tok.fingerprint]


def expand(
    ids: Sequence[int], tok: Tokenizer, p: float = 0.1, seed: int = 0, rule: Rule = "published"
) -> list[int]:
    """Split some tokens of a sequence; see :meth:`StochasTok.expand`.

    Args:
        ids: Tokens.
        tok: Their tokenizer.
        p: Attempts per token, or probability.
        seed: Of the draws.
        rule: One of :data:`RULES`.

    Returns:
        Ids that decode to the same text.

    Raises:
        ValueError: As :meth:`StochasTok.expand`.

    >>> from workbench import load_tokenizer
    >>> tok = load_tokenizer("workbench-bpe")
    >>> ids = expand(tok.encode("strawberry"), tok, p=1, rule="per_token")
    >>> len(ids), tok.decode(ids)
    (10, 'strawberry')
    """
    return stochastok(tok).expand(ids, p, seed, rule)
