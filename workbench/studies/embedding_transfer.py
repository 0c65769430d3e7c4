"""Vectors for the entries of a new vocabulary, from those of an old one.

A tokenizer is exchanged; the new one's entries need vectors in the old space. Entries with the same
bytes are copied. For the rest:

* ``random``: drawn with the mean and spread of the old vectors;
* ``mean``: the mean of the old vectors;
* ``pieces``: the mean of the old tokens that spell the entry;
* ``focus``: weights over the copied entries, from similarities in a second space made for the new
  tokenizer, by sparsemax (FOCUS; Dobler and de Melo 2023). Copied entries without a vector in that
  space are no anchors. As published but for this: the space is the caller's, there fastText's, and
  an entry without a vector in it gets the mean, where the published code draws from a normal
  distribution with the mean and spread of the old vectors.
* ``tokenadapt``: 0.7 times the pieces plus 0.3 times the 3 nearest old entries (TokenAdapt;
  Sharthak and others 2025). Neighbours weigh softmax(cos / T), pieces

      softmax((softmax(cos) + characters of the piece / characters of the entry) / 2 / T)

  at T = 0.3, all of it the published code's. What differs: cosines are of spelling (hashed byte
  n-grams), there of a sentence-embedding model (``likeness`` takes another space); pieces are the
  fewest that spell the entry, there what the old tokenizer makes of it (``spelled``); entries are
  copied by their bytes, in later versions there also where they differ in case alone; and those
  versions weigh neighbours in proportion to the cosine, above a threshold.

WECHSEL needs a bilingual dictionary and ZeTT a trained hypernetwork: nothing is claimed for them.
Any matrix will do; :mod:`workbench.studies.embeddings` makes small ones with real neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl

from workbench.studies.embeddings import (
    Floats,
    Ints,
    softmax,
    sparsemax,
    spelling_vectors,
    unit_rows,
)

Method = Literal["random", "mean", "pieces", "focus", "tokenadapt"]
METHODS: tuple[Method, ...] = get_args(Method)
Weights = tuple[Ints, Floats]
"""Rows of the old matrix and their weights, which sum to 1."""

_TOGETHER = 512  # names whose likenesses are computed in one product


@dataclass(frozen=True, eq=False)
class Source:
    """The old vocabulary: what its entries stand for, and their vectors.

    Attributes:
        entries: Different byte strings, at least one, shape ``(n,)``.
        matrix: Their vectors, finite, shape ``(n, dimensions)``.

    Raises:
        ValueError: When there is no entry, one comes twice, or the vectors do not fit.
    """

    entries: tuple[bytes, ...]
    matrix: Floats

    def __post_init__(self) -> None:
        if not self.entries:
            raise ValueError("The old vocabulary has no entry: there is nothing to start from.")
        _check_vocabulary("old", self.entries, self.matrix)

    def without(self, entries: set[bytes]) -> Source:
        """The same vocabulary with some entries taken out."""
        keep = [i for i, entry in enumerate(self.entries) if entry not in entries]
        return Source(tuple(self.entries[i] for i in keep), self.matrix[keep])


@dataclass(frozen=True, eq=False)
class Target:
    """The new vocabulary, and a space of its own that FOCUS needs.

    Attributes:
        entries: Different byte strings, shape ``(m,)``.
        own: A vector for each in a space made for the new tokenizer, shape ``(m, any)``; a row of
            zeros says that none is known. None where no such space is given.

    Raises:
        ValueError: When an entry comes twice, or the vectors do not fit.
    """

    entries: tuple[bytes, ...]
    own: Floats | None = None

    def __post_init__(self) -> None:
        _check_vocabulary("new", self.entries, self.own)


def _check_vocabulary(which: str, entries: Sequence[bytes], matrix: Floats | None) -> None:
    if len(set(entries)) != len(entries):
        raise ValueError(
            f"Two entries of the {which} vocabulary stand for the same bytes: keep one of them."
        )
    if matrix is None:
        return
    if matrix.ndim != 2 or len(entries) != len(matrix):
        raise ValueError(
            f"One row per entry is needed: the {which} vocabulary has {len(entries)} entries, and "
            f"its vectors the shape {matrix.shape}."
        )
    if not np.isfinite(matrix).all():
        raise ValueError(
            f"A vector of the {which} vocabulary holds NaN or infinity: mend it, or leave its "
            f"entry out."
        )


@dataclass(frozen=True, eq=False)
class Transplant:
    """Vectors for a new vocabulary, and how each was made.

    Attributes:
        entries: The new entries, shape ``(m,)``.
        matrix: Their vectors in the old space, shape ``(m, dimensions)``.
        how: ``copied``, the method, or ``mean`` where the method had nothing to go by.
        weights: For each entry the rows of the old matrix and their weights; empty for ``random``.
        source: The old vocabulary.
    """

    entries: tuple[bytes, ...]
    matrix: Floats
    how: tuple[str, ...]
    weights: tuple[Weights, ...]
    source: Source

    def to_frame(self, neighbours: int = 5) -> pl.DataFrame:
        """One row per entry and neighbour, the heaviest first.

        Args:
            neighbours: At most so many for each entry.

        Returns:
            ``entry, how, neighbour, weight``; bytes that are no UTF-8 are shown as U+FFFD.
        """
        rows = []
        for entry, how, (places, weights) in zip(self.entries, self.how, self.weights, strict=True):
            best = np.argsort(-weights, kind="stable")[:neighbours]
            rows += [
                (shown(entry), how, shown(self.source.entries[places[i]]), float(weights[i]))
                for i in best.tolist()
            ]
        schema = {
            "entry": pl.String,
            "how": pl.String,
            "neighbour": pl.String,
            "weight": pl.Float64,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")


def shown(data: bytes) -> str:
    """Bytes as text, U+FFFD for what is no UTF-8."""
    return data.decode("utf-8", "replace")


def overlap(old: Sequence[bytes], new: Sequence[bytes]) -> pl.DataFrame:
    """How much of a new vocabulary can be copied.

    Args:
        old: Entries of the old vocabulary, as bytes.
        new: Entries of the new one.

    Returns:
        ``measure, entries, share_of_new``: ``copied``, ``spelt by two old entries or more``,
        ``no spelling`` (some byte is in no old entry, or there is none to spell).

    >>> overlap([b"a", b"b"], [b"a", b"ab", b"c"])["entries"].to_list()
    [1, 1, 1]
    """
    known = {entry: i for i, entry in enumerate(old)}
    kinds = dict.fromkeys(("copied", "spelt by two old entries or more", "no spelling"), 0)
    single = {entry[0] for entry in known if len(entry) == 1}
    for entry in new:
        if entry in known:
            kind = "copied"
        elif (entry and single.issuperset(entry)) or spell(entry, known):  # bytes spell anything
            kind = "spelt by two old entries or more"
        else:
            kind = "no spelling"
        kinds[kind] += 1
    return pl.DataFrame(
        [(kind, count, count / max(1, len(new))) for kind, count in kinds.items()],
        schema={"measure": pl.String, "entries": pl.Int64, "share_of_new": pl.Float64},
        orient="row",
    )


def spell(data: bytes, known: Mapping[bytes, int]) -> list[bytes]:
    """The fewest known pieces that join to some bytes.

    Args:
        data: What to spell.
        known: The pieces there are, as keys.

    Returns:
        The pieces; of several ways with as few, the one whose last piece is longest, and so on to
        the front. Empty where there is no way.

    >>> spell(b"abcd", {b"a": 0, b"bc": 1, b"d": 2, b"ab": 3, b"cd": 4})
    [b'ab', b'cd']
    """
    fewest: list[int | None] = [0, *([None] * len(data))]
    last = [0] * (len(data) + 1)
    for end in range(1, len(data) + 1):
        for start in range(end):
            before = fewest[start]
            if before is None or data[start:end] not in known:
                continue
            here = fewest[end]
            if here is None or before + 1 < here:
                fewest[end], last[end] = before + 1, start
    if not data or fewest[-1] is None:
        return []
    pieces: list[bytes] = []
    end = len(data)
    while end:
        pieces.append(data[last[end] : end])
        end = last[end]
    return pieces[::-1]


def transplant(
    source: Source,
    target: Target,
    method: Method = "tokenadapt",
    *,
    local_weight: float = 0.7,
    neighbours: int = 3,
    temperature: float = 0.3,
    likeness: Callable[[Sequence[bytes]], Floats] = spelling_vectors,
    spelled: Callable[[bytes], Sequence[bytes]] | None = None,
    seed: int = 0,
) -> Transplant:
    """Vectors of the new entries in the old space.

    Args:
        source: The old vocabulary and its matrix.
        target: The new vocabulary; FOCUS needs its ``own`` space.
        method: One of :data:`METHODS`, for the entries that cannot be copied.
        local_weight: Share of the pieces in ``tokenadapt``, in [0, 1]; the rest goes to
            neighbours. Where an entry has no spelling, neighbours get all.
        neighbours: Nearest old entries in ``tokenadapt``, at least 1.
        temperature: Of the softmaxes in ``tokenadapt``, above 0.
        likeness: Makes vectors of entries, shape ``(entries, any)``, whose cosines ``tokenadapt``
            goes by; it is asked for the old entries and then for some new ones at a time.
        spelled: The pieces of an entry for ``pieces`` and ``tokenadapt``, for example by the old
            tokenizer; those that are no old entry are passed over. By default :func:`spell`.
        seed: Of ``random``.

    Returns:
        The vectors and how they were made.

    Raises:
        ValueError: For an unknown method, a number out of range, or a missing space.

    >>> source = Source((b"un", b"believ", b"able"), np.eye(3))
    >>> made = transplant(source, Target((b"unbelievable", b"un")), local_weight=1)
    >>> made.how, made.matrix.round(2).tolist()
    (('tokenadapt', 'copied'), [[0.22, 0.45, 0.33], [1.0, 0.0, 0.0]])
    """
    if method not in METHODS:
        raise ValueError(f"{method!r} is no method here: use one of {', '.join(METHODS)}.")
    if not 0 <= local_weight <= 1:
        raise ValueError(f"local_weight is a share from 0 to 1, not {local_weight}.")
    if neighbours < 1:
        raise ValueError(f"neighbours counts old entries and is at least 1, not {neighbours}.")
    known = {entry: i for i, entry in enumerate(source.entries)}
    fresh = [i for i, entry in enumerate(target.entries) if entry not in known]
    names = [target.entries[i] for i in fresh]
    found: list[Weights | None]
    if method == "focus":
        found = _focus(target, known, fresh)
    elif method in ("pieces", "tokenadapt"):
        cuts = [spell(name, known) if spelled is None else spelled(name) for name in names]
        pieces = [[known[piece] for piece in cut if piece in known] for cut in cuts]
        if method == "pieces":
            found = [_evenly(places) for places in pieces]
        else:
            found = [
                *_tokenadapt(source, names, pieces, likeness, local_weight, neighbours, temperature)
            ]
    else:
        found = [None] * len(names)
    everything = (np.arange(len(source.entries)), np.full(len(source.entries), 1 / len(known)))
    nothing: Weights = (np.zeros(0, dtype=np.int64), np.zeros(0))
    rng = np.random.default_rng(seed)
    mean, spread = source.matrix.mean(axis=0), source.matrix.std(axis=0)
    by_place = dict(zip(fresh, found, strict=True))
    rows, how, weights = [], [], []
    for place, entry in enumerate(target.entries):
        if entry in known:
            one: Weights = (np.array([known[entry]]), np.ones(1))
            rows.append(source.matrix[known[entry]])
            how.append("copied")
        elif method == "random":
            one = nothing
            rows.append(rng.normal(mean, spread))
            how.append(method)
        else:
            chosen = by_place[place]
            one = everything if chosen is None else chosen
            rows.append(one[1] @ source.matrix[one[0]])
            how.append("mean" if chosen is None else method)
        weights.append(one)
    matrix = np.array(rows).reshape(len(rows), source.matrix.shape[1])
    return Transplant(target.entries, matrix, tuple(how), tuple(weights), source)


def _evenly(places: list[int]) -> Weights | None:
    if not places:
        return None
    return np.array(places, dtype=np.int64), np.full(len(places), 1 / len(places))


def _focus(
    target: Target, known: Mapping[bytes, int], fresh: Sequence[int]
) -> list[Weights | None]:
    if target.own is None:
        raise ValueError(
            "FOCUS weighs copied entries by likeness in a space of the new tokenizer: give the "
            "target an `own` space, for example from target_from_texts."
        )
    own = unit_rows(target.own)
    shared = [i for i, entry in enumerate(target.entries) if entry in known and own[i].any()]
    if not shared:
        return [None] * len(fresh)
    places = np.array([known[target.entries[i]] for i in shared])
    likeness = own[list(fresh)] @ own[shared].T
    out: list[Weights | None] = []
    for row, i in zip(likeness, fresh, strict=True):
        weights = sparsemax(row)
        kept = weights > 0
        out.append((places[kept], weights[kept]) if own[i].any() else None)
    return out


def _tokenadapt(
    source: Source,
    names: Sequence[bytes],
    pieces: Sequence[Sequence[int]],
    likeness: Callable[[Sequence[bytes]], Floats],
    local_weight: float,
    neighbours: int,
    temperature: float,
) -> Iterator[Weights]:
    space = unit_rows(likeness(source.entries))
    letters = np.array([len(shown(entry)) for entry in source.entries])
    kth = min(neighbours, len(source.entries))
    for start in range(0, len(names), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        cosines = unit_rows(likeness(names[part])) @ space.T
        # The nearest, ties by place: what the k-th has or more is kept, and sorted.
        least = -np.partition(-cosines, kth - 1, axis=1)[:, kth - 1]
        rows = zip(names[part], pieces[part], cosines, least, strict=True)
        for name, places, cosine, enough in rows:
            close = np.flatnonzero(cosine >= enough)
            near = close[np.argsort(-cosine[close], kind="stable")][:kth]
            weigh: dict[int, float] = {}
            share = local_weight if places else 0.0
            _add(weigh, near, (1 - share) * softmax(cosine[near], temperature))
            if places:
                lengths = letters[list(places)] / len(shown(name))
                mixed = (softmax(cosine[list(places)]) + lengths) / 2
                _add(weigh, places, share * softmax(mixed, temperature))
            kept = sorted(place for place, weight in weigh.items() if weight)
            yield np.array(kept, dtype=np.int64), np.array([weigh[i] for i in kept])


def _add(weigh: dict[int, float], places: Iterable[int], weights: Floats) -> None:
    for place, weight in zip(places, weights, strict=True):
        weigh[int(place)] = weigh.get(int(place), 0.0) + float(weight)
