"""Small word-vector models made without a network: PPMI of token co-occurrences, and an SVD.

Positive pointwise mutual information factored by a truncated SVD is what skip-gram with negative
sampling approximates (Levy and Goldberg 2014); contexts are smoothed and singular values weighted
as Levy, Goldberg and Dagan 2015 advise. Such vectors know which tokens stand in like places; they
are no substitute for the input embeddings of a trained language model.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.tokenizers import Tokenizer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """One vector for each token that was seen.

    Attributes:
        ids: Token ids, ascending, shape ``(tokens,)``.
        counts: How often each occurred, shape ``(tokens,)``.
        vectors: Shape ``(tokens, dimensions)``.
    """

    ids: Ints
    counts: Ints
    vectors: Floats


def co_occurrence_embeddings(
    sequences: Iterable[Sequence[int]],
    dimensions: int = 64,
    *,
    window: int = 4,
    smoothing: float = 0.75,
    least_count: int = 1,
) -> Embeddings:
    """Vectors of tokens from what stands near them.

    Args:
        sequences: Token ids of documents; no pair crosses from one to the next.
        dimensions: Of the vectors; fewer where there are not as many tokens.
        window: Tokens to either side that count as near; a pair at distance d weighs 1 / d.
        smoothing: Exponent of context frequencies, in (0, 1].
        least_count: Rarer tokens get no vector, and are no context.

    Returns:
        The vectors, not normalized. A sign is chosen for each dimension, so runs agree.

    Raises:
        ValueError: When fewer than three tokens occur often enough, or an option is out of range.

    >>> found = co_occurrence_embeddings([[1, 5, 2], [1, 6, 2], [3, 4]], 2, window=1)
    >>> found.ids.tolist(), found.vectors.shape
    ([1, 2, 3, 4, 5, 6], (6, 2))
    >>> bool(np.allclose(found.vectors[4], found.vectors[5]))  # 5 and 6 have the same neighbours
    True
    """
    from scipy import sparse
    from scipy.sparse.linalg import svds

    if window < 1 or dimensions < 1 or not 0 < smoothing <= 1:
        raise ValueError(
            f"window and dimensions are at least 1 and smoothing lies in (0, 1]; got {window}, "
            f"{dimensions} and {smoothing}."
        )
    documents = [np.asarray(ids, dtype=np.int64) for ids in sequences]
    everything = np.concatenate([*documents, np.zeros(0, dtype=np.int64)])
    kept, counts = np.unique(everything, return_counts=True)
    kept, counts = kept[counts >= least_count], counts[counts >= least_count]
    if len(kept) < 3:
        raise ValueError(
            f"Only {len(kept)} tokens occur {least_count} times or more: three are the least."
        )
    size = len(kept)
    rows, columns, weights = [], [], []
    for ids in documents:
        places = np.searchsorted(kept, ids)
        places = np.where(places < size, places, 0)
        known = kept[places] == ids
        for distance in range(1, window + 1):
            both = known[:-distance] & known[distance:]
            left, right = places[:-distance][both], places[distance:][both]
            rows += [left, right]
            columns += [right, left]
            weights.append(np.full(2 * len(left), 1 / distance))
    near = sparse.coo_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))),
        shape=(size, size),
    ).tocsr()
    total = near.sum()
    if total == 0:
        raise ValueError("No two tokens stand beside each other: there is nothing to learn from.")
    word = np.asarray(near.sum(axis=1)).ravel() / total
    context = np.asarray(near.sum(axis=0)).ravel() ** smoothing
    context /= context.sum()
    found = near.tocoo()
    pmi = np.log(found.data / total / (word[found.row] * context[found.col]))
    above = pmi > 0
    matrix = sparse.csr_matrix(
        (pmi[above], (found.row[above], found.col[above])), shape=(size, size)
    )
    rank = min(dimensions, size - 1)
    start = np.random.default_rng(0).normal(size=size)
    left_vectors, strengths, _ = svds(matrix, k=rank, v0=start)
    order = np.argsort(-strengths)
    left_vectors, strengths = left_vectors[:, order], strengths[order]
    signs = np.sign(left_vectors[np.abs(left_vectors).argmax(axis=0), np.arange(rank)])
    vectors = left_vectors * np.sqrt(strengths) * signs
    return Embeddings(kept, counts.astype(np.int64), vectors)


def token_embeddings(
    tok: Tokenizer, texts: Sequence[str], dimensions: int = 64, *, window: int = 4
) -> Embeddings:
    """Vectors of a tokenizer's tokens from texts; see :func:`co_occurrence_embeddings`.

    Args:
        tok: Any tokenizer.
        texts: Documents.
        dimensions: Of the vectors.
        window: Tokens to either side.

    Returns:
        One vector for each token that occurs.

    Raises:
        ValueError: As :func:`co_occurrence_embeddings`.
    """
    return co_occurrence_embeddings(tok.encode_batch(list(texts)), dimensions, window=window)


def spelling_vectors(
    strings: Sequence[bytes], dimensions: int = 512, *, longest: int = 4
) -> Floats:
    """Vectors of strings from their byte n-grams, hashed: alike where the spelling is alike.

    Args:
        strings: What tokens stand for.
        dimensions: Buckets of the hash.
        longest: Bytes of the longest n-gram; the shortest is 2. The ends of a string are marked.

    Returns:
        Unit vectors, shape ``(strings, dimensions)``; a space at the front counts as a byte.

    >>> a, b, c = spelling_vectors([b" walk", b" walked", b" the"])
    >>> bool(a @ b > a @ c)
    True
    """
    out = np.zeros((len(strings), dimensions))
    for row, data in enumerate(strings):
        marked = b"<" + data + b">"
        for size in range(2, longest + 1):
            for at in range(max(1, len(marked) - size + 1)):
                out[row, zlib.crc32(marked[at : at + size]) % dimensions] += 1
    return unit_rows(out)


def unit_rows(matrix: Floats) -> Floats:
    """Rows scaled to length 1; a row of zeros stays one.

    Args:
        matrix: Shape ``(rows, columns)``.

    Returns:
        The same shape.
    """
    lengths = np.linalg.norm(matrix, axis=-1, keepdims=True)
    out: Floats = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
    return out


def sparsemax(scores: Floats) -> Floats:
    """The point of the simplex nearest to the scores: like softmax, with true zeros.

    Args:
        scores: Shape ``(..., n)``.

    Returns:
        The same shape; each row is not negative and sums to 1 (Martins and Astudillo 2016).

    >>> sparsemax(np.array([1.0, 0.8, -1.0])).round(2).tolist()
    [0.6, 0.4, 0.0]
    """
    ordered = -np.sort(-scores, axis=-1)
    sums = np.cumsum(ordered, axis=-1)
    steps = np.arange(1, scores.shape[-1] + 1)
    support = (1 + steps * ordered > sums).sum(axis=-1, keepdims=True)
    threshold = (np.take_along_axis(sums, support - 1, axis=-1) - 1) / support
    out: Floats = np.maximum(scores - threshold, 0)
    return out


def softmax(scores: Floats, temperature: float = 1.0) -> Floats:
    """Weights in proportion to exp(score / temperature).

    Args:
        scores: Shape ``(..., n)``.
        temperature: Above 0; small values favour the best.

    Returns:
        The same shape; each row sums to 1.

    Raises:
        ValueError: When the temperature is not above 0.

    >>> softmax(np.array([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    if not temperature > 0:
        raise ValueError(f"A temperature is above 0, not {temperature}.")
    powers = np.exp((scores - scores.max(axis=-1, keepdims=True)) / temperature)
    out: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return out
