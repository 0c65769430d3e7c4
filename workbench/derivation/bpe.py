"""Byte-pair merging, replayed step by step.

One loop serves the three families, which differ only in how a pair is looked up and in what
comes before the loop:

- ``tokenizers``: a list of merges over ids (``models/bpe``); the pair's place in the list is its
  rank.
- ``tiktoken``: no list; a pair merges when its bytes are an entry, and the entry's rank decides.
- SentencePiece: no list either; a pair merges when its text is a piece, and the higher score
  decides; user-defined symbols are frozen.

All three take the best rank first and, between equal ranks, the leftmost pair. A heap of
candidates with a check for stale ones gives that in O(n log n), so one megabyte without a space is
still replayed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", int, str, bytes)

#: (left, right) -> (rank, merged symbol), or None where the pair does not merge.
PairLookup = Callable[[S, S], "tuple[int, S] | None"]


@dataclass(frozen=True, slots=True)
class Merge(Generic[S]):
    """One step: two neighbouring nodes become one.

    Nodes are numbered: the starting symbols 0 to n-1, then one number per merge in the order in
    which they happened. ``position`` is the index of the left symbol among the symbols that were
    there just before the step.
    """

    rank: int
    position: int
    left: int
    right: int
    node: int
    merged: S


@dataclass(frozen=True, slots=True)
class MergeRun(Generic[S]):
    """What a replay left behind.

    Attributes:
        symbols: the symbols at the end, in the order of the text.
        nodes: the node number of each of those symbols.
        steps: the merges in the order in which they were made (empty unless recorded).
    """

    symbols: list[S]
    nodes: list[int]
    steps: list[Merge[S]]


def run_merges(
    symbols: Sequence[S],
    lookup: PairLookup[S],
    *,
    frozen: Sequence[bool] | None = None,
    record: bool = True,
) -> MergeRun[S]:
    """Merge neighbouring symbols, best rank first and leftmost among equals.

    Args:
        symbols: the starting symbols: ids, strings or bytes.
        lookup: gives a pair's rank and the merged symbol, or None.
        frozen: True for symbols that never merge (SentencePiece's user-defined symbols).
        record: keep the steps; False is about a third faster.

    Returns:
        The symbols that are left, and how they came about.

    Example:
        >>> ranks = {b"ab": 0, b"bc": 1, b"abc": 2}
        >>> def lookup(left, right):
        ...     rank = ranks.get(left + right)
        ...     return None if rank is None else (rank, left + right)
        >>> run = run_merges([b"a", b"b", b"c"], lookup)
        >>> run.symbols, [(step.rank, step.merged) for step in run.steps]
        ([b'abc'], [(0, b'ab'), (2, b'abc')])

    Source: Sennrich et al. 2016 (arXiv 1508.07909); order of ties as in the three libraries.
    """
    count = len(symbols)
    held: list[S | None] = list(symbols)
    nodes = list(range(count))
    after = list(range(1, count + 1))
    before = list(range(-1, count - 1))
    heap: list[tuple[int, int, S]] = []

    def offer(left: int, right: int) -> None:
        if left < 0 or right >= count or (frozen and (frozen[left] or frozen[right])):
            return
        first, second = held[left], held[right]
        assert first is not None
        assert second is not None
        found = lookup(first, second)
        if found is not None:
            heapq.heappush(heap, (found[0], left, found[1]))

    for index in range(count - 1):
        offer(index, index + 1)

    raw: list[tuple[int, int, int, int, S]] = []
    while heap:
        rank, left, merged = heapq.heappop(heap)
        first = held[left]
        right = after[left]
        if first is None or right >= count:
            continue
        second = held[right]
        assert second is not None
        found = lookup(first, second)
        # A candidate is stale when its neighbours have merged meanwhile: they then make another
        # symbol. (Comparing the result, not the rank, is what `tokenizers` does.)
        if found is None or found[1] != merged:
            continue
        if frozen and (frozen[left] or frozen[right]):
            continue
        if record:
            raw.append((rank, left, nodes[left], nodes[right], merged))
            nodes[left] = count + len(raw) - 1
        held[left] = merged
        held[right] = None
        after[left] = after[right]
        if after[left] < count:
            before[after[left]] = left
        offer(before[left], left)
        offer(left, after[left])

    alive = [index for index in range(count) if held[index] is not None]
    return MergeRun(
        symbols=[symbol for symbol in held if symbol is not None],
        nodes=[nodes[index] for index in alive],
        steps=_with_positions(raw, count),
    )


def _with_positions(raw: list[tuple[int, int, int, int, S]], count: int) -> list[Merge[S]]:
    """Turn starting indices into positions among the symbols alive at each step.

    A Fenwick tree counts the living symbols to the left, so long texts stay cheap.
    """
    tree = [0] * (count + 1)

    def add(index: int, amount: int) -> None:
        index += 1
        while index <= count:
            tree[index] += amount
            index += index & -index

    def living_before(index: int) -> int:
        total = 0
        while index > 0:
            total += tree[index]
            index -= index & -index
        return total

    if raw:
        for index in range(count):
            add(index, 1)
    next_alive = list(range(1, count + 1))
    steps: list[Merge[S]] = []
    for number, (rank, left, left_node, right_node, merged) in enumerate(raw):
        steps.append(
            Merge(rank, living_before(left), left_node, right_node, count + number, merged)
        )
        right = next_alive[left]
        add(right, -1)
        next_alive[left] = next_alive[right]
    return steps


def states(symbols: Sequence[S], steps: Sequence[Merge[S]]) -> list[list[S]]:
    """Every state of a replay, the starting symbols first.

    Example:
        >>> step = Merge(rank=0, position=1, left=1, right=2, node=3, merged="bc")
        >>> states(["a", "b", "c"], [step])
        [['a', 'b', 'c'], ['a', 'bc']]
    """
    current = list(symbols)
    found = [list(current)]
    for step in steps:
        current[step.position : step.position + 2] = [step.merged]
        found.append(list(current))
    return found
