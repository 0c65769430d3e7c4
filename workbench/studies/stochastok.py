"""StochasTok: show a model that tokens have parts (Sims, Foerster and Foster 2025).

The method: while training, split some tokens of a text into two smaller tokens of the same
vocabulary, at random. The text does not change, its cuts do, so a model can learn what its tokens
are made of. The claim, that this raises accuracy on character tasks, needs a trained model (the
:mod:`workbench.laboratory` trains small ones); what is shown here is what the
method does to a text: how long it becomes, which boundaries are added, how often nothing happens.

Two rules, both named:

* ``published``: ⌊p · n⌋ attempts for n tokens; each picks a place of the current sequence
  uniformly, and one of that token's splits uniformly; a token without a split uses the attempt up.
  Children can be split again. On short inputs ⌊p · n⌋ is 0 and nothing ever happens: a bare word
  of up to nine tokens at p = 0.1.
* ``per_token``: each token, and each child of a split, is split with probability p where it can
  be. Short inputs have their share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from workbench.studies.documents import Split, paragraphs_of
from workbench.studies.random_splits import RULES, Rule, StochasTok, attempts, expand, stochastok
from workbench.studies.token_splits import split_table
from workbench.studies.verdicts import (
    Estimate,
    in_columns,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer

__all__ = [
    "PAPER",
    "RULES",
    "SEEN",
    "StochasTok",
    "drawn_paragraphs",
    "expand",
    "inflation",
    "split_table",
    "stochastok",
    "verdict",
]

PAPER = "Sims, Foerster and Foster 2025"
SEEN = 1.08
"""Tokens after / before at p = 0.1 that an independent implementation saw on two vocabularies."""

_ROUNDED = 0.005  # that figure has two decimals


def drawn_paragraphs(documents: Iterable[str], most: int, seed: int = 0) -> Split:
    r"""Paragraphs of documents, from all of them, with the document of each.

    Args:
        documents: Texts.
        most: How many paragraphs at most.
        seed: Of the draw.

    Returns:
        A split with nothing to learn from: paragraphs in a random order, and what intervals
        resample.

    Raises:
        ValueError: When there is no paragraph to draw.

    >>> split = drawn_paragraphs(["a\n\nb", "c"], 3)
    >>> sorted(zip(split.held_out, split.documents)), split.resampled
    ([('a', 0), ('b', 0), ('c', 1)], '3 paragraphs of 2 documents')
    """
    there = [
        (paragraph, number)
        for number, text in enumerate(documents)
        for paragraph in paragraphs_of([text])
    ]
    order = np.random.default_rng(seed).permutation(len(there))[: max(0, most)].tolist()
    if not order:
        raise ValueError(
            f"There is no paragraph to measure: {len(there)} are there, and at most {most} are to "
            f"be drawn."
        )
    return Split((), *zip(*(there[place] for place in order), strict=True))


def inflation(
    texts: Iterable[str],
    tokenizers: Sequence[Tokenizer],
    ps: Sequence[float] = (0.02, 0.05, 0.1, 0.2, 0.4),
    *,
    rules: Sequence[Rule] = RULES,
    documents: Sequence[int] = (),
    seed: int = 0,
) -> pl.DataFrame:
    """Sequence length after splitting over length before, by p and rule.

    Args:
        texts: What is split, each for itself; those without a token are left out.
        tokenizers: With closed vocabularies.
        ps: Values of p.
        rules: Of :data:`RULES`.
        documents: The document that each text is of, as
            :class:`workbench.studies.documents.Split` has it; without it each is one. The unit of
            the interval, where there are eight or more; else texts are.
        seed: Of the splits and of the bootstrap.

    Returns:
        ``tokenizer, rule, p, inflation, ci_low, ci_high, unchanged`` (share of texts to which
        nothing happened), ``decoded_same`` (share that decodes to the same text), ``attempts``
        (null for a rule that counts none), ``n`` (texts) and ``resampled``, what the interval
        resamples.

    Raises:
        ValueError: When there is no text with a token, no tokenizer, p or rule; when documents are
            not those of the texts; or as :meth:`StochasTok.expand`.

    >>> from workbench import load_tokenizer
    >>> table = inflation(["strawberry"] * 9, [load_tokenizer("workbench-bpe")], [1])
    >>> table.select("rule", "attempts", "n", "resampled").row(0)
    ('published', 45, 9, '9 documents')
    """
    given = list(texts)
    for values, what in ((tokenizers, "tokenizer"), (ps, "value of p"), (rules, "rule")):
        if not len(values):
            raise ValueError(f"There is no {what} to split with: give at least one.")
    if documents and len(documents) != len(given):
        raise ValueError(
            f"{len(documents)} documents do not say of which each of {len(given)} texts is."
        )
    rows: list[dict[str, Any]] = []
    for tok in tokenizers:
        splitter = stochastok(tok)
        encoded = tok.encode_batch(given)
        full = [place for place, ids in enumerate(encoded) if ids]
        if not full:
            raise ValueError("There is no text with a token to split.")
        encoded = [encoded[place] for place in full]
        numbers = tuple(documents[place] for place in full) if documents else ()
        split = Split((), tuple(given[place] for place in full), numbers)
        plain, before = [tok.decode(ids) for ids in encoded], [len(ids) for ids in encoded]
        for rule, p in product(rules, ps):
            rng = np.random.default_rng(seed)
            grown = [splitter.expand(ids, p, rng, rule) for ids in encoded]
            after = [len(ids) for ids in grown]
            ratio = ratio_over_documents(split.by_unit(after), split.by_unit(before), seed=seed)
            same = [tok.decode(g) == t for g, t in zip(grown, plain, strict=True)]
            still = [a == b for a, b in zip(after, before, strict=True)]
            tried = sum(attempts(p, n) for n in before) if rule == "published" else None
            rows.append(
                {
                    "tokenizer": tok.name,
                    "rule": rule,
                    "p": float(p),
                    **in_columns(ratio, "inflation", "ci_low", "ci_high"),
                    "unchanged": sum(still) / len(still),
                    "decoded_same": sum(same) / len(same),
                    "attempts": tried,
                    "n": len(encoded),
                    "resampled": split.resampled,
                }
            )
    kinds = {"ci_low": pl.Float64, "ci_high": pl.Float64, "attempts": pl.Int64}
    return pl.DataFrame(rows, schema_overrides=kinds)


def verdict(
    texts: Sequence[str],
    words: Sequence[str],
    tokenizers: Sequence[Tokenizer],
    seed: int = 0,
    *,
    documents: Sequence[int] = (),
) -> pl.DataFrame:
    """What the method does at the published p = 0.1, in numbers.

    Args:
        texts: What is split.
        words: Bare words, the inputs of character tasks.
        tokenizers: With closed vocabularies.
        seed: Of the splits and of the bootstrap.
        documents: The document that each text is of, as for :func:`inflation`.

    Returns:
        The rows of a verdict. That a text grows by less than a tenth is arithmetic, for an attempt
        adds one token or none; by how much it grows is held against :data:`SEEN`.

    Raises:
        ValueError: As :func:`inflation`.
    """
    long = inflation(texts, tokenizers, [0.1], documents=documents, seed=seed)
    short = inflation(words, tokenizers, [0.1], seed=seed)
    same = float(pl.concat([long, short]).select(pl.col("decoded_same").min()).item())
    rows = [
        verdict_row(
            "Splitting changes no text",
            PAPER,
            "least share of inputs that decode to the same text",
            same,
            "holds" if same == 1 else "does not hold",
        )
    ]
    for tok, row in zip(
        tokenizers, long.filter(pl.col("rule") == "published").to_dicts(), strict=True
    ):
        found = Estimate(row["inflation"], row["ci_low"], row["ci_high"], row["n"])
        rows.append(
            verdict_row(
                f"Attempts at p = 0.1 lengthen a text by {SEEN - 1:.0%}",
                PAPER,
                f"tokens after / before (1.1 at most, by arithmetic; {SEEN} seen elsewhere), "
                f"{tok.name}",
                found,
                _beside_seen(found, row, can_split=bool(stochastok(tok).splits)),
            )
        )
    tokenizers_said = f"{len(tokenizers)} tokenizer" + ("s" if len(tokenizers) > 1 else "")
    for rule in RULES:
        still = short.filter(pl.col("rule") == rule)["unchanged"].to_list()
        rows.append(
            verdict_row(
                "At p = 0.1 a bare word is trained on with its parts",
                PAPER,
                f"share of bare words left as they are, {rule}, mean of {tokenizers_said}",
                float(np.mean(still)),
                "never happens" if min(still) == 1 else "happens",
            )
        )
    return verdict_frame(rows)


def _beside_seen(found: Estimate, row: Mapping[str, Any], *, can_split: bool) -> str:
    """What a text's growth says of the one seen, or why there is none."""
    if not can_split:
        return "no entry of the vocabulary can be split"
    if not row["attempts"]:
        return "no text is long enough for one attempt"
    if found.low is None or found.high is None:
        return "not shown"
    if found.high < SEEN - _ROUNDED:
        return "less than seen"
    return "more than seen" if found.low > SEEN + _ROUNDED else "agrees: as seen is not excluded"
