"""Embeddings for a new vocabulary, out of those of an old one, without training.

The methods are in :mod:`workbench.studies.embedding_transfer` (copied, random, mean, pieces,
FOCUS-like, TokenAdapt-like) and take any matrix. Here are small spaces made from texts, and the
experiment: vectors that are known are taken away, made anew, and compared with what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from workbench.studies.documents import paragraphs_of
from workbench.studies.embedding_transfer import (
    METHODS,
    Method,
    Source,
    Target,
    Transplant,
    overlap,
    shown,
    spell,
    transplant,
)
from workbench.studies.embeddings import Embeddings, Ints, token_embeddings, unit_rows
from workbench.studies.verdicts import (
    Estimate,
    in_columns,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer

__all__ = [
    "METHODS",
    "PAPERS",
    "Source",
    "Target",
    "Transplant",
    "examples",
    "halves",
    "old_and_new",
    "overlap",
    "reconstruction",
    "source_from_texts",
    "spell",
    "summary",
    "target_from_texts",
    "transplant",
    "verdict",
]

PAPERS = ("Dobler and de Melo 2023 (FOCUS)", "Sharthak and others 2025 (TokenAdapt)")


def _entries(tok: Tokenizer, found: Embeddings) -> tuple[tuple[bytes, ...], Ints]:
    """Bytes of the tokens that have a vector; of two with the same bytes the more frequent."""
    best: dict[bytes, int] = {}
    for place in np.argsort(-found.counts, kind="stable").tolist():
        token = int(found.ids[place])
        if not tok.is_special(token) and token != tok.unk_id:
            best.setdefault(tok.token_bytes(token), place)
    return tuple(best), np.array(list(best.values()), dtype=np.int64)


def old_and_new(tokenizers: Sequence[Tokenizer]) -> tuple[Tokenizer, ...]:
    """The tokenizer whose embeddings there are, then those that want some.

    Raises:
        ValueError: When there is no second one.

    >>> from workbench.tokenizers import load_tokenizer
    >>> [tok.name for tok in old_and_new([load_tokenizer("bytes"), load_tokenizer("tekken")])]
    ['bytes', 'tekken']
    """
    if len(tokenizers) < 2:
        raise ValueError(
            f"A transplant needs two tokenizers, the old one first, not {len(tokenizers)}."
        )
    return tuple(tokenizers)


def halves(texts: Sequence[str], most_characters: int = 600_000) -> tuple[list[str], list[str]]:
    r"""Paragraphs in two halves that share none, one for each space.

    With the same texts for both, FOCUS would find the answer in the data: a token that both
    tokenizers cut alike has the same neighbours in both.

    Args:
        texts: Documents.
        most_characters: Paragraphs are taken, in order, until they hold so many.

    Returns:
        Paragraphs at even and at odd places; a paragraph that comes twice is taken once.

    >>> halves(["a\n\nb", "a\n\nc"])
    (['a', 'c'], ['b'])
    """
    chosen, size = [], 0
    for paragraph in dict.fromkeys(paragraphs_of(texts)):
        if size >= most_characters:
            break
        chosen.append(paragraph)
        size += len(paragraph)
    return chosen[::2], chosen[1::2]


def source_from_texts(tok: Tokenizer, texts: Sequence[str], dimensions: int = 64) -> Source:
    """An old vocabulary with small vectors made from texts.

    Args:
        tok: Any tokenizer.
        texts: Documents.
        dimensions: Of the vectors.

    Returns:
        The entries that occur, with unit vectors.

    Raises:
        ValueError: When the texts hold too few tokens.
    """
    found = token_embeddings(tok, texts, dimensions)
    entries, places = _entries(tok, found)
    return Source(entries, unit_rows(found.vectors[places]))


def target_from_texts(tok: Tokenizer, texts: Sequence[str], dimensions: int = 64) -> Target:
    """A new vocabulary with a space of its own made from texts.

    Args:
        tok: Any tokenizer.
        texts: Documents, better others than the old space was made from.
        dimensions: Of the space.

    Returns:
        The entries that occur.

    Raises:
        ValueError: When the texts hold too few tokens.
    """
    found = token_embeddings(tok, texts, dimensions)
    entries, places = _entries(tok, found)
    return Target(entries, unit_rows(found.vectors[places]))


def reconstruction(
    source: Source,
    target: Target,
    methods: Sequence[Method] = METHODS,
    *,
    held_out: float = 0.2,
    shortest: int = 2,
    seed: int = 0,
    **options: Any,
) -> pl.DataFrame:
    """Take away vectors that are known, make them anew, and compare.

    Shared entries are held out: they are removed from the old vocabulary, so neither copying nor
    spelling nor neighbours can use them, and the vector they had is the truth.

    Args:
        source: The old vocabulary.
        target: The new one.
        methods: Of :data:`METHODS`.
        held_out: Share of the shared entries, in (0, 1).
        shortest: Only entries of so many bytes; a single byte has no spelling without itself.
        seed: Of the draw and of ``random``.
        **options: For :func:`transplant`. A ``spelled`` by the old tokenizer has no pieces for a
            held-out entry, which is one token to it.

    Returns:
        One row per held-out entry and method: ``entry, method, how, cosine`` (of the centred
        vectors: the old mean is taken off both, or every vector of a lopsided space looks right)
        and ``rank`` (how many old vectors are nearer to the new one than the true one is, as a
        share of all: 0 is best, 0.5 is chance).

    Raises:
        ValueError: When fewer than ten entries could be held out, or as :func:`transplant`.

    >>> letters = {bytes([c]): np.eye(8)[c - 97] for c in range(97, 105)}
    >>> entries = (*letters, *(a + b for a in letters for b in letters))
    >>> matrix = np.array([sum(letters[bytes([c])] for c in e) / len(e) for e in entries])
    >>> table = reconstruction(Source(entries, matrix), Target(entries), ["mean", "pieces"])
    >>> summary(table).select("method", pl.col("cosine").round(3), "from_mean").rows()
    [('mean', 0.0, 1.0), ('pieces', 1.0, 0.0)]
    """
    if not 0 < held_out < 1:
        raise ValueError(f"The held-out share lies in (0, 1), not at {held_out}.")
    known = {entry: i for i, entry in enumerate(source.entries)}
    shared = [e for e in target.entries if e in known and len(e.strip()) >= shortest]
    size = round(held_out * len(shared))
    if size < 10:
        raise ValueError(
            f"{len(shared)} entries of the texts are shared, {size} would be held out: ten are the "
            f"least. Take more text, or tokenizers that have more entries in common."
        )
    draw = np.random.default_rng(seed).permutation(len(shared))[:size]
    removed = {shared[i] for i in draw.tolist()}
    less = source.without(removed)
    # Entries that are not shared play no part: neither as anchors nor as truth.
    own = None if target.own is None else target.own[[e in known for e in target.entries]]
    target = Target(tuple(e for e in target.entries if e in known), own)
    centre = less.matrix.mean(axis=0)
    centred = unit_rows(source.matrix - centre)
    rows = []
    for method in methods:
        made = transplant(less, target, method, seed=seed, **options)
        for place, entry in enumerate(target.entries):
            if entry not in removed:
                continue
            vector = made.matrix[place] - centre
            # The mean itself has no direction: its cosine is that of chance.
            length = np.linalg.norm(vector)
            likeness = centred @ vector / (length if length > 1e-9 else 1.0)
            truth = float(likeness[known[entry]]) if length > 1e-9 else 0.0
            nearer = ((likeness > truth).sum() + 0.5 * ((likeness == truth).sum() - 1)) / (
                len(likeness) - 1
            )
            rank = float(nearer) if length > 1e-9 else 0.5
            rows.append((shown(entry), method, made.how[place], truth, rank))
    return pl.DataFrame(
        rows,
        schema={
            "entry": pl.String,
            "method": pl.String,
            "how": pl.String,
            "cosine": pl.Float64,
            "rank": pl.Float64,
        },
        orient="row",
    )


def examples(
    source: Source, target: Target, n: int = 8, *, longest: int = 4, shortest: int = 7
) -> pl.DataFrame:
    """Neighbours and weights of some entries that the old vocabulary lacks.

    Args:
        source: The old vocabulary.
        target: The new one, with a space of its own; its entries come most frequent first.
        n: How many entries.
        longest: Neighbours shown of each.
        shortest: Only entries of so many letters, a space before them aside.

    Returns:
        ``entry, how, neighbour, weight`` by FOCUS and by TokenAdapt.
    """
    known = set(source.entries)
    words = [e for e in target.entries if e not in known and len(e.strip()) >= shortest]
    wanted = set([e for e in words if e.strip().isalpha()][:n])
    rows = [i for i, e in enumerate(target.entries) if e in known or e in wanted]
    entries = tuple(target.entries[i] for i in rows)
    less = Target(entries, None if target.own is None else target.own[rows])
    both: tuple[Method, ...] = ("focus", "tokenadapt")
    table = pl.concat(transplant(source, less, method).to_frame(longest) for method in both)
    return table.filter(pl.col("how") != "copied").sort("entry", "how", maintain_order=True)


def summary(table: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Means of a reconstruction with intervals over held-out entries.

    Args:
        table: From :func:`reconstruction`.
        seed: Of the bootstrap.

    Returns:
        ``method, cosine, ci_low, ci_high, median_rank, gain, gain_low, gain_high`` (cosine over
        ``mean``'s, paired by entry; null without it), ``from_mean`` (share of the entries that
        got the mean, since the method had nothing to go by) and ``entries``.
    """
    base = table.filter(pl.col("method") == "mean")["cosine"].to_numpy()
    rows = []
    for (method,), part in table.group_by("method", maintain_order=True):
        cosines = part["cosine"].to_numpy()
        ones = np.ones(len(cosines))
        value = ratio_over_documents(cosines, ones, seed=seed)
        gain = ratio_over_documents(cosines - base, ones, seed=seed) if len(base) else None
        rows.append(
            {
                "method": method,
                **in_columns(value, "cosine", "ci_low", "ci_high"),
                "median_rank": part["rank"].median(),
                **in_columns(gain, "gain", "gain_low", "gain_high"),
                "from_mean": (part["how"] == "mean").mean(),
                "entries": value.n,
            }
        )
    return pl.DataFrame(rows)


def verdict(table: pl.DataFrame, where: str = "", seed: int = 0) -> pl.DataFrame:
    """Which methods are nearer to the truth than the mean, and which of the two papers' is nearer.

    Args:
        table: From :func:`reconstruction`, with ``mean``.
        where: Names the texts in the measure, for tables over several corpora.
        seed: Of the bootstrap.

    Returns:
        The rows of a verdict. ``random`` is what chance gives and gets none.
    """
    claims = {
        "pieces": ("The pieces of an entry tell its vector", PAPERS[1]),
        "focus": ("Similar shared entries tell an entry's vector (FOCUS)", PAPERS[0]),
        "tokenadapt": ("Pieces and neighbours tell an entry's vector (TokenAdapt)", PAPERS[1]),
    }
    rows = []
    place = f", {where}" if where else ""
    for row in summary(table, seed).iter_rows(named=True):
        if row["method"] not in claims:
            continue
        claim, paper = claims[row["method"]]
        gain = Estimate(row["gain"], row["gain_low"], row["gain_high"], row["entries"])
        text = gain.side(0, "farther than the mean", "nearer than the mean", "no difference shown")
        rows.append(
            verdict_row(
                claim,
                paper,
                f"cosine to the held-out vector over the mean's, {row['method']}, "
                f"{row['entries']} entries{place}, {row['from_mean']:.0%} of them at the mean",
                gain,
                text,
            )
        )
    sides = [
        table.filter(pl.col("method") == method)["cosine"].to_numpy()
        for method in ("tokenadapt", "pieces", "focus")
    ]
    for name, side in (("pieces", sides[1]), ("focus", sides[2])):
        if len(sides[0]) and len(side):
            gap = ratio_over_documents(sides[0] - side, np.ones(len(side)), seed=seed)
            text = "no difference shown"
            if gap.excludes(0):
                text = "tokenadapt is nearer" if gap.value > 0 else f"{name} is nearer"
            rows.append(
                verdict_row(
                    "TokenAdapt starts nearer than what came before",
                    PAPERS[1],
                    f"cosine of tokenadapt less that of {name}{place}",
                    gap,
                    text,
                )
            )
    return verdict_frame(rows)
