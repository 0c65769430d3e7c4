"""A verdict under its claims: nothing repeated, nothing lost, nothing executed."""

import polars as pl
import pytest

from workbench.studies.verdicts import Estimate, verdict_frame, verdict_row
from workbench.views.verdicts import verdict_view

FRAME = verdict_frame(
    [
        verdict_row("Cats purr", "A 2025", "share, at home", Estimate(0.9, 0.8, 1, 9), "holds"),
        verdict_row("Dogs bark", "B 2025", "dogs", 3, "holds"),
        verdict_row("Cats purr", "A 2025", "share, outside", None, "not defined"),
    ]
)


def test_a_claim_stands_once_over_all_its_rows():
    shown = verdict_view(FRAME)
    assert str(shown).splitlines() == [
        "Cats purr (A 2025)",
        "  share, at home: 0.9 [0.8, 1] holds",
        "  share, outside: – not defined",
        "Dogs bark (B 2025)",
        "  dogs: 3 holds",
    ]
    page = shown._repr_html_()
    assert page.count("Cats purr") == 1
    assert page.count("<tbody>") == 2
    assert page.count("<tr>") == 2 + FRAME.height
    assert repr(shown) == str(shown)


def test_text_of_a_verdict_is_text():
    hostile = FRAME.with_columns(
        pl.lit("<img src=x onerror=alert(1)>").alias(name) for name in ("claim", "verdict")
    )
    page = verdict_view(hostile)._repr_html_()
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_what_is_no_verdict_is_refused():
    with pytest.raises(ValueError, match="a column 'paper'"):
        verdict_view(FRAME.drop("paper"))
    assert str(verdict_view(FRAME.clear())) == ""
