"""The search through cover encodings: where token histories end in a string, and how it is reached.

The string is walked from left to right. At each place the search keeps the token histories that
end there, looks the rest of the string up in a prefix tree of the vocabulary, and lets histories
that the model cannot tell apart share one entry when the model has a bounded context: then the
work grows with the string's length, not with the number of its encodings.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.studies.prefix_tree import PrefixTree
from workbench.studies.produced import Produced

__all__ = ["MAX_HISTORIES", "CoverSearch", "Floats", "History", "LogProbabilities"]

LogProbabilities = Callable[[Sequence[int]], ArrayLike]
"""A model: token prefix in, natural log-probabilities of the next token by id out."""

Floats = NDArray[np.float64]
History = tuple[int, ...]

_FLOATS_KEPT = 8_000_000  # 64 MB of answers
_OVER_ONE = 1e-3
"""By how much the log of all probabilities may pass 0: single precision rounds."""
MAX_HISTORIES = 200_000
"""Token histories a search may hold; beyond it a bounded context or the constraint is needed."""


class CoverSearch:
    """Cover encodings of strings under a model of tokens.

    Args:
        model: Natural log-probabilities of the next token, by id, for a prefix of ids.
        vocabulary: Bytes by id.
        context: How many last tokens the model looks at, None for all of them.
        produced: What a tokenizer can produce, where nothing else counts; None counts every
            encoding.

    Raises:
        ValueError: For a context below 0; when first asked, where the model's answer is no row of
            log-probabilities over the vocabulary.

    >>> even = CoverSearch(lambda _: np.log([0.5, 0.25, 0.25]), {0: b"A", 1: b"B", 2: b"AA"})
    >>> round(float(np.exp(even.log_cover(b"AA"))), 3)  # AA, A A and A AA
    0.625
    """

    def __init__(
        self,
        model: LogProbabilities,
        vocabulary: Mapping[int, bytes],
        *,
        context: int | None = None,
        produced: Produced | None = None,
    ) -> None:
        if context is not None and context < 0:
            raise ValueError(f"A model looks at 0 tokens or more: context {context} is below 0.")
        self._model = model
        self._last_id = max(vocabulary, default=0)
        self.tree = PrefixTree(vocabulary)
        self.context = context
        self._produced = produced
        self._kept: dict[History, Floats] = {}
        self._checked = False

    def unmerged(self) -> CoverSearch:
        """The same search, but no two histories share an entry."""
        apart = copy.copy(self)
        apart.context = None
        return apart

    def logs(self, history: History) -> Floats:
        """The model's answer, kept for a while: neighbouring cuts of a text ask the same."""
        key = history
        if self.context is not None and len(history) > self.context:
            key = history[len(history) - self.context :]
        if key not in self._kept:
            logs = np.asarray(self._model(key), dtype=np.float64)
            if not self._checked:
                self._check(logs)
            if len(self._kept) * logs.size > _FLOATS_KEPT:
                self._kept.clear()
            self._kept[key] = logs
        return self._kept[key]

    def _check(self, logs: Floats) -> None:
        if logs.ndim != 1 or logs.size <= self._last_id:
            raise ValueError(
                f"The model answers in the shape {logs.shape}, and the vocabulary has ids up to "
                f"{self._last_id}: it must give one log-probability per id."
            )
        with np.errstate(invalid="ignore"):
            total = float(np.logaddexp.reduce(logs))
        if not total <= _OVER_ONE:
            raise ValueError(
                f"The model's answers are no natural log-probabilities: the log of their sum is "
                f"{total:.3g}, and at most 0 for a distribution. Take a log_softmax of logits, or "
                f"the log of probabilities."
            )
        self._checked = True

    def histories(self, string: bytes) -> list[dict[History, float]]:
        """For each place of the string: the token histories that end there, with log P."""
        produced = self._produced
        # What is produced depends on all the tokens.
        keep = self.context if produced is None else None
        levels: list[dict[History, float]] = [{} for _ in range(len(string) + 1)]
        levels[0][()] = 0.0
        held = 1
        for at in range(len(string)):
            fits = self.tree.inside(string, at) if levels[at] else []
            if not fits:
                continue
            for history, log_p in levels[at].items():
                logs = self.logs(history)
                for end, token in fits:
                    if logs[token] == -np.inf:
                        continue
                    longer = (*history, token)
                    if produced is not None and not produced([longer])[0]:
                        continue
                    if keep is not None:
                        longer = longer[len(longer) - keep :] if len(longer) > keep else longer
                    level = levels[end]
                    held += longer not in level
                    level[longer] = _log_sum(level.get(longer, -math.inf), log_p + logs[token])
            if held > MAX_HISTORIES:
                raise ValueError(
                    f"The first {at + 1} of {len(string)} bytes have more than {MAX_HISTORIES:,} "
                    f"encodings: give the model's `context` if it is bounded, use "
                    f"constraint='canonical', or ask about a shorter string."
                )
        return levels

    def ways_on(self, history: History, log_p: float, tokens: NDArray[np.int64]) -> Floats:
        """Log P of the history and each of the tokens; minus infinity where one may not follow."""
        logs = np.asarray(log_p + self.logs(history)[tokens])
        if self._produced is not None:
            may = self._produced((*history, token) for token in tokens.tolist())
            logs[~np.array(may, dtype=bool)] = -np.inf
        return logs

    def reaching(self, string: bytes) -> Iterator[tuple[History, NDArray[np.int64], Floats]]:
        """The ways to cover a string: a history, the tokens that reach the end, and log P."""
        levels = self.histories(string)
        for at in range(self.tree.first_reaching(len(string)), len(string)):
            if levels[at]:
                tokens = self.tree.starting_with(string[at:])
                for history, log_p in levels[at].items():
                    yield history, tokens, self.ways_on(history, log_p, tokens)

    def log_cover(self, string: bytes) -> float:
        """Log P that a text begins with a string; minus infinity where no encoding reaches it."""
        if not string:
            return 0.0
        sums = [np.logaddexp.reduce(logs) for _, _, logs in self.reaching(string) if logs.size]
        return float(np.logaddexp.reduce(sums)) if sums else -math.inf


def _log_sum(a: float, b: float) -> float:
    """log(exp a + exp b), ten times as fast as numpy's for two numbers."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
