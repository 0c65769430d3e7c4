"""`Comparison`: a corpus counted under tokenizers, from which every table follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl

from workbench.compare.grouping import By, label_of, possible, reference_of
from workbench.compare.measuring import Measured, Spread
from workbench.counting import EngineReport
from workbench.intervals import holm, interval, paired_p_value
from workbench.metrics._base import GroupsVariant, Metric, RelativeVariant, SumsVariant, Variant

DIFFERENCES: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "baseline": pl.String,
    "group": pl.String,
    "metric": pl.String,
    "variant": pl.String,
    "unit": pl.String,
    "value": pl.Float64,
    "baseline_value": pl.Float64,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "relative": pl.Float64,
    "p": pl.Float64,
    "p_holm": pl.Float64,
    "n": pl.Int64,
}
"""The columns of `differences`. `relative` is difference / baseline_value; the interval is of the
difference; `p_holm` is corrected over all rows of the table."""


@dataclass(frozen=True)
class Comparison:
    """Tokenizers on a corpus: counted once, asked often.

    Made by `workbench.compare.comparison`.

    Attributes:
        measured: The counts and how to measure them.
        asked: The metrics and variants chosen, those that these groups do not allow included.
    """

    measured: Measured
    asked: tuple[tuple[Metric, Variant], ...] = ()

    def grouped(self, by: By = None, *, reference: str | None = None) -> Comparison:
        """The same counts in other groups; nothing is counted again.

        Args:
            by: As in `comparison`.
            reference: The reference among the new groups.

        Returns:
            A comparison.

        Raises:
            ValueError: If `by` or the reference is unknown.
        """
        label = label_of(by)
        groups = next(iter(self.measured.counted.counts.values())).groups
        names = list(dict.fromkeys(map(label, groups)))
        options = replace(self.measured.options, reference=reference_of(reference, names))
        chosen = possible(list(self.asked), names, options)
        # A fresh object: what the old one has cached belongs to the old groups.
        fresh = replace(self.measured, label=label, options=options, chosen=chosen)
        return Comparison(fresh, self.asked)

    @cached_property
    def table(self) -> pl.DataFrame:
        """Every chosen metric for every tokenizer and group; the columns of `SCHEMA`."""
        return self.measured.table()

    @property
    def tokenizers(self) -> list[str]:
        """Their names, in the order given."""
        return list(self.measured.tokenizers)

    @property
    def groups(self) -> list[str]:
        """The groups, in the order of the corpus's keys."""
        return self.measured.names

    @property
    def reference(self) -> str | None:
        """The group that others are measured against."""
        return self.measured.options.reference

    @property
    def engines(self) -> tuple[EngineReport, ...]:
        """Who counted, and on what evidence."""
        return self.measured.counted.engines

    def differences(self, baseline: str) -> pl.DataFrame:
        """Tokenizers against one of them, resampled jointly.

        Args:
            baseline: The name of a tokenizer of this comparison.

        Returns:
            One row per other tokenizer, group and ratio or mean: the columns of `DIFFERENCES`.
            Type counts and entropies are left out: a bootstrap is wrong for them.

        Raises:
            ValueError: If the baseline is not among the tokenizers.
        """
        measured = self.measured
        if baseline not in measured.tokenizers:
            raise ValueError(
                f"baseline {baseline!r} is not in this comparison, which has {self.tokenizers}"
            )
        rows: list[dict[str, Any]] = []
        for metric, variant in measured.chosen:
            if not isinstance(variant, SumsVariant | RelativeVariant | GroupsVariant):
                continue
            base = measured.spread(baseline, variant)
            if base is None:
                continue
            for name in self.tokenizers:
                if name == baseline:
                    continue
                ours = measured.spread(name, variant)
                assert ours is not None
                common = {"metric": metric.name, "variant": variant.name, "unit": variant.unit}
                rows.extend(
                    {"tokenizer": name, "baseline": baseline, **common, **row}
                    for row in self._against(ours, base)
                )
        table = pl.DataFrame(rows, schema={k: v for k, v in DIFFERENCES.items() if k != "p_holm"})
        corrected = holm(table["p"].to_numpy().astype(np.float64))
        adjusted = pl.Series("p_holm", corrected).fill_nan(None)
        return table.with_columns(adjusted).select(list(DIFFERENCES))

    def _against(self, ours: Spread, base: Spread) -> list[dict[str, Any]]:
        options = self.measured.options
        difference = ours.point - base.point
        draws = ours.resampled - base.resampled
        low, high = interval(
            difference, draws, ours.left_out - base.left_out, options.level, options.method
        )
        p = paired_p_value(difference, draws, len(self.measured.blocks))
        columns = {
            "value": ours.point,
            "baseline_value": base.point,
            "difference": difference,
            "ci_low": low,
            "ci_high": high,
            "relative": np.divide(
                difference, base.point, out=np.full_like(difference, np.nan), where=base.point != 0
            ),
            "p": p,
        }
        return [
            {
                "group": group,
                "n": ours.n[i],
                **{k: None if np.isnan(v[i]) else float(v[i]) for k, v in columns.items()},
            }
            for i, group in enumerate(ours.groups)
        ]

    def rarefaction(
        self,
        metrics: Sequence[str] | None = None,
        sizes: Sequence[int] | None = None,
        *,
        draws: int = 8,
    ) -> pl.DataFrame:
        """Type counts and entropies at stated sample sizes; see `workbench.compare.rarefaction`."""
        from workbench.compare.rarefaction import rarefaction

        return rarefaction(self.measured, metrics, sizes, draws=draws)

    def equity(self, *, price: float | None = None, window: int | None = None) -> pl.DataFrame:
        """What each language pays and gets; see `workbench.compare.equity`."""
        from workbench.compare.equity import equity

        return equity(self.measured, price=price, window=window)

    def lorenz(self) -> pl.DataFrame:
        """The Lorenz curve of cost over languages; see `workbench.compare.equity`."""
        from workbench.compare.equity import lorenz

        return lorenz(self.measured)

    def inequality(self) -> pl.DataFrame:
        """The Gini coefficient of each tokenizer; see `workbench.compare.equity`."""
        from workbench.compare.equity import inequality

        return inequality(self.measured)

    def agreement(self, metrics: Sequence[str] | None = None, *, fold: bool = True) -> pl.DataFrame:
        """Pairs of tokenizers: where they cut alike; see `workbench.compare.agreement`."""
        from workbench.compare.agreement import agreement

        return agreement(self.measured, metrics, fold=fold)

    def alike(self) -> list[list[str]]:
        """Tokenizers that segment this corpus alike; see `workbench.compare.agreement`."""
        from workbench.compare.agreement import alike

        return alike(self.measured)

    def folded(self) -> pl.DataFrame:
        """The table with tokenizers that segment alike in one row.

        Returns:
            The columns of `table` and `like`: the names of those folded into the row (a list). A
            number that depends on the declared vocabulary keeps a row for each.
        """
        like = {names[0]: names[1:] for names in self.alike()}
        hidden = [name for rest in like.values() for name in rest]
        own = pl.col("vocabulary") == "declared"
        return self.table.filter(
            ~pl.col("tokenizer").is_in(hidden) | own.fill_null(value=False)
        ).with_columns(
            pl.when(own.fill_null(value=False))
            .then(pl.lit([], dtype=pl.List(pl.String)))
            .otherwise(
                pl.col("tokenizer").replace_strict(
                    like, default=[], return_dtype=pl.List(pl.String)
                )
            )
            .alias("like")
        )
