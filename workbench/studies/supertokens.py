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

import itertools
import re
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.studies.arguments import text_list
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
    "gain_by_seed",
    "less_is_better",
    "random_chunks",
    "split_corpus",
    "train",
    "turning_points",
    "verdict",
]

PAPERS = ("Sharthak and others 2025", "Yang, Frank and Van den Bosch 2020")
Method = Literal["words", "spaces", "chunks", "less_is_better"]
METHODS: tuple[Method, ...] = get_args(Method)

_CURVE: dict[str, Any] = {
    "method": pl.String,
    "size": pl.Int64,
    "entries": pl.Int64,
    **dict.fromkeys(("characters_per_token", "ci_low", "ci_high"), pl.Float64),
    **dict.fromkeys(("gain", "gain_low", "gain_high"), pl.Float64),
    **dict.fromkeys(("over_spaces", "over_spaces_low", "over_spaces_high"), pl.Float64),
    "paragraphs": pl.Int64,
    "resampled": pl.String,
}

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
        ValueError: For an unknown method, a size below 256, or texts that are one string.

    >>> tok = train(["to be or not to be"] * 9, "spaces", 262)
    >>> len(tok.encode("to be")) < len(tok.encode("xy zw"))
    True
    """
    texts = text_list(texts)
    _known(method)
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
    # The library makes room for the size at once; a text cannot fill more than it has bytes.
    room = 256 + sum(len(text.encode()) for text in texts)
    trainer = trainers.BpeTrainer(
        vocab_size=min(size, room),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
        min_frequency=2,
    )
    library.train_from_iterator(texts, trainer)
    tok = load_tokenizer(library)
    tok.name = f"{method} {len(tok.ids())}"
    return tok


def _known(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"{method!r} is no method here: use one of {', '.join(METHODS)}.")


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
        of the two did not fill its V: vocabularies would not be equal); for "less_is_better"
        ``over_spaces, over_spaces_low, over_spaces_high``, the same against "spaces";
        ``paragraphs`` held out and ``resampled``, what the intervals resample. They are for the
        tokenizers as they are and do not cover another training text or seed: see
        :func:`gain_by_seed`.

    Raises:
        ValueError: As :func:`train`, and when there is no size.

    >>> split = Split(("a b a b a b",) * 9, ("a b", "b a a b"))
    >>> compression_curve(split, [258], methods=["words"])["characters_per_token"].round(2).item()
    1.67
    """
    if not sizes:
        raise ValueError("A curve needs a vocabulary size: give at least one.")
    for method in methods:
        _known(method)
    characters = split.by_unit([len(p) for p in split.held_out])
    rows = []
    for size in sizes:
        full: dict[str, NDArray[np.float64]] = {}  # tokens under the methods that fill this V
        for method in sorted(methods, key=METHODS.index):  # the baseline comes first
            tok = train(split.train, method, size, seed=seed)
            tokens = _tokens(tok, split)
            if len(tok.ids()) == size:
                full[method] = tokens
            row = _row(method, size, len(tok.ids()), split)
            value = ratio_over_documents(characters, tokens, seed=seed)
            row |= in_columns(value, "characters_per_token", "ci_low", "ci_high")
            others = {"gain": "words", "over_spaces": "spaces" if method == METHODS[-1] else ""}
            for column, other in others.items():
                if method in full and other in full and other != method:
                    sides = (characters, tokens), (characters, full[other])
                    gain = ratio_difference(*sides, seed=seed)
                    row |= in_columns(gain, column, f"{column}_low", f"{column}_high")
            rows.append(row)
    for tok in references:
        row = _row(tok.name, tok.vocab_size, tok.vocab_size, split)
        value = ratio_over_documents(characters, _tokens(tok, split), seed=seed)
        rows.append(row | in_columns(value, "characters_per_token", "ci_low", "ci_high"))
    return pl.DataFrame(rows, schema=_CURVE)


def _tokens(tok: Tokenizer, split: Split) -> NDArray[np.float64]:
    return split.by_unit([len(ids) for ids in tok.encode_batch(list(split.held_out))])


def _row(method: str, size: int | None, entries: int | None, split: Split) -> dict[str, Any]:
    """A row of the curve without its numbers."""
    known = {"method": method, "size": size, "entries": entries}
    return (
        dict.fromkeys(_CURVE)
        | known
        | {
            "paragraphs": len(split.held_out),
            "resampled": split.resampled,
        }
    )


def gain_by_seed(split: Split, size: int, seeds: Sequence[int] = (0, 1, 2, 3, 4)) -> pl.DataFrame:
    """How much of a gain is the luck of a draw: the two methods that draw, seed by seed.

    Args:
        split: Training and held-out paragraphs.
        size: V.
        seeds: Of the random chunks and of Less-is-Better.

    Returns:
        ``method, seeds, gain_least, gain_mean, gain_most`` in characters per token over "words";
        no row for a method where either of the two does not fill V.

    Raises:
        ValueError: As :func:`train`.
    """
    characters = sum(len(p) for p in split.held_out)
    words = train(split.train, "words", size)
    drawn: tuple[Method, ...] = ("chunks", "less_is_better")
    rows = []
    for method in drawn if len(words.ids()) == size else ():
        toks = [train(split.train, method, size, seed=seed) for seed in seeds]
        if all(len(tok.ids()) == size for tok in toks):
            base = characters / _tokens(words, split).sum()
            gains = [float(characters / _tokens(tok, split).sum() - base) for tok in toks]
            mean = sum(gains) / len(gains)
            rows.append((method, len(gains), min(gains), mean, max(gains)))
    names = ["method", "seeds", "gain_least", "gain_mean", "gain_most"]
    kinds = [pl.String, pl.Int64, *[pl.Float64] * 3]
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")


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


def turning_points(curve: pl.DataFrame, method: Method) -> list[tuple[int, int, bool]]:
    """Between which vocabulary sizes a method turns, as far as the intervals tell.

    Args:
        curve: From :func:`compression_curve`, with "words".
        method: Another method.

    Returns:
        Two sizes whose intervals exclude no gain on opposite sides, with none between them that
        does, and whether the method gains at the larger.

    >>> frame = pl.DataFrame({"method": ["spaces"] * 3, "size": [100, 400, 1600],
    ...     "gain_low": [-2.0, -1.0, 0.5], "gain_high": [-1.0, 1.0, 2.0]})
    >>> turning_points(frame, "spaces")
    [(100, 1600, True)]
    """
    part = curve.filter(pl.col("method") == method).drop_nulls("gain_low").sort("size")
    shown = part.filter((pl.col("gain_low") > 0) | (pl.col("gain_high") < 0))
    steps = list(zip(shown["size"], shown["gain_low"] > 0, strict=True))
    return [(low, high, up) for (low, was), (high, up) in itertools.pairwise(steps) if was != up]


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
                turns = [
                    f"{'loses' if up else 'gains'} at V = {low} and {'gains' if up else 'loses'} "
                    f"at V = {high}"
                    for low, high, up in turning_points(curve, method)  # type: ignore[arg-type]
                ]
                text += f"; {', '.join(turns)}" if turns else "; no turn in range"
            rows.append(
                verdict_row(
                    claim,
                    paper,
                    f"characters per token over words, {where}, V = {row['size']}",
                    gain,
                    text,
                )
            )
    both = curve.drop_nulls("over_spaces").sort("size").tail(1)
    for row in both.iter_rows(named=True):
        low, high = row["over_spaces_low"], row["over_spaces_high"]
        more = Estimate(row["over_spaces"], low, high, row["paragraphs"])
        text = more.side(
            0,
            below="holds: BPE that crosses spaces gains more",
            above="does not hold: it gains more than crossing spaces does",
            neither="no difference shown from BPE that crosses spaces",
        )
        if row["gain_low"] is None or row["gain_low"] <= 0:
            text = "Less-is-Better has no gain here to explain"
        rows.append(
            verdict_row(
                "The gain of Less-is-Better comes from crossing spaces",
                PAPERS[1],
                f"Less-is-Better less BPE across spaces, characters per token, {where}, "
                f"V = {row['size']}",
                more,
                text,
            )
        )
    return verdict_frame(rows)
