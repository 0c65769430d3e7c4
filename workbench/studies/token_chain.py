"""A perfect model of tokens in closed form: a two-letter Markov chain, cut into A, B and AA."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from workbench.studies.cover_search import Floats, LogProbabilities

__all__ = ["markov_token_model"]


def markov_token_model(
    stay: float, back: float, start: float = 0.5
) -> tuple[LogProbabilities, dict[int, bytes], Callable[[bytes], list[int]]]:
    """The exact token model of a two-letter Markov chain cut into A, B and AA.

    The chain goes from A to A with probability ``stay`` and from B to A with probability ``back``;
    the tokenizer takes AA wherever it can, from left to right. A token A is then always followed
    by B, which is why the naive reading is wrong (the example of Phan and others 2024).

    Args:
        stay: P(A | A), in [0, 1].
        back: P(A | B), in [0, 1].
        start: P(A) for the first letter.

    Returns:
        The model, the vocabulary (0: A, 1: B, 2: AA) and the tokenizer's encode.

    Raises:
        ValueError: When a probability is outside [0, 1].

    >>> model, vocabulary, encode = markov_token_model(0.6, 0.3)
    >>> encode(b"AAAB"), np.exp(model([0])).round(2).tolist()  # after a token A comes B
    ([2, 0, 1], [0.0, 1.0, 0.0])
    """
    for name, p in (("stay", stay), ("back", back), ("start", start)):
        if not 0 <= p <= 1:
            raise ValueError(f"{name} is a probability, not {p}.")

    def after(p_a: float) -> list[float]:
        return [p_a * (1 - stay), 1 - p_a, p_a * stay]

    table: dict[int | None, list[float]] = {
        None: after(start),
        0: [0.0, 1.0, 0.0],
        1: after(back),
        2: after(stay),
    }
    with np.errstate(divide="ignore"):
        logs: dict[int | None, Floats] = {k: np.log(np.array(row)) for k, row in table.items()}

    def model(prefix: Sequence[int]) -> Floats:
        return logs[prefix[-1] if len(prefix) else None]

    def encode(data: bytes) -> list[int]:
        out, at = [], 0
        while at < len(data):
            pair = data[at : at + 2] == b"AA"
            out.append(2 if pair else (0 if data[at : at + 1] == b"A" else 1))
            at += 2 if pair else 1
        return out

    return model, {0: b"A", 1: b"B", 2: b"AA"}, encode
