"""An n-gram model over the tokens of any tokenizer: smoothed, normalised, and small.

It stands in for a language model wherever a study needs true conditional probabilities without a
download. Interpolated Witten-Bell smoothing (Witten and Bell 1991, IEEE Trans. Inf. Theory 37,
eq. for method C; Chen and Goodman 1998, section 2.4):

    P(w | h) = (c(h w) + T(h) · P(w | h')) / (c(h) + T(h))

where T(h) is the number of types seen after h, h' is h without its oldest token, and the recursion
ends in the uniform distribution over the vocabulary (for an open one, in certainty that the token
is one never seen). It has no parameter to tune, and it sums to one for every history by
construction.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

BEGIN = -1
"""Stands before the first token of a document in the histories; it is never predicted."""


class TokenNgram:
    """A normalised n-gram model over token ids.

    Calling it with a prefix of ids returns natural log-probabilities indexed by id, which is the
    form that :mod:`workbench.studies.byte_probabilities` asks of any model.

    Args:
        order: Length of the n-gram: 1 is a unigram model, 2 a bigram model.
        ids: The ids that may occur. None for an open vocabulary: then the seen ids and one more
            event, "anything unseen", share the probability.

    Raises:
        ValueError: When the order is below 1, or the vocabulary is empty.

    >>> model = TokenNgram(2, [0, 1]).fit([[0, 0, 1, 0, 0, 1]])
    >>> round(float(np.exp(model([0])).sum()), 12)
    1.0
    """

    def __init__(self, order: int, ids: Sequence[int] | None) -> None:
        if order < 1:
            raise ValueError(f"An n-gram has at least one token: order {order} is below 1.")
        if ids is not None and len(ids) == 0:
            raise ValueError("An n-gram model needs a vocabulary: no ids were given.")
        self.order = order
        self.ids: NDArray[np.int64] | None = (
            None if ids is None else np.unique(np.asarray(ids, dtype=np.int64))
        )
        # A mask over ids, since a set of a million code points would weigh sixty megabytes.
        self._mask: NDArray[np.bool_] | None = None
        if self.ids is not None:
            if int(self.ids[0]) < 0:
                raise ValueError(f"Token ids are 0 or more, not {int(self.ids[0])}.")
            self._mask = np.zeros(int(self.ids[-1]) + 1, dtype=bool)
            self._mask[self.ids] = True
        self._counts: dict[tuple[int, ...], dict[int, int]] = {}
        self._totals: dict[tuple[int, ...], int] = {}
        self._unigram: NDArray[np.float64] | None = None
        self.tokens_seen = 0

    def fit(self, sequences: Iterable[Sequence[int]]) -> TokenNgram:
        """Count the n-grams of some documents, in addition to what was counted before.

        Args:
            sequences: Token ids, one sequence per document; n-grams never cross documents.

        Returns:
            The model itself.

        Raises:
            ValueError: When an id is not in the vocabulary.
        """
        longest = self.order - 1
        grams: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(self.order)]
        for sequence in sequences:
            tokens = [int(token) for token in sequence]
            strange = next((t for t in set(tokens) if not self._holds(t)), None)
            if strange is not None:
                raise ValueError(
                    f"Token id {strange} is not in the model's vocabulary of "
                    f"{self.vocabulary_size} ids: count with the tokenizer the model was made for."
                )
            padded = [BEGIN] * longest + tokens
            for length, counter in enumerate(grams):
                shifted = (padded[longest - length + i :] for i in range(length + 1))
                counter.update(zip(*shifted, strict=False))  # each ends where the last one does
        self.tokens_seen += grams[0].total()
        for counter in grams:
            for (*before, token), count in counter.items():
                history = tuple(before)
                seen = self._counts.setdefault(history, {})
                seen[token] = seen.get(token, 0) + count
                self._totals[history] = self._totals.get(history, 0) + count
        self._unigram = None
        return self

    def _holds(self, token: int) -> bool:
        if self._mask is None:
            return True
        return 0 <= token < self._mask.size and bool(self._mask[token])

    @property
    def vocabulary_size(self) -> int:
        """How many events share the probability: the ids, or the seen ones and one for the rest."""
        if self.ids is not None:
            return len(self.ids)
        return len(self._counts.get((), {})) + 1

    def _before_any_count(self, token: int) -> float:
        """What smoothing falls back on: all ids alike, or "anything unseen" and nothing else."""
        if self.ids is not None:
            return 1.0 / len(self.ids)
        return float(token not in self._counts.get((), {}))

    def _history(self, prefix: Sequence[int], *, document_start: bool) -> tuple[int, ...]:
        longest = self.order - 1
        if longest == 0:
            return ()
        tail = tuple(int(token) for token in prefix[-longest:])
        if document_start and len(tail) < longest:
            tail = (BEGIN,) * (longest - len(tail)) + tail
        return tail

    def log_probability(
        self, token: int, prefix: Sequence[int], *, document_start: bool = True
    ) -> float:
        """Natural log of P(token | prefix).

        Args:
            token: The id to predict.
            prefix: The ids before it.
            document_start: Whether the prefix begins where a document begins. If not, a short
                prefix is a short history.

        Returns:
            A finite number for any id of the vocabulary.

        Raises:
            ValueError: When the vocabulary is closed and does not hold the token.
        """
        if not self._holds(token):
            raise ValueError(f"Token id {token} is not in the model's vocabulary.")
        probability = self._before_any_count(token)
        history = self._history(prefix, document_start=document_start)
        for length in range(len(history) + 1):
            key = history[len(history) - length :]
            seen = self._counts.get(key)
            if seen is None:
                break  # a history never seen says nothing, and neither does a longer one
            total, types = self._totals[key], len(seen)
            probability = (seen.get(token, 0) + types * probability) / (total + types)
        return math.log(probability)

    def __call__(
        self, prefix: Sequence[int], *, document_start: bool = True
    ) -> NDArray[np.float64]:
        """Natural log-probabilities of the next token, indexed by id.

        Args:
            prefix: The ids before it.
            document_start: As in :meth:`log_probability`.

        Returns:
            Shape ``(max id + 1,)``; minus infinity at ids the vocabulary does not hold.

        Raises:
            ValueError: When the vocabulary is open, since its rest has no id.
        """
        if self.ids is None:
            raise ValueError(
                "An open vocabulary has no distribution over ids: use log_probability, or give "
                "the model a closed list of ids."
            )
        if self._unigram is None:
            self._unigram = np.zeros(int(self.ids[-1]) + 1)
            self._unigram[self.ids] = 1.0 / len(self.ids)
            self._mix(self._unigram, ())
        out = self._unigram.copy()
        history = self._history(prefix, document_start=document_start)
        for length in range(1, len(history) + 1):
            if not self._mix(out, history[len(history) - length :]):
                break
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(out))

    def _mix(self, probabilities: NDArray[np.float64], key: tuple[int, ...]) -> bool:
        """Interpolate the counts after ``key`` into the lower order, in place."""
        seen = self._counts.get(key)
        if seen is None:
            return False
        total, types = self._totals[key], len(seen)
        probabilities *= types / (total + types)
        tokens = np.fromiter(seen.keys(), dtype=np.int64, count=types)
        counts = np.fromiter(seen.values(), dtype=np.float64, count=types)
        probabilities[tokens] += counts / (total + types)
        return True
