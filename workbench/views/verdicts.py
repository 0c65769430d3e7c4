"""A verdict as people read it: each claim once, and under it what was measured and what follows.

A verdict has a row a measurement, and repeats claim and paper in each. `verdict_view` sets them as
the heading of their rows, and a number beside its interval. The table itself stays as it is: it is
what a study saves.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import polars as pl

__all__ = ["VerdictView", "verdict_view"]

_NEEDED = ("claim", "paper", "measure", "value", "ci_low", "ci_high", "verdict")
_LEFT = ' style="text-align: start; vertical-align: top"'


def verdict_view(verdict: pl.DataFrame) -> VerdictView:
    """Show the rows of a verdict under their claims.

    Args:
        verdict: A table with the columns `claim`, `paper`, `measure`, `value`, `ci_low`, `ci_high`
            and `verdict`.

    Returns:
        A view that notebooks and reports show as a table; text in a terminal.

    Raises:
        ValueError: When a column is missing.

    Example:
        >>> rows = {"claim": "Cats purr", "paper": "A 2025", "measure": "share that do",
        ...     "value": 0.98765, "ci_low": 0.95, "ci_high": 1.0, "verdict": "holds"}
        >>> print(verdict_view(pl.DataFrame([rows])))
        Cats purr (A 2025)
          share that do: 0.988 [0.95, 1] holds
    """
    if missing := [name for name in _NEEDED if name not in verdict.columns]:
        raise ValueError(f"A verdict has a column {missing[0]!r}, and this table has none.")
    return VerdictView(verdict)


@dataclass(frozen=True)
class VerdictView:
    """The rows of a verdict, grouped by claim in the order in which claims first appear.

    Attributes:
        verdict: The table as it was given.
    """

    verdict: pl.DataFrame

    def _claims(self) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
        grouped = self.verdict.group_by("claim", "paper", maintain_order=True)
        return [
            (
                str(claim),
                str(paper),
                [
                    (measure, _number(*numbers), said)
                    for measure, *numbers, said in part.select(_NEEDED[2:]).iter_rows()
                ],
            )
            for (claim, paper), part in grouped
        ]

    def _repr_html_(self) -> str:
        parts = ['<table class="verdict">']
        for claim, paper, rows in self._claims():
            parts.append(
                f'<tbody><tr><th colspan="3" scope="rowgroup"{_LEFT}>{html.escape(claim)} '
                f"<small>{html.escape(paper)}</small></th></tr>"
            )
            for cells in rows:
                inside = "".join(f"<td{_LEFT}>{html.escape(cell)}</td>" for cell in cells)
                parts.append(f"<tr>{inside}</tr>")
            parts.append("</tbody>")
        return "".join([*parts, "</table>"])

    def __str__(self) -> str:
        lines = []
        for claim, paper, rows in self._claims():
            lines.append(f"{claim} ({paper})")
            lines += [f"  {measure}: {number} {said}" for measure, number, said in rows]
        return "\n".join(lines)

    __repr__ = __str__


def _number(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "–"
    if low is None or high is None:
        return f"{value:.3g}"
    return f"{value:.3g} [{low:.3g}, {high:.3g}]"
