"""What the counts of :mod:`workbench.studies.word_pooling` say of the claims on words of bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from workbench.metrics.noise import KINDS
from workbench.studies.verdicts import (
    Estimate,
    ratio_difference,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)

__all__ = ["LONG", "PAPERS", "verdict"]

PAPERS = (
    "Neitemeier and others 2025 (HAT)",
    "Thawani and others 2023 (Learn Your Tokens)",
    "Lee, Guo and Qiu 2022 (Byte2Word)",
)

LONG = 32
"""Bytes per unit, on average, from which words are called long here: our mark, no paper's."""


_OF_WORDS = ("Noise does not lengthen the upper level of a hierarchy", "Units survive noise")
_BESIDE = (  # the same noise on what hierarchies are compared with answers no claim of theirs
    "Beside it: how much noise lengthens a text in other units",
    "Beside it: how many other units survive noise",
)


def verdict(
    lengths: pl.DataFrame,
    noise: pl.DataFrame,
    subwords: str | Sequence[str],
    *,
    seed: int = 0,
) -> pl.DataFrame:
    """Whether words shorten the upper level, for whom they are too long, and what noise does.

    Args:
        lengths: From :func:`workbench.studies.word_pooling.levels`.
        noise: From :func:`workbench.studies.word_pooling.survival`; the largest rate is judged,
            and a rate of 0 never.
        subwords: The tokenizers that the hierarchies are compared with, by name.
        seed: Of the bootstrap.

    Returns:
        The rows of a verdict. Comparisons are paired: both sides see the same documents, under
        the same noise.

    Raises:
        ValueError: When the tables hold no such tokenizer.

    >>> from workbench import load_tokenizer
    >>> from workbench.studies.word_pooling import hierarchy, levels, survival
    >>> texts = pl.DataFrame({"text": ["ab cde"] * 8, "language": ["x"] * 8})
    >>> toks = [hierarchy("whitespace"), load_tokenizer("bytes")]
    >>> noise = survival(texts["text"].to_list(), toks, [0.2])
    >>> verdict(levels(toks, texts), noise, "bytes")["verdict"][0]
    'holds: fewer in 1 of 1 language, more in 0'
    """
    others = [subwords] if isinstance(subwords, str) else list(subwords)
    known = set(lengths["tokenizer"]) & set(noise["tokenizer"])
    if strangers := [one for one in others if one not in known]:
        raise ValueError(f"{strangers[0]!r} is not in the tables: words are compared with it.")
    names = [n for n in noise["tokenizer"].unique(maintain_order=True) if n.endswith("-words")]
    rows = [row for name in names for row in _length_rows(lengths, name, others, seed)]
    struck = noise.filter(pl.col("rate") > 0).filter(pl.col("rate") == pl.col("rate").max())
    for _, part in struck.group_by("kind", maintain_order=True):
        by = {row["tokenizer"]: row for row in part.to_dicts()}
        for name in names:
            beside = "; ".join(_beside(by[name], by[other], seed) for other in others)
            rows += _noise_rows(by[name], _OF_WORDS, "holds within 2%", beside)
        for name in others:
            rows += _noise_rows(by[name], _BESIDE, "within 2%", "what the words are compared with")
    return verdict_frame(rows)


def _length_rows(
    lengths: pl.DataFrame, name: str, others: Sequence[str], seed: int
) -> Iterator[dict[str, Any]]:
    """How long a hierarchy's sequences are beside the others', and how long its words are."""
    paper = PAPERS[0] if name.startswith("hat") else PAPERS[1]
    units = {
        (row["tokenizer"], row["language"]): row["document_units"] for row in lengths.to_dicts()
    }
    own = lengths.filter(pl.col("tokenizer") == name).to_dicts()
    for other in others:
        ratios = {
            row["language"]: ratio_over_documents(
                row["document_units"], units[other, row["language"]], seed=seed
            )
            for row in own
        }
        most = max(ratios, key=lambda language: ratios[language].value)
        yield verdict_row(
            "A word per position makes the upper level shorter than other units do",
            paper,
            f"units of {name} over those of {other}, the language with the most ({most})",
            ratios[most],
            _over_languages([one.side(1, "fewer", "more") for one in ratios.values()]),
        )
    longest = max(own, key=lambda row: row["bytes_per_unit"])
    found = Estimate(
        longest["bytes_per_unit"], longest["ci_low"], longest["ci_high"], longest["documents"]
    )
    side = found.side(LONG, f"below {LONG} bytes", f"above {LONG} bytes", f"{LONG} not excluded")
    yield verdict_row(
        "Words stay short enough to be read byte by byte",
        paper,
        f"bytes per unit, the language with the longest ({longest['language']}), {name}",
        found,
        f"{side} (our mark); {longest['one_unit']:.0%} of its texts are one unit",
    )


def _over_languages(sides: Sequence[str]) -> str:
    """What holds of every language, told from what the documents of each show."""
    fewer, more = sides.count("fewer"), sides.count("more")
    if fewer == len(sides):
        answer = "holds"
    elif more:
        answer = "does not hold for all" if fewer else "fails"
    else:
        answer = "not shown for all" if fewer else "not shown"
    languages = "language" if len(sides) == 1 else "languages"
    return f"{answer}: fewer in {fewer} of {len(sides)} {languages}, more in {more}"


def _estimates(row: Mapping[str, Any]) -> tuple[str, Estimate, Estimate]:
    """What is struck, units after / before, and the share of units that survive."""
    of = f", {row['language']}" if row["language"] else ""
    return (
        f"noise on {100 * row['rate']:g}% of {KINDS[row['kind']].unit}{of}, {row['tokenizer']}",
        Estimate(row["inflation"], row["inflation_low"], row["inflation_high"], row["documents"]),
        Estimate(row["surviving"], row["ci_low"], row["ci_high"], row["documents"]),
    )


def _noise_rows(
    row: Mapping[str, Any], claims: tuple[str, str], within: str, survive: str
) -> Iterator[dict[str, Any]]:
    """What one kind of noise does to units: to their number, and to how many survive.

    ``within`` says that the number stays within 2%, ``survive`` what follows of the survivors.
    """
    struck, longer, share = _estimates(row)
    yield verdict_row(
        claims[0],
        PAPERS[0],
        f"units after / before, {struck}",
        longer,
        longer.side(1.02, within, "lengthens", "not shown within 2%"),
    )
    yield verdict_row(claims[1], PAPERS[2], f"share of units untouched, {struck}", share, survive)


def _beside(one: Mapping[str, Any], other: Mapping[str, Any], seed: int) -> str:
    """What two shares say of each other, by the same documents under the same noise."""
    sides = ((row["document_kept"], row["document_units"]) for row in (one, other))
    found = ratio_difference(*sides, seed=seed)
    name = other["tokenizer"]
    side = found.side(
        0,
        f"fewer survive than of {name}",
        f"more survive than of {name}",
        f"no difference from {name} shown",
    )
    return f"{side} ({found})"
