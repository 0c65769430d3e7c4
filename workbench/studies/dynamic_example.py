"""The example in the README of the authors' code of dynamic tokenization, reproduced."""

from __future__ import annotations

import itertools

import polars as pl

from workbench.segmentation import segment
from workbench.studies.dynamic_tokenizer import learn_merges
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = ["README_BATCH", "README_TOKENS", "readme_example", "readme_tokens"]

README_BATCH = (
    "Ribonucleoprotein particles regulate mRNA stability.",
    "mRNA stability is modulated by ribonucleoprotein factors.",
)
"""The two sentences of the example in the README of the authors' code
(github.com/DariusFeher/dynamic-tokenization), cut there by Mistral-7B's first tokenizer."""

README_TOKENS = (
    ("▁Ribonucleoprotein", "▁particles", "▁regulate", "▁mRNA", "▁stability", "."),
    ("▁mRNA", "▁stability", "▁is", "▁mod", "ulated", "▁by", "▁rib", "onucleoprotein", "▁factors",
     "."),
)  # fmt: skip
"""What the README shows after ten merges, special tokens left out. It spells the space Ġ: its
hypernetwork has a byte-level tokenizer of its own."""


def readme_example(base: Tokenizer | str = "mistral-v1") -> pl.DataFrame:
    """The authors' example: two sentences, ten merges.

    Their README counts 36 tokens before and 20 after; the 36 hold two begin tokens and a padding
    token, the 20 two begin and two end tokens. Text alone: 33 before, 16 after.

    Args:
        base: By default the tokenizer of the example.

    Returns:
        ``step, left, right, merged, count, tokens`` (text alone), with a row for step 0, and
        ``as_counted`` (with the special tokens of the README: three before, four after).

    Raises:
        ValueError: When the vocabulary of the base is open, or there is no such tokenizer.

    >>> readme_example().select("step", "tokens", "as_counted").row(-1)
    (10, 16, 20)
    """
    base = load_tokenizer(base)
    result = learn_merges(README_BATCH, base, 10)
    start = sum(len(base.encode(text)) for text in README_BATCH)
    frame = result.merge_frame()
    zero = pl.DataFrame(
        [(0, None, None, None, None, start)], schema=dict(frame.schema), orient="row"
    )
    # Two begin tokens and one padding token before, two begin and two end tokens after.
    return pl.concat([zero, frame]).with_columns(
        as_counted=pl.col("tokens") + pl.when(pl.col("step") == 0).then(3).otherwise(4)
    )


def readme_tokens(base: Tokenizer | str = "mistral-v1") -> pl.DataFrame:
    """The tokens of the authors' two sentences after ten merges, beside those they publish.

    Args:
        base: By default the tokenizer of the example.

    Returns:
        ``sentence`` (0 or 1), ``place`` (from 0), ``before`` (tokens of the base, space between),
        ``after`` (the token they became), ``published`` (:data:`README_TOKENS`); a column is null
        where its list is the shorter one.

    Raises:
        ValueError: As :func:`readme_example`.

    >>> readme_tokens().filter(sentence=1, place=7).select("before", "after", "published").row(0)
    ('on uc le op rote in', 'onucleoprotein', 'onucleoprotein')
    """
    merged = learn_merges(README_BATCH, base, 10)
    rows = []
    for number, (text, published) in enumerate(zip(README_BATCH, README_TOKENS, strict=True)):
        left = list(segment(text, merged.base).tokens)
        found = []
        for token in segment(text, merged).tokens:
            parts = [t for t in left if t.byte_end <= token.byte_end]
            left = left[len(parts) :]
            found.append((" ".join(t.piece for t in parts), token.piece))
        pairs = itertools.zip_longest(found, published, fillvalue=None)
        rows += [
            (number, place, *(cut or (None, None)), theirs)
            for place, (cut, theirs) in enumerate(pairs)
        ]
    names = ("sentence", "place", "before", "after", "published")
    return pl.DataFrame(rows, schema=names, orient="row")
