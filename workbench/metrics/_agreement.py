"""How far two sets of cuts agree, with and without chance.

F1 counts what both have among what either has. Dense cuts agree by chance, so Cohen's κ (Cohen
1960) stands beside it: it takes chance out over all the places where a cut could be.
"""

from __future__ import annotations

import numpy as np

from workbench.metrics._base import FloatArray, IntArray, divide
from workbench.metrics._cuts import character_bytes
from workbench.metrics._perturb import Perturbed


def f1(both: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """2 · both / (left + right); NaN where neither side has any.

    Example:
        >>> float(f1(np.array(1.0), np.array(2.0), np.array(2.0)))
        0.5
    """
    return divide(2 * both, left + right)


def kappa(both: FloatArray, left: FloatArray, right: FloatArray, places: FloatArray) -> FloatArray:
    """Cohen's κ of two yes-or-no answers at each of the places.

    Args:
        both: Places where both say yes.
        left: Where one does.
        right: Where the other does.
        places: All of them.

    Returns:
        At most 1; 0 is chance; NaN where chance alone would make them agree everywhere.

    Example:
        >>> round(float(kappa(*map(np.float64, (1, 2, 1, 3)))), 3)
        0.4
    """
    agreed = divide(places - left - right + 2 * both, places)
    chance = divide(left * right + (places - left) * (places - right), places * places)
    return divide(agreed - chance, 1 - chance)


def places_of(noisy: Perturbed) -> tuple[IntArray, IntArray]:
    """Number the places of a clean and a noisy text alike.

    An edge inside a kept part is one place in both texts. What was dropped or put in has no inner
    edges to compare: the edges around it are one place. A part that was replaced has its ends in
    common, and inner edges of its own on each side.

    Args:
        noisy: The noisy text with its alignment.

    Returns:
        int64 (bytes + 1,) of the clean text and of the noisy one: the place of each byte edge.
    """
    rows = noisy.byte_alignment()
    size = rows[-1] if len(rows) else np.zeros(4, dtype=np.int64)
    clean, dirty = np.zeros(size[1] + 1, dtype=np.int64), np.zeros(size[3] + 1, dtype=np.int64)
    place = 0
    for (a, b, c, d), changed in zip(rows.tolist(), noisy.changed.tolist(), strict=True):
        n, m = b - a, d - c
        if not changed:
            clean[a : b + 1] = dirty[c : d + 1] = np.arange(place, place + n + 1)
            place += n
        elif n == 0 or m == 0:
            clean[a : b + 1] = dirty[c : d + 1] = place
        else:
            clean[a:b] = np.arange(place, place + n)
            dirty[c + 1 : d] = np.arange(place + n, place + n + m - 1)
            dirty[c] = place
            place += n + m - 1
            clean[b] = dirty[d] = place
    return clean, dirty


def compare_cuts(noisy: Perturbed, clean_cuts: IntArray, noisy_cuts: IntArray) -> dict[str, int]:
    """Count the cuts that noise left where they were.

    Args:
        noisy: The noisy text with its alignment.
        clean_cuts: Byte offsets of cuts in the clean text, its ends left out.
        noisy_cuts: The same in the noisy text.

    Returns:
        both, left (clean), right (noisy), places: as `f1` and `kappa` take them. Places are the
        edges of characters of either text, and any edge inside one where either is cut.
    """
    clean, dirty = places_of(noisy)
    last = max(int(clean[-1]), int(dirty[-1]))
    size = last + 1
    a, b, edge = (np.zeros(size, dtype=np.bool_) for _ in range(3))
    a[clean[clean_cuts]] = True
    b[dirty[noisy_cuts]] = True
    edge[clean[character_bytes(noisy.source)]] = True
    edge[dirty[character_bytes(noisy.text)]] = True
    for side in (a, b, edge):
        side[[0, last]] = False  # the ends of the text, and what was put before or after it
    return {
        "both": int((a & b).sum()),
        "left": int(a.sum()),
        "right": int(b.sum()),
        "places": int((a | b | edge).sum()),
    }
