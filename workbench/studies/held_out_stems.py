"""Words that tell about held-out stems, to be kept from what a vocabulary learns from."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import regex

from workbench.metrics._analyzers import lower_in
from workbench.metrics._gold import GoldWord
from workbench.studies.stem_scores import KEY_LENGTH, stem_of

__all__ = ["HeldOut"]

_RUN = regex.compile(r"[\p{L}\p{M}\p{N}]+")


class HeldOut:
    """The stems of gold words that nothing may be learnt about.

    Args:
        gold: The held-out words.
        language: Whose rule for lower case.

    Attributes:
        stems: Their stems, folded: in lower case, decomposed.

    Example:
        >>> held = HeldOut([GoldWord("days", ("day", "s"), ("N", "PL"))])
        >>> [held.in_text(word) for word in ("Day,", "mid-day", "daily", "today")]
        [True, True, False, False]
    """

    def __init__(self, gold: Iterable[GoldWord], language: str = "") -> None:
        words = list(gold)
        self._language = language
        self.stems = frozenset(self._fold(stem_of(word)) for word in words)
        self._keys = frozenset(stem[:KEY_LENGTH] for stem in self.stems)
        self._words = frozenset("".join(self._runs(word.word)) for word in words)

    def in_text(self, word: str) -> bool:
        """Whether a word of a text shows a held-out stem.

        Args:
            word: What stands between white space.

        Returns:
            Whether a run of letters in it begins as a held-out stem does (the first three
            characters, as :func:`~.stem_scores.stem_key` compares), or it is a held-out word, case
            and punctuation aside.
        """
        runs = self._runs(word)
        return any(
            run in self._words or any(run[:n] in self._keys for n in range(1, KEY_LENGTH + 1))
            for run in (*runs, "".join(runs))
        )

    def in_gold(self, word: GoldWord) -> bool:
        """Whether a gold word of another stem shows a held-out one: bookshelf shows shelf.

        Args:
            word: The word.

        Returns:
            Whether a morph of it is a held-out stem, or :meth:`in_text`.
        """
        return self.in_text(word.word) or any(self._fold(m) in self.stems for m in word.morphs)

    def _fold(self, text: str) -> str:
        lower = lower_in(self._language, unicodedata.normalize("NFC", text))
        return unicodedata.normalize("NFD", lower.casefold())

    def _runs(self, word: str) -> list[str]:
        return _RUN.findall(self._fold(word))
