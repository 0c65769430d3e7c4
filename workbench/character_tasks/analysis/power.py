"""What this many items can show, and how many more a finer question needs."""

import numpy as np

from workbench.character_tasks.errors import CharacterTaskError


def _z(level: float, power: float) -> float:
    from scipy.special import ndtri

    if not 0 < level < 1 or not 0 < power < 1:
        raise CharacterTaskError(
            f"level is {level} and power is {power}: both are shares between 0 and 1."
        )
    return float(ndtri(0.5 + level / 2) + ndtri(power))


def smallest_difference(
    n: int, discordant: float, power: float = 0.8, level: float = 0.95
) -> float:
    """The difference between two models, in points, that `n` shared items show with this power.

    McNemar's test with normal approximation (Connor, 1987): its variance is that of the discordant
    items, which shrinks as one model wins them all.

    Args:
        n: Items that both models answered.
        discordant: Share of items that exactly one of the two has right.
        power: Chance to find it.
        level: One minus the two-sided significance level.

    Example:
        >>> round(smallest_difference(2000, 0.3), 2)
        3.43
    """
    if n < 1 or not 0 < discordant <= 1:
        raise CharacterTaskError(
            f"n is {n} and discordant is {discordant}: at least 1 item, and a share above 0."
        )
    from scipy.optimize import brentq

    def lack(difference: float) -> float:
        return items_needed(difference, discordant, power, level, rounded=False) - n

    top = 100 * discordant
    if lack(top) > 0:
        return float("nan")
    return float(brentq(lack, 1e-6 * top, top))


def items_needed(
    difference: float,
    discordant: float,
    power: float = 0.8,
    level: float = 0.95,
    *,
    rounded: bool = True,
) -> float:
    """Items that two models must share for a difference (in points) to show with this power.

    Raises:
        CharacterTaskError: If the difference exceeds the share of discordant items.

    Example:
        >>> items_needed(2.0, 0.3)
        5885.0
    """
    from scipy.special import ndtri

    d = abs(difference) / 100
    if d == 0 or d > discordant * (1 + 1e-12):
        raise CharacterTaskError(
            f"A difference of {difference} points is impossible or none at {100 * discordant:g}% "
            "discordant items: the difference is at most their share, and not 0."
        )
    _z(level, power)
    a, b = float(ndtri(0.5 + level / 2)), float(ndtri(power))
    needed = ((a * np.sqrt(discordant) + b * np.sqrt(max(discordant - d * d, 0))) / d) ** 2
    return float(np.ceil(needed)) if rounded else float(needed)


def smallest_correlation(n: int, power: float = 0.8, level: float = 0.95) -> float:
    """The |r| that `n` answers show with this power (Fisher's z).

    Example:
        >>> round(smallest_correlation(43_750), 4)
        0.0134
    """
    return float(np.tanh(_z(level, power) / np.sqrt(max(n - 3, 1))))


def noise_correlation(n: int, level: float = 0.95) -> float:
    """The |r| below which `n` answers cannot tell it from none.

    Example:
        >>> round(noise_correlation(43_750), 4)
        0.0094
    """
    from scipy.special import ndtri

    return float(np.tanh(float(ndtri(0.5 + level / 2)) / np.sqrt(max(n - 3, 1))))


def smallest_effect(error: float, power: float = 0.8, level: float = 0.95) -> float:
    """The effect (in the error's unit) that an estimate with this standard error can show.

    Example:
        >>> round(smallest_effect(0.5), 2)
        1.4
    """
    return _z(level, power) * error
