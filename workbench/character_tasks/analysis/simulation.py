"""Synthetic answers whose truth is known: does the analysis find it, and where must it fail?

Words have a length, a log frequency and a number of tokens that goes with both, as real ones do
(rare and long words have more tokens). A model's correctness follows from length, gold and
frequency, and, or not, from the number of tokens. Everything is drawn from named streams.
"""

from dataclasses import dataclass, replace

import numpy as np

from workbench.character_tasks.analysis.adjusted import (
    Data,
    Design,
    adjusted_effect,
)
from workbench.character_tasks.analysis.logistic import Floats
from workbench.character_tasks.draw import Stream


@dataclass(frozen=True)
class World:
    """What is true in a simulation.

    Attributes:
        words: Words, one answer each.
        token_effect: Log-odds of a right answer per token.
        reliability: Of the measured log frequency: true variance over measured variance.
        step: A jump of the log-odds at 7 characters (no smooth length follows it), which
            also moves the number of tokens.
        repeats: Answers a word, with a disposition of each word's own where above 1.
    """

    words: int = 4000
    token_effect: float = 0.0
    reliability: float = 1.0
    step: float = 0.0
    repeats: int = 1


@dataclass(frozen=True, eq=False)
class Drawn:
    """One simulated study.

    Attributes:
        data: What the analysis sees.
        tokens: The number of tokens, which it sees too.
        true_points: The true average marginal effect, points of accuracy per token.
    """

    data: Data
    tokens: Floats
    true_points: float


def draw(world: World, seed: int) -> Drawn:
    """One study of a world; the same seed gives the same study."""
    n = world.words
    stream = Stream(seed, "world", n)
    length: Floats = 4.0 + stream.below(7, n).astype(np.float64)
    frequency = 3.2 - 0.18 * (length - 7) + 0.9 * stream.normal(n)
    gold = 1.0 + np.floor(length * stream.uniform(n) ** 2)
    odd = (length == 7).astype(float)
    # Given length, log frequency explains about half of the variance of the number of tokens.
    rate = 0.35 * (length - 4) + 0.75 * (4.2 - frequency) + 0.5 * stream.normal(n)
    tokens: Floats = np.clip(np.round(1.0 + rate + (1.2 * odd if world.step else 0.0)), 1, length)
    eta = (
        1.2
        - 0.02 * (length - 4) ** 2
        - 0.5 * np.log(gold)
        + 0.6 * (frequency - 3.2)
        + world.token_effect * (tokens - 2)
        + world.step * odd
    )
    pick = Stream(seed, "answers", n, world.repeats)
    rows = np.repeat(np.arange(n), world.repeats)
    if world.repeats > 1:
        eta = eta + 1.5 * pick.normal(n)
    p = 1 / (1 + np.exp(-eta[rows]))
    y = (pick.uniform(len(rows)) < p).astype(float)
    noise = np.sqrt(max(1 / world.reliability - 1, 0.0) * float(frequency.var()))
    measured = frequency + noise * Stream(seed, "noise", n).normal(n)
    zeros = np.zeros(len(rows))
    data = Data(
        y, length[rows], gold[rows], measured[rows], zeros.astype(np.int64), zeros,
        clusters=rows if world.repeats > 1 else None,
    )  # fmt: skip
    return Drawn(data, tokens[rows], 100 * world.token_effect * float((p * (1 - p)).mean()))


@dataclass(frozen=True)
class Recovery:
    """How a way of analysing fared over many simulated studies.

    Attributes:
        simulations: Studies.
        covered: Share whose interval for the log-odds per token holds the truth.
        covered_points: The same for points of accuracy (the study's own average effect).
        mean: Mean estimate, log-odds per token.
        truth: The true value.
        false_alarms: Share whose interval excludes zero.
    """

    simulations: int
    covered: float
    covered_points: float
    mean: float
    truth: float
    false_alarms: float


def recover(
    world: World,
    simulations: int = 1000,
    seed: int = 7,
    *,
    supposed_reliability: float = 1.0,
    smooth_length: bool = True,
    by_word: bool = True,
) -> Recovery:
    """Analyse many studies of a world and count how often the truth is inside the interval.

    Args:
        world: The truth. With `repeats` above 1 the truth of `token_effect` is conditional on the
            word's disposition; use it at 0, where conditional and average effects agree.
        simulations: Studies; each has a seed of its own.
        seed: Any integer.
        supposed_reliability: Correct the log frequency for this reliability.
        smooth_length: Word length as a spline; False gives each length a level of its own.
        by_word: Allow for repeated words (clustered errors); False pretends they are independent.

    Example:
        >>> recover(World(words=1500, token_effect=-0.3), simulations=20).covered > 0.7
        True
    """
    covered = points = alarms = 0
    total = 0.0
    for k in range(simulations):
        study = draw(world, seed * 1_000_003 + k)
        data = replace(study.data, smooth_length=smooth_length)
        if not by_word:
            data = replace(data, clusters=None)
        controls = None
        if supposed_reliability < 1.0:
            controls = Design(data).at_reliability(study.tokens, supposed_reliability)
        effect = adjusted_effect(data, study.tokens, controls=controls)
        if (
            effect.beta is None or effect.beta_low is None or effect.beta_high is None
            or effect.points_low is None or effect.points_high is None
        ):  # fmt: skip
            continue
        covered += effect.beta_low <= world.token_effect <= effect.beta_high
        points += effect.points_low <= study.true_points <= effect.points_high
        alarms += not effect.beta_low <= 0 <= effect.beta_high
        total += effect.beta
    return Recovery(
        simulations, covered / simulations, points / simulations, total / simulations,
        world.token_effect, alarms / simulations,
    )  # fmt: skip
