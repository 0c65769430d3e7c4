"""Random numbers that are the same on every machine and under every version of NumPy.

NumPy promises that the raw output of a bit generator never changes, but not what `Generator`
makes of it (NEP 19). Everything here is therefore computed from raw 64-bit words, and every use
has a stream of its own, named by labels, so that drawing more for one task moves no other.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray


class Stream:
    """A named stream of reproducible random numbers.

    Args:
        seed: Any integer.
        *labels: What the numbers are for; other labels give an independent stream.

    Example:
        >>> Stream(7, "count", 4).permutation(5).tolist()
        [2, 4, 1, 3, 0]
    """

    def __init__(self, seed: int, *labels: object) -> None:
        name = "|".join([str(int(seed)), *map(str, labels)])
        digest = hashlib.sha256(name.encode()).digest()
        self._bits = np.random.PCG64(int.from_bytes(digest, "little"))

    def raw(self, n: int) -> NDArray[np.uint64]:
        """`n` uniform 64-bit words."""
        return np.asarray(self._bits.random_raw(n), dtype=np.uint64)

    def permutation(self, n: int) -> NDArray[np.int64]:
        """The numbers 0 to `n - 1` in random order (int64, shape `(n,)`)."""
        return np.argsort(self.raw(n), kind="stable").astype(np.int64)

    def below(self, high: NDArray[np.int64] | int, n: int | None = None) -> NDArray[np.int64]:
        """Uniform integers from 0 to `high - 1`, one per entry of `high`.

        The bias of the multiply-and-shift is below `high / 2**32`.
        """
        limits = np.full(1 if n is None else n, high) if isinstance(high, int) else high
        words = self.raw(len(limits)) >> np.uint64(32)
        return ((words * limits.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)

    def uniform(self, n: int) -> NDArray[np.float64]:
        """`n` uniform numbers in [0, 1)."""
        return (self.raw(n) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, n: int) -> NDArray[np.float64]:
        """`n` standard normal numbers (Box and Muller)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(n)))
        return np.asarray(radius * np.cos(2.0 * np.pi * self.uniform(n)), dtype=np.float64)
