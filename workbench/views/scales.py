"""From scores to colours: one ramp for each score name, its range and what more of it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.segmentation import Segmentation
from workbench.views.palette import ramp

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Scale", "scales"]

_NEEDED = ("byte_start", "byte_end", "score_name", "score")
_MEANING = {
    "higher_is_likelier": "darker is likelier",
    "higher_is_rarer": "darker is rarer",
    "higher_is_stronger": "darker is stronger",
    "signed": "darker is more, signed",
}


@dataclass(frozen=True)
class Scale:
    """One score over the tokens of one text.

    Attributes:
        name: the score's name, with its unit.
        values: the score by index of the token; a token without one is absent.
        low: the least score, at the light end of the ramp.
        high: the greatest, at the dark end.
        meaning: what darker means, in words.
    """

    name: str
    values: Mapping[int, float]
    low: float
    high: float
    meaning: str

    def share(self, index: int) -> float | None:
        """Where a token's score stands between `low` (0) and `high` (1); None without a score."""
        value = self.values.get(index)
        if value is None:
            return None
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0

    def colour(self, index: int) -> str:
        """The token's colour; white where it has no score."""
        share = self.share(index)
        return "#ffffff" if share is None else ramp(share)

    def text(self, index: int) -> str:
        """The token's score in words."""
        value = self.values.get(index)
        return "no score" if value is None else self.number(value)

    @staticmethod
    def number(value: float) -> str:
        """A score with as many digits as a reader can use."""
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def scales(seg: Segmentation, scores: "pl.DataFrame") -> list[Scale]:
    """The scores that belong to a segmentation, by name, in the order of the table.

    Rows belong to it by `tokenizer` where the table has that column, and to a token by its span;
    where several tokens share a span, by `index`.

    Raises:
        ValueError: if the table lacks a column, with the names of those it needs.
    """
    missing = [name for name in _NEEDED if name not in scores.columns]
    if missing:
        raise ValueError(
            f"The table of scores lacks the column {missing[0]!r}; it needs {', '.join(_NEEDED)}, "
            f"and has {', '.join(scores.columns) or 'none'}."
        )
    mine = scores
    if "tokenizer" in scores.columns:
        mine = scores.filter(scores["tokenizer"] == seg.tokenizer.name)
    begins, ends = seg.alignment.byte_start.tolist(), seg.alignment.byte_end.tolist()
    by_span: dict[tuple[int, int], list[int]] = {}
    for index, span in enumerate(zip(begins, ends, strict=True)):
        by_span.setdefault(span, []).append(index)
    out = []
    for name in mine["score_name"].unique(maintain_order=True).to_list():
        part = mine.filter(mine["score_name"] == name)
        values: dict[int, float] = {}
        for row in part.iter_rows(named=True):
            found = by_span.get((row["byte_start"], row["byte_end"]), [])
            if len(found) > 1 and row.get("index") in found:
                found = [row["index"]]
            if found and row["score"] is not None:
                values.update(dict.fromkeys(found, float(row["score"])))
        if not values:
            continue
        way = part["direction"][0] if "direction" in part.columns else ""
        out.append(
            Scale(
                name,
                values,
                min(values.values()),
                max(values.values()),
                _MEANING.get(way, "darker is more"),
            )
        )
    return out
