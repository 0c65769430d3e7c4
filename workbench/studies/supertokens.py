"""Tokens that cross spaces: what they gain, and from which vocabulary size on.

Three published ways to tokens of several words, at equal vocabulary and on held-out text:

* ``words``: byte-pair encoding that stops at words, the usual way, as the baseline;
* ``spaces``: byte-pair encoding of whole lines, with no pre-tokenizer at all;
* ``chunks``: byte-pair encoding trained on random chunks of several words (the supertokens of
  Sharthak and others 2025), applied to whole lines;
* ``less_is_better``: the ranked lexicon of Yang, Frank and Van den Bosch 2020.

All spell bytes, all have V entries, and all are trained on the same text. The claim that such
tokens make better models needs trained models and is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import polars as pl

from workbench.studies.documents import Split, split_corpus
from workbench.studies.less_is_better import LexiconTokenizer, less_is_better
from workbench.studies.verdicts import (
    Estimate,
    in_columns,
    ratio_difference,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = [
    "METHODS",
    "PAPERS",
    "LexiconTokenizer",
    "Split",
    "compression_curve",
    "crossings",
    "crossover",
    "less_is_better",
    "random_chunks",
    "split_corpus",
    "train",
    "verdict",
]

PAPERS = ("Sharthak and others 2025", "Yang, Frank and Van den Bosch 2020")
Method = Literal["words", "spaces", "chunks", "less_is_better"]
METHODS: tuple[Method, ...] = get_args(Method)

_CHUNK_PIECE = re.compile(r"\s*\S+|\s+$")


def random_chunks(text: str, rng: np.random.Generator, most_words: int = 6) -> list[str]:
    """Cut a text at random spaces, into chunks of 1 to ``most_words`` words.

    Args:
        text: What to cut; the chunks join to it.
        rng: Where the lengths come from; they are uniform.
        most_words: Words of the longest chunk.

    Returns:
        The chunks in order, each with the white space before its words.

    Raises:
        ValueError: When ``most_words`` is below 1.

    >>> "".join(random_chunks("a b  c d", np.random.default_rng(0)))
    'a b  c d'
    """
    if most_words < 1:
        raise ValueError(f"A chunk has at least one word, not {most_words}.")
    words = _CHUNK_PIECE.findall(text)
    chunks, at = [], 0
    while at < len(words):
        size = int(rng.integers(1, most_words + 1))
        chunks.append("".join(words[at : at + size]))
        at += size
    return chunks


def train(
    texts: Sequence[str],
    method: Method,
    size: int,
    *,
    most_words: int = 6,
    seed: int = 0,
) -> Tokenizer:
    """A tokenizer of ``size`` entries, the 256 bytes included, by one of the methods.

    Args:
        texts: Paragraphs to learn from.
        method: One of :data:`METHODS`.
        size: V, at least 256.
        most_words: Words of the longest chunk, for "chunks".
        seed: Of the chunks and of Less-is-Better.

    Returns:
        A tokenizer of the workbench, named after the method and its entries, which are fewer than
        V where the texts run out of pairs.

    Raises:
        ValueError: For an unknown method or a size below 256.
    """
    if method not in METHODS:
        raise ValueError(f"{method!r} is no method here: use one of {', '.join(METHODS)}.")
    if size < 256:
        raise ValueError(f"A vocabulary of {size} cannot hold the 256 bytes.")
    name = f"{method} {size}"
    if method == "less_is_better":
        return less_is_better(texts, size, seed=seed, name=name)
    from tokenizers import Tokenizer as Library
    from tokenizers import decoders, models, pre_tokenizers, trainers

    library = Library(models.BPE())
    library.decoder = decoders.ByteLevel()
    library.pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=method == "words"
    )
    if method == "chunks":
        rng = np.random.default_rng(seed)
        texts = [chunk for text in texts for chunk in random_chunks(text, rng, most_words)]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
        min_frequency=2,
    )
    library.train_from_iterator(texts, trainer)
    tok = load_tokenizer(library)
    tok.name = f"{method} {len(tok.ids())}"
    return tok


def compression_curve(
    split: Split,
    sizes: Sequence[int] = (500, 1000, 2000, 4000),
    *,
    methods: Sequence[Method] = METHODS,
    references: Sequence[Tokenizer] = (),
    seed: int = 0,
) -> pl.DataFrame:
    """Characters per token on held-out text, by method and vocabulary size.

    Args:
        split: Training and held-out paragraphs.
        sizes: Values of V.
        methods: Of :data:`METHODS`.
        references: Ready tokenizers to show beside them, at their own size.
        seed: Of the training and of the bootstrap.

    Returns:
        ``method, size, entries`` (what was learnt: fewer than V where the text runs out of pairs),
        ``characters_per_token, ci_low, ci_high``, and against "words" of the same size
        ``gain, gain_low, gain_high`` (paired difference, characters per token; null where either
        of the two did not fill its V: vocabularies would not be equal), ``paragraphs``.
        Intervals resample held-out paragraphs, for the tokenizers as they are; they do not cover
        another training text.

    Raises:
        ValueError: As :func:`train`.
    """
    characters = [len(p) for p in split.held_out]
    rows = []
    schema = dict.fromkeys(("ci_low", "ci_high", "gain", "gain_low", "gain_high"), pl.Float64())
    for size in sizes:
        baseline: list[int] | None = None
        for method in sorted(methods, key=METHODS.index):  # the baseline comes first
            tok = train(split.train, method, size, seed=seed)
            full = len(tok.ids()) == size
            tokens = [len(ids) for ids in tok.encode_batch(list(split.held_out))]
            if method == "words" and full:
                baseline = tokens
            value = ratio_over_documents(characters, tokens, seed=seed)
            gain = None
            if baseline is not None and method != "words" and full:
                gain = ratio_difference((characters, tokens), (characters, baseline), seed=seed)
            rows.append(_row(method, size, len(tok.ids()), value, gain))
    for tok in references:
        tokens = [len(ids) for ids in tok.encode_batch(list(split.held_out))]
        value = ratio_over_documents(characters, tokens, seed=seed)
        rows.append(_row(tok.name, tok.vocab_size, tok.vocab_size, value, None))
    return pl.DataFrame(rows, schema_overrides=schema)


def _row(
    method: str, size: int | None, entries: int | None, value: Estimate, gain: Estimate | None
) -> dict[str, str | int | float | None]:
    return {
        "method": method,
        "size": size,
        "entries": entries,
        **in_columns(value, "characters_per_token", "ci_low", "ci_high"),
        **in_columns(gain, "gain", "gain_low", "gain_high"),
        "paragraphs": value.n,
    }


def crossings(curve: pl.DataFrame, method: Method) -> list[tuple[float, bool]]:
    """The vocabulary sizes at which a method draws level with words, on a logarithmic scale.

    Args:
        curve: From :func:`compression_curve`, with "words".
        method: Another method.

    Returns:
        V where the gain changes its sign, interpolated in log V, and whether it gains above it.

    >>> frame = pl.DataFrame({"method": ["spaces"] * 3, "size": [100, 400, 1600],
    ...     "gain": [-1.0, 1.0, -1.0]})
    >>> crossings(frame, "spaces")
    [(200.0, True), (800.0, False)]
    """
    part = curve.filter((pl.col("method") == method) & pl.col("gain").is_not_null()).sort("size")
    sizes, gains = part["size"].to_list(), part["gain"].to_list()
    found = []
    for at in range(1, len(sizes)):
        if (gains[at - 1] < 0) != (gains[at] < 0):
            share = -gains[at - 1] / (gains[at] - gains[at - 1])
            size = float(np.exp(np.interp(share, [0, 1], np.log(sizes[at - 1 : at + 1]))))
            found.append((round(size, 6), gains[at] >= 0))
    return found


def crossover(curve: pl.DataFrame, method: Method) -> float | None:
    """The vocabulary size at which a method draws level with words, on a logarithmic scale.

    Args:
        curve: From :func:`compression_curve`, with "words".
        method: Another method.

    Returns:
        V where the gain passes from negative to positive for the last time, interpolated in
        log V; None where it does not change sign in that direction.

    >>> frame = pl.DataFrame({"method": ["spaces"] * 2, "size": [100, 400], "gain": [-1.0, 1.0]})
    >>> crossover(frame, "spaces")
    200.0
    """
    return next((size for size, gains in reversed(crossings(curve, method)) if gains), None)


def verdict(curve: pl.DataFrame, where: str = "held out") -> pl.DataFrame:
    """Who wins held out at the largest vocabulary, and from where on.

    Args:
        curve: From :func:`compression_curve`.
        where: Names the text in the measure, for tables over several corpora.

    Returns:
        The rows of a verdict; gains are against word-bounded BPE of the same size.
    """
    claims = {
        "spaces": ("BPE across spaces packs more characters into a token", PAPERS[0]),
        "chunks": ("Supertokens from random chunks win at larger vocabularies", PAPERS[0]),
        "less_is_better": ("Less-is-Better beats word-bounded BPE", PAPERS[1]),
    }
    rows = []
    for method, (claim, paper) in claims.items():
        part = curve.filter(pl.col("method") == method).drop_nulls("gain").sort("size")
        for row in part.iter_rows(named=True):
            gain = Estimate(row["gain"], row["gain_low"], row["gain_high"], row["paragraphs"])
            text = gain.side(0, "loses", "gains", "no difference shown")
            if row["size"] == part["size"].max():
                levels = crossings(curve, method)  # type: ignore[arg-type]
                ways = [f"{size:.0f} ({'gains' if up else 'loses'} above)" for size, up in levels]
                text += f"; level at V ≈ {', '.join(ways)}" if ways else "; no crossing in range"
            rows.append(
                verdict_row(
                    claim,
                    paper,
                    f"characters per token over words, {where}, V = {row['size']}",
                    gain,
                    text,
                )
            )
    equal = curve.drop_nulls("gain")
    largest = max(equal["size"].to_list(), default=None)
    best = equal.filter(pl.col("size") == largest) if largest is not None else equal
    table = {row["method"]: row for row in best.to_dicts()}
    if {"spaces", "less_is_better"} <= set(table):
        spaces, lib = table["spaces"], table["less_is_better"]
        if lib["gain_low"] is None or lib["gain_low"] <= 0:
            text = "Less-is-Better has no gain here to explain"
        elif spaces["gain"] >= lib["gain"]:
            text = "holds: BPE that crosses spaces gains as much or more"
        else:
            text = "does not hold: it gains more than crossing spaces does"
        rows.append(
            verdict_row(
                "The gain of Less-is-Better comes from crossing spaces",
                PAPERS[1],
                f"BPE across spaces less Less-is-Better, characters per token, {where}, "
                f"V = {largest}",
                spaces["characters_per_token"] - lib["characters_per_token"],
                text,
            )
        )
    return verdict_frame(rows)
