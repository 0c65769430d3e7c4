"""One engine per library: what the model is given, and the replay of what it does with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import regex

from workbench.derivation.records import Explanation, Stage, Step

_WORDS = regex.compile(r"[▁ ]+[^▁ ]*|[^▁ ]+")


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch that the model is given, or an added token that it never sees.

    ``start`` and ``end`` are byte offsets in the source, None where only the tokens know them.
    """

    text: str
    start: int | None
    end: int | None
    added: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text on its way to the model: the stages it went through, and the units it became."""

    stages: tuple[Stage, ...]
    units: tuple[Unit, ...]


class Engine(ABC):
    """Replays one tokenizer, by the rules of its library."""

    #: How many units a replay remembers.
    remembered = 1 << 14
    #: True where the model is given the whole text: it is then shown word by word, if that is
    #: lawful.
    cuts_words_afterwards = False

    def __init__(self) -> None:
        # Words repeat: a replay of a corpus meets most of its units again.
        self._remember = lru_cache(maxsize=self.remembered)(self._replay_tuple)

    @abstractmethod
    def prepare(self, text: str, *, parse_special: bool) -> Prepared:
        """Normalize and pre-tokenize, with every stage kept."""

    @abstractmethod
    def units(self, text: str, *, parse_special: bool) -> list[Unit]:
        """The units alone, without the stages."""

    @abstractmethod
    def replay(self, unit: str) -> list[int]:
        """The ids of one unit, nothing recorded."""

    @abstractmethod
    def explain(self, unit: str) -> Explanation:
        """The ids of one unit with the steps that lead to them."""

    def explain_units(self, unit: Unit) -> list[tuple[Unit, Explanation]]:
        """Explanations of a unit; where the model is given the whole text, one per word."""
        if unit.added is not None:
            return [(unit, self._explain_added(unit))]
        if not self.cuts_words_afterwards:
            return [(unit, self.explain(unit.text))]
        words = self._closed_words(unit.text)
        if len(words) == 1:
            return [(unit, self.explain(unit.text))]
        return [(Unit(word, None, None), self.explain(word)) for word in words]

    def _closed_words(self, text: str) -> list[str]:
        """Words that the model treats alone exactly as it treats them together.

        Cut before ▁ or a space, if the words alone give the ids that the whole gives; else the
        whole text is one.
        """
        words: list[str] = _WORDS.findall(text)
        alone = [number for word in words for number in self.replay(word)]
        return words if alone == self.replay(text) else [text]

    def ids(self, text: str, *, parse_special: bool = False) -> list[int]:
        """The ids of a text, replayed."""
        found: list[int] = []
        for unit in self.units(text, parse_special=parse_special):
            if unit.added is not None:
                found.append(unit.added)
            elif len(unit.text) <= 64:
                found.extend(self._remember(unit.text))
            else:
                found.extend(self.replay(unit.text))
        return found

    def _replay_tuple(self, unit: str) -> tuple[int, ...]:
        return tuple(self.replay(unit))

    @staticmethod
    def _explain_added(unit: Unit) -> Explanation:
        assert unit.added is not None
        note = (
            "An added token: the library cuts it out of the text before the model sees it, "
            "so no rule of the model applies."
        )
        step = Step("lookup", 0, unit.text, unit.added, note=note)
        return Explanation("added token", note, (unit.added,), steps=(step,))


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "merge"), counted(2, "stretch", "stretches")
        ('1 merge', '2 stretches')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
