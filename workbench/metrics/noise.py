"""Boundary stability: whether noise in a text moves the cuts around it, and what it costs.

A clean text and the same text after noise are cut by one tokenizer; the noise's own alignment says
which byte edges correspond. F1 counts the cuts that both have. Because dense cuts agree by chance
(bytes: F1 1.0 whatever happens), Cohen's κ stands beside it. Length inflation is tokens of the
noisy text over tokens of the clean one.

Source: KL3M (arXiv 2503.17247), section on errors of optical character recognition: at 5% character
noise on English, F1 0.94 to 0.95, κ 0.930 to 0.936, inflation 1.02 to 1.04 for byte-pair encodings
of short tokens, against 0.90 to 0.91, 0.888 to 0.899 and 1.16 to 1.21 for general ones.

What is called a rate is a share of the **sites** that a kind of noise can strike (see `KINDS`), so
5% of a text without capitals to swap is nothing; where nothing was struck the answer is null.

Example: "cats eat" cut as cats| eat, and its noisy form "cxts eat" cut as c|xts| eat: one cut of
one and two, F1 2/3; three tokens for two, inflation 1.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl

from workbench.metrics import _agreement
from workbench.metrics._agreement import compare_cuts
from workbench.metrics._base import DocumentView, FloatArray, Metric, Sums, SumsVariant, divide
from workbench.metrics._cuts import cuts, cuts_of
from workbench.metrics._perturb import KINDS, Perturbed, perturb
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = ["KINDS", "METRIC", "Perturbed", "boundary_stability", "perturb"]

RATES: Final[dict[str, float]] = {
    "characters": 0.05,
    "typing": 0.05,
    "ocr": 0.05,
    "typography": 0.05,
    "case": 0.05,
    "spacing": 0.05,
    "nfd": 1.0,
}
"""The kinds of noise in the table, and how much of each: a text is normalized as a whole."""

SHARE: Final = 2
"""Of the sampled documents, one in so many is struck (by its seed): noise costs a pass a kind."""

CHARACTERS: Final = 2000
"""Characters of a document that are struck."""

_COUNTS = ("both", "left", "right", "places", "edits", "clean_tokens", "noisy_tokens")

STABILITY: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "kind": pl.String,
    "rate": pl.Float64,
    "seed": pl.Int64,
    "texts": pl.Int64,
    "edits": pl.Int64,
    "clean_cuts": pl.Int64,
    "noisy_cuts": pl.Int64,
    "shared_cuts": pl.Int64,
    "places": pl.Int64,
    "f1": pl.Float64,
    "kappa": pl.Float64,
    "clean_tokens": pl.Int64,
    "noisy_tokens": pl.Int64,
    "inflation": pl.Float64,
}
"""The columns of `boundary_stability`."""


def _count(tokenizer: Any, noisy: Perturbed, clean: tuple[Any, int]) -> dict[str, int]:
    """All of `_COUNTS` for one text; `clean` are its cuts and the number of its tokens."""
    ids = tokenizer.encode(noisy.text)
    found = compare_cuts(noisy, clean[0], cuts(tokenizer, noisy.text, ids))
    return {
        **found,
        "edits": noisy.edits,
        "clean_tokens": clean[1],
        "noisy_tokens": len(ids),
    }


def boundary_stability(
    tokenizers: Tokenizer | str | Sequence[Tokenizer | str],
    texts: Iterable[str],
    kind: str | Sequence[str] = "characters",
    rate: float | Sequence[float] = 0.05,
    seed: int = 0,
) -> pl.DataFrame:
    """Whether cuts stay where they were when a text gets noisy.

    Args:
        tokenizers: One or more, as `load_tokenizer` takes them.
        texts: The clean texts; each gets noise of its own, the same for every tokenizer.
        kind: A name of `KINDS`, or several.
        rate: Share of the sites struck, 0 to 1, or several.
        seed: Of the noise.

    Returns:
        One row per tokenizer, kind and rate, pooled over the texts: the columns of `STABILITY`.
        `f1`, `kappa` and `inflation` are null where no text was struck.

    Raises:
        ValueError: If a kind is unknown, a rate is out of range, or there is no text.

    Example:
        >>> row = boundary_stability("bytes", ["abc def"], "case", rate=1.0).row(0, named=True)
        >>> row["f1"], row["kappa"], row["inflation"]
        (1.0, None, 1.0)
    """
    given = [tokenizers] if isinstance(tokenizers, str | Tokenizer) else tokenizers
    loaded = [load_tokenizer(tokenizer) for tokenizer in given]
    documents = list(texts)
    if not documents:
        raise ValueError("boundary_stability needs at least one text")
    kinds = [kind] if isinstance(kind, str) else list(kind)
    rates = [float(rate)] if isinstance(rate, int | float) else [float(r) for r in rate]
    struck = {
        (name, share): [perturb(t, name, share, f"{seed}:{i}") for i, t in enumerate(documents)]
        for name in kinds
        for share in rates
    }
    rows = []
    for tokenizer in loaded:
        encoded = [tokenizer.encode(text) for text in documents]
        clean = [
            (cuts(tokenizer, text, ids), len(ids))
            for text, ids in zip(documents, encoded, strict=True)
        ]
        for (name, share), noisy in struck.items():
            found = [_count(tokenizer, *pair) for pair in zip(noisy, clean, strict=True)]
            sums = {key: np.array(float(sum(row[key] for row in found))) for key in _COUNTS}
            rows.append(
                {
                    "tokenizer": tokenizer.name,
                    "kind": name,
                    "rate": share,
                    "seed": seed,
                    "texts": len(documents),
                    "edits": int(sums["edits"]),
                    "clean_cuts": int(sums["left"]),
                    "noisy_cuts": int(sums["right"]),
                    "shared_cuts": int(sums["both"]),
                    "places": int(sums["places"]),
                    "clean_tokens": int(sums["clean_tokens"]),
                    "noisy_tokens": int(sums["noisy_tokens"]),
                    **{key: float(measure(sums)) for key, measure in _MEASURES.items()},
                }
            )
    return pl.DataFrame(rows, schema=STABILITY).with_columns(pl.col(pl.Float64).fill_nan(None))


def _f1(sums: Sums) -> FloatArray:
    return _struck(sums, _agreement.f1(sums["both"], sums["left"], sums["right"]))


def _kappa(sums: Sums) -> FloatArray:
    return _struck(sums, _agreement.kappa(*(sums[key] for key in _COUNTS[:4])))


def _inflation(sums: Sums) -> FloatArray:
    return _struck(sums, divide(sums["noisy_tokens"], sums["clean_tokens"]))


def _struck(sums: Sums, value: FloatArray) -> FloatArray:
    return np.where(sums["edits"] > 0, value, np.nan)


_MEASURES = {"f1": _f1, "kappa": _kappa, "inflation": _inflation}


def count_moved_cuts(view: DocumentView) -> Mapping[str, int]:
    """Cuts of one document, clean and under each kind of `RATES`.

    Args:
        view: The document; its seed chooses the noise, and whether it is struck at all.

    Returns:
        documents (0 or 1), and for each kind the counts both, left, right, places, edits,
        clean_tokens, noisy_tokens.
    """
    chosen = view.seed % SHARE == 0
    out = {"documents": int(chosen)}
    text = view.text[:CHARACTERS]
    clean = (
        (cuts_of(view), len(view.ids))
        if chosen and text == view.text
        else (cuts(view.tokenizer, text), len(view.tokenizer.encode(text)))
        if chosen
        else None
    )
    for kind, rate in RATES.items():
        found = (
            _count(view.tokenizer, perturb(text, kind, rate, view.seed), clean)
            if clean is not None
            else dict.fromkeys(_COUNTS, 0)
        )
        out |= {f"{kind}_{key}": found[key] for key in _COUNTS}
    return out


def _variant(kind: str, measure: str) -> SumsVariant:
    keys = {key: f"noise.{kind}_{key}" for key in _COUNTS}

    def value(sums: Sums, function: Any) -> FloatArray:
        found: FloatArray = function({key: sums[name] for key, name in keys.items()})
        return found

    formulas = {
        "f1": ("F1 of cuts", "2 · shared cuts / (clean cuts + noisy cuts)"),
        "kappa": ("Cohen's κ", "(agreed − chance) / (1 − chance) over aligned places"),
        "inflation": ("ratio to clean", "Σ tokens of noisy text / Σ tokens of clean text"),
    }
    unit, formula = formulas[measure]
    share = f"{RATES[kind]:.0%} of {KINDS[kind].unit}"
    return SumsVariant(
        name=f"{kind}_{measure}",
        unit=unit,
        aggregation="pooled",
        formula=f"{formula}; {KINDS[kind].summary}, at {share}",
        degenerate="null where no text was struck; κ also where both sides cut everywhere",
        better="lower" if measure == "inflation" else "higher",
        needs=frozenset(keys.values()),
        value=partial(value, function=_MEASURES[measure]),
    )


METRIC = Metric(
    name="noise",
    title="Stability under noise",
    summary=f"Whether cuts stay in place when the text gets noisy; on 1 in {SHARE} of the sampled "
    f"documents, their first {CHARACTERS:,} characters.",
    source="KL3M (arXiv 2503.17247) for F1 and inflation; Cohen 1960 for κ",
    probe=count_moved_cuts,
    report=False,
    variants=tuple(_variant(kind, measure) for kind in RATES for measure in _MEASURES),
)
