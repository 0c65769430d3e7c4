"""Do short tokens stay where they are when a text gets noisy (KL3M; Bommarito and others 2025)?

The claims: byte-pair encodings whose tokens are kept short (KL3M calls them character tokenizers)
keep their boundaries under errors of optical character recognition; vocabularies made for a domain
spell its terms in fewer tokens.

Noise, aligned cuts, F1, κ and inflation are :mod:`workbench.metrics.noise`'s. Here are intervals
over documents, and the comparison that isolates the cause: two vocabularies of one size, trained
here on the same text, that differ in nothing but the longest token allowed
(:mod:`workbench.studies.short_tokens`). F1 alone flatters dense cuts, so κ stands beside it.

The paper's "83% and 39% fewer tokens" are 7.7 / 4.2 − 1 and 4.3 / 3.1 − 1: so many more for the
other side. Fewer is 45% and 28%.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from workbench.metrics import _agreement
from workbench.metrics._base import FloatArray
from workbench.metrics.noise import KINDS, boundary_stability
from workbench.studies.arguments import one_row_each, text_list, tokenizer_list
from workbench.studies.short_tokens import equal_pair, longest_token, train_bpe
from workbench.studies.verdicts import (
    Estimate,
    function_of_sums,
    judged,
    mean_over_seeds,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer

__all__ = [
    "DOMAIN_TERMS",
    "PAPER",
    "by_document",
    "difference",
    "domain_terms",
    "equal_pair",
    "estimates",
    "longest_token",
    "train_bpe",
    "verdict",
]

WAYS = ("the opposite", "holds")
PAPER = "Bommarito, Katz and Bommarito 2025 (KL3M)"
COUNTS = ("shared_cuts", "clean_cuts", "noisy_cuts", "places", "clean_tokens", "noisy_tokens")
MEASURES = {"f1": "F1", "kappa": "Cohen's κ", "inflation": "length after over before"}
CLAIMS = {
    "f1": "Short tokens keep their boundaries under noise",
    "kappa": "They keep them beyond chance",
    "inflation": "Noise makes texts of short tokens longer by less",
}

ESTIMATES: dict[str, Any] = {
    "tokenizer": pl.String,
    "kind": pl.String,
    "rate": pl.Float64,
    "measure": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "documents": pl.Int64,
    "struck": pl.Int64,
}
"""The columns of :func:`estimates`."""

DOMAIN_TERMS: dict[str, tuple[str, ...]] = {
    "law": (
        "indemnification", "estoppel", "subpoena", "fiduciary duty", "habeas corpus",
        "injunctive relief", "plaintiff", "affidavit", "res judicata", "promissory note",
        "certiorari", "severability",
    ),
    "finance": (
        "amortization", "EBITDA", "collateralized", "derivatives", "liquidity coverage ratio",
        "securitization", "accrued interest", "hedge fund", "Form 10-K", "goodwill impairment",
        "basis points", "underwriter",
    ),
    "medicine": (
        "myocardial infarction", "hypertension", "acetaminophen", "thrombocytopenia",
        "electrocardiogram", "gastroenteritis", "immunoglobulin", "pneumonia", "angioplasty",
        "corticosteroid", "hyperlipidemia", "metastasis",
    ),
}  # fmt: skip
"""Terms that belong to a domain, chosen here: an illustration, not a sample of its language."""


def by_document(
    texts: Sequence[str],
    tokenizers: Sequence[Tokenizer | str],
    kinds: Mapping[str, float],
    seed: int = 0,
) -> pl.DataFrame:
    """Cuts shared by clean and noisy text, document by document.

    Args:
        texts: Clean documents; each gets noise of its own, the same for every tokenizer.
        tokenizers: Any, or their names.
        kinds: Share of the sites struck by kind, of :data:`workbench.metrics.noise.KINDS`.
        seed: Of the noise.

    Returns:
        ``document`` and the columns of :data:`workbench.metrics.noise.STABILITY`. A document that
        was not struck (``edits`` is 0) keeps all its boundaries, and counts with them.

    Raises:
        ValueError: When there is no text, kind or tokenizer, when two tokenizers share a name,
            when noise strikes nowhere at all, or as
            :func:`workbench.metrics.noise.boundary_stability`.

    >>> table = by_document(["Two cats.", "12 + 30"], ["words"], {"case": 1.0})
    >>> table.select("document", "edits", "shared_cuts", "clean_cuts").rows()
    [(0, 7, 1, 1), (1, 0, 2, 2)]
    """
    texts = text_list(texts)
    if not texts:
        raise ValueError("There is no text to put noise on.")
    if not kinds:
        raise ValueError(f"There is no kind of noise to try: there are {', '.join(KINDS)}.")
    toks = tokenizer_list(tokenizers)
    frames = [
        boundary_stability(toks, [text], kind, rate, seed * 1_000_003 + number).with_columns(
            document=pl.lit(number)
        )
        for number, text in enumerate(texts)
        for kind, rate in kinds.items()
    ]
    table = pl.concat(frames)
    if table["edits"].sum() == 0:
        raise ValueError(
            f"Noise struck no place of {len(texts)} text(s): take more text, or a higher rate."
        )
    return table


def _value(measure: str, sums: FloatArray) -> FloatArray:
    both, clean, noisy, places, before, after = (sums[..., i] for i in range(len(COUNTS)))
    if measure == "f1":
        return _agreement.f1(both, clean, noisy)
    if measure == "kappa":
        return _agreement.kappa(both, clean, noisy, places)
    return np.asarray(after / before)


def _counts(table: pl.DataFrame, tokenizer: str, kind: str) -> FloatArray:
    part = table.filter((pl.col("tokenizer") == tokenizer) & (pl.col("kind") == kind))
    one_row_each(part, ("tokenizer", "kind", "document"))
    if part["edits"].sum() == 0:  # then no measure is defined
        part = part.clear()
    return part.sort("document").select(COUNTS).to_numpy().astype(np.float64)


def estimates(table: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """F1, κ and inflation by tokenizer and kind of noise, with intervals over documents.

    Args:
        table: From :func:`by_document`.
        seed: Of the bootstrap.

    Returns:
        ``tokenizer, kind, rate, measure, value, ci_low, ci_high, documents, struck`` (how many of
        them were); a kind that struck nothing is left out, and so is κ where chance explains
        everything (cuts everywhere).

    Raises:
        ValueError: When two tokenizers share a name, or a kind has two rates.

    >>> table = by_document(["Two cats.", "12 + 30"], ["characters"], {"case": 1.0})
    >>> estimates(table).select("measure", "value", "documents", "struck").rows()
    [('f1', 1.0, 2, 1), ('inflation', 1.0, 2, 1)]
    """
    rows: list[dict[str, Any]] = []
    keys = table.group_by("tokenizer", "kind", maintain_order=True).agg(
        pl.col("rate").first(), (pl.col("edits") > 0).sum()
    )
    for tokenizer, kind, rate, struck in keys.rows():
        counts = _counts(table, tokenizer, kind)
        for measure in MEASURES:
            found = function_of_sums(partial(_value, measure), counts, seed=seed)
            if found is not None:
                rows.append(
                    {
                        "tokenizer": tokenizer,
                        "kind": kind,
                        "rate": rate,
                        "measure": measure,
                        "value": found.value,
                        "ci_low": found.low,
                        "ci_high": found.high,
                        "documents": found.n,
                        "struck": struck,
                    }
                )
    return pl.DataFrame(rows, schema=ESTIMATES)


def difference(
    table: pl.DataFrame, left: str, right: str, kind: str, measure: str, seed: int = 0
) -> Estimate:
    """One tokenizer's measure less another's on the same noisy documents.

    Args:
        table: From :func:`by_document`.
        left: A tokenizer's name.
        right: Another's.
        kind: Of noise.
        measure: ``f1``, ``kappa`` or ``inflation``.
        seed: Of the bootstrap; both sides see the same resamples.

    Returns:
        left − right.

    Raises:
        ValueError: When a tokenizer has no row, or the measure is not defined for one of them, or
            as :func:`estimates`.

    >>> table = by_document(["Two cats."] * 9, ["words", "characters"], {"spacing": 0.5})
    >>> difference(table, "words", "characters", "spacing", "f1").side(0, "fewer stay", "more stay")
    'fewer stay'
    """
    found = _gap(table, left, right, kind, measure, seed)
    if found is None:
        raise ValueError(f"{measure!r} is not defined for {left!r} or {right!r}.")
    return found


def _gap(
    table: pl.DataFrame, left: str, right: str, kind: str, measure: str, seed: int
) -> Estimate | None:
    """As :func:`difference`; None where the measure is not defined."""
    sides = [_counts(table, name, kind) for name in (left, right)]
    if measure not in MEASURES or not all(map(len, sides)):
        there = table.filter(pl.col("edits") > 0)["kind"].unique(maintain_order=True)
        names = table["tokenizer"].unique(maintain_order=True)
        raise ValueError(
            f"No {measure!r} of {left!r} and {right!r} under {kind!r}: measures are "
            f"{', '.join(MEASURES)}, tokenizers {', '.join(names)}, and "
            f"noise that struck at least once is {', '.join(there)}."
        )

    def gap(sums: FloatArray) -> FloatArray:
        return _value(measure, sums[..., 0, :]) - _value(measure, sums[..., 1, :])

    return function_of_sums(gap, np.stack(sides, axis=1), seed=seed)


def domain_terms(
    tokenizers: Sequence[Tokenizer | str], terms: Mapping[str, Sequence[str]] = DOMAIN_TERMS
) -> pl.DataFrame:
    """Tokens of a domain's terms, each behind a space as in a text.

    Args:
        tokenizers: Any, or their names.
        terms: By domain.

    Returns:
        ``tokenizer, domain, tokens_per_term, ci_low, ci_high, terms``; the interval is Student's
        over terms, which were chosen, not drawn.

    Raises:
        ValueError: When there is no tokenizer, no domain or no term of one, or terms are one str.

    >>> domain_terms(["words"], {"x": ["a b", "c d"]})["tokens_per_term"].item()
    2.0
    """
    listed = {domain: text_list(names) for domain, names in terms.items()}
    if not listed or not all(listed.values()):
        raise ValueError(f"Every domain needs a term at least, and there must be one: {listed}.")
    rows = []
    for tok in tokenizer_list(tokenizers):
        for domain, names in listed.items():
            sizes = [len(tok.encode(f" {name}")) for name in names]
            mean = mean_over_seeds(sizes)
            rows.append((tok.name, domain, mean.value, mean.low, mean.high, mean.n))
    return pl.DataFrame(
        rows,
        schema={
            "tokenizer": pl.String,
            "domain": pl.String,
            "tokens_per_term": pl.Float64,
            "ci_low": pl.Float64,
            "ci_high": pl.Float64,
            "terms": pl.Int64,
        },
        orient="row",
    )


def verdict(
    table: pl.DataFrame,
    short: str,
    plain: str,
    general: Sequence[str] = (),
    kind: str | Sequence[str] = (),
    seed: int = 0,
    *,
    terms: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Whether short tokens keep their boundaries, and whether it is their length that does it.

    Args:
        table: From :func:`by_document`.
        short: The tokenizer with a longest token.
        plain: One of the same size and text without that limit: the controlled comparison.
        general: Others, of which the best by each measure is what the short one is held against.
        kind: Of noise, one or several, in this order; none takes all of the table.
        seed: Of the bootstrap.
        terms: From :func:`domain_terms`; each tokenizer of it gets a row.

    Returns:
        The rows of a verdict: by kind and measure the differences, with both levels in brackets
        and the number of documents, all of them and those struck. A kind that struck nothing and
        a measure that is not defined have a row without a number.

    Raises:
        ValueError: As :func:`estimates`, or when a kind or a tokenizer is not in the table.

    >>> toks = train_bpe(["a cat and a rat"], 260, 2), train_bpe(["a cat and a rat"], 260)
    >>> table = by_document(["a cat and a rat"] * 3, toks, {"characters": 0.3})
    >>> verdict(table, *(tok.name for tok in toks))["verdict"].unique().to_list()
    ['too few texts struck to tell']
    """
    there = table["kind"].unique(maintain_order=True).to_list()
    kinds = [kind] if isinstance(kind, str) else list(kind) or there
    names = table["tokenizer"].unique().to_list()
    if lost := [one for one in kinds if one not in there] + [
        one for one in (short, plain, *general) if one not in names
    ]:
        raise ValueError(
            f"The table has no {', '.join(map(repr, lost))}: its kinds of noise are "
            f"{', '.join(there)}, its tokenizers {', '.join(names)}."
        )
    found = estimates(table, seed)
    rows = []
    for one in kinds:
        part = table.filter((pl.col("kind") == one) & (pl.col("tokenizer") == short))
        struck, share = int((part["edits"] > 0).sum()), f"{100 * part['rate'][0]:.3g}%"
        behind = f"{one} at {share}, {struck} of {part.height} texts struck"
        if not struck:
            rows.append(verdict_row(CLAIMS["f1"], PAPER, behind, None, "not struck"))
            continue
        for measure, title in MEASURES.items():
            levels = dict(
                found.filter(kind=one, measure=measure).select("tokenizer", "value").rows()
            )
            for other in (plain, *_best(general, levels, measure)):
                gap = _gap(table, short, other, one, measure, seed)
                left, right = (
                    f"{name} ({levels[name]:.3f})" if name in levels else name
                    for name in (short, other)
                )
                told = f"{title} of {left} less that of {right}, {behind}"
                text = _judgement(gap, measure, struck)
                if other == plain and text in WAYS:
                    text += "; only the limit on length differs"
                rows.append(verdict_row(CLAIMS[measure], PAPER, told, gap, text))
    return verdict_frame([*rows, *_term_rows(terms)])


def _best(names: Sequence[str], levels: Mapping[str, float], measure: str) -> list[str]:
    """The one that noise harms least; none of none, and any where the measure has no level."""
    harm = 1 if measure == "inflation" else -1
    return sorted(names, key=lambda name: harm * levels.get(name, harm * np.inf))[:1]


def _judgement(gap: Estimate | None, measure: str, struck: int) -> str:
    if gap is None:
        return "not defined"
    below, above = reversed(WAYS) if measure == "inflation" else WAYS
    gap = replace(gap, n=struck)
    return judged(gap, 0, below, above, "no difference shown", of="texts struck")


def _term_rows(terms: pl.DataFrame | None) -> list[dict[str, Any]]:
    if terms is None:
        return []
    domains = ", ".join(terms["domain"].unique(maintain_order=True))
    pooled = terms.group_by("tokenizer", maintain_order=True).agg(
        (pl.col("tokens_per_term") * pl.col("terms")).sum() / pl.col("terms").sum(),
        pl.col("terms").sum(),
    )
    return [
        verdict_row(
            "Vocabularies made for a domain spell its terms in fewer tokens",
            PAPER,
            f"tokens per term, {number} terms of {domains}, {name}",
            mean,
            "a level: no vocabulary trained on a domain is tried",
        )
        for name, mean, number in pooled.rows()
    ]
