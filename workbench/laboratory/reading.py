"""From words to arrays of token ids: what a model of the laboratory gets to see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.laboratory.design import LONGEST, VOCABULARIES
from workbench.studies.stochastok import StochasTok
from workbench.tokenizers import Tokenizer, data_dir, load_tokenizer

Ids = NDArray[np.int64]


def laboratory_dir() -> Path:
    """The folder of the shipped weights, vocabularies and learning curves."""
    return data_dir() / "laboratory"


@lru_cache(maxsize=8)
def vocabulary(name: str, folder: Path | None = None) -> Tokenizer:
    """One of the laboratory's tokenizers.

    Args:
        name: A key of `VOCABULARIES`.
        folder: Where `<name>.json` lies; by default the shipped ones.

    Returns:
        The tokenizer, named `laboratory <name>`.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> vocabulary("bpe-1k").vocab_size
        1024
    """
    if name not in VOCABULARIES:
        raise ValueError(f"No vocabulary is called {name!r}. There are: {', '.join(VOCABULARIES)}.")
    return load_tokenizer((folder or laboratory_dir()) / f"{name}.json")


def word_ids(words: Sequence[str], tok: Tokenizer, longest: int = LONGEST) -> Ids:
    """Token ids of bare words, one row a word.

    Args:
        words: What to cut.
        tok: A tokenizer with a closed vocabulary of V entries, numbered from 0.
        longest: Columns.

    Returns:
        Shape `(words, longest)`; behind a word's last token stands V.

    Raises:
        ValueError: If a word has more tokens than columns.

    Example:
        >>> word_ids(["cab"], vocabulary("characters")).tolist()[0][:4]
        [2, 0, 1, 26]
    """
    return padded(tok.encode_batch(list(words)), _size(tok), longest)


def padded(rows: Sequence[Sequence[int]], filler: int, longest: int = LONGEST) -> Ids:
    """Rows of different lengths as one array, filled up at the end.

    Raises:
        ValueError: If a row is longer than `longest`.
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    if lengths.size and lengths.max() > longest:
        raise ValueError(f"A word has {lengths.max()} tokens, and {longest} is the most.")
    out = np.full((len(rows), longest), filler, dtype=np.int64)
    out[np.arange(longest) < lengths[:, None]] = [token for row in rows for token in row]
    return out


def split_variants(ids: Ids, tok: Tokenizer, p: float, copies: int, seed: int) -> Ids:
    """Words split at random several times over, so that training need not do it.

    Args:
        ids: From `word_ids`.
        tok: Their tokenizer.
        p: Probability that a token, or a part of one, is split (rule `per_token`).
        copies: How often.
        seed: Of the splits.

    Returns:
        Shape `(copies, words, columns)`.
    """
    splitter, filler = StochasTok(tok), _size(tok)
    rng = np.random.default_rng(seed)
    rows = [[token for token in row if token != filler] for row in ids.tolist()]
    return np.stack(
        [
            padded(
                [splitter.expand(row, p, rng, "per_token") for row in rows], filler, ids.shape[1]
            )
            for _ in range(copies)
        ]
    )


def sightings(ids: Ids, size: int) -> Ids:
    """In how many words each token stands.

    Args:
        ids: From `word_ids`, filled up with `size`.
        size: Entries of the vocabulary.

    Returns:
        Shape `(size,)`.

    Example:
        >>> sightings(np.array([[0, 0, 2], [1, 2, 2]]), 2).tolist()
        [1, 1]
    """
    # A row and a token as one number: what is there twice in a word counts once.
    pairs = np.unique(np.arange(len(ids))[:, None] * (size + 1) + ids)
    counts: Ids = np.bincount(pairs % (size + 1), minlength=size + 1)[:size]
    return counts


def rarest(ids: Ids, seen: Ids) -> Ids:
    """For each word, how often its rarest token was seen.

    Args:
        ids: From `word_ids`.
        seen: From `sightings` of the training words.

    Returns:
        Shape `(words,)`.

    Example:
        >>> rarest(np.array([[0, 1], [0, 2]]), np.array([7, 3])).tolist()
        [3, 7]
    """
    most = np.append(seen, np.iinfo(np.int64).max)
    least: Ids = most[ids].min(axis=1)
    return least


def _size(tok: Tokenizer) -> int:
    if tok.vocab_size is None:
        raise ValueError(f"{tok.name!r} has an open vocabulary: a network needs a closed one.")
    return tok.vocab_size
