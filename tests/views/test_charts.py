"""A chart must say what it shows, stand without a script, and hold nothing from elsewhere."""

import base64
import json
import re
import subprocess
import sys

import polars as pl
import pytest

from workbench.views import charts
from workbench.views.palette import SERIES

FRAME = pl.DataFrame(
    {
        "tokenizer": ["tekken", "deepseek", "tekken", "deepseek"],
        "group": ["English", "English", "हिन्दी", "हिन्दी"],
        "value": [1.0, 1.0, 1.7, 4.4],
        "low": [None, None, 1.6, 4.2],
        "high": [None, None, 1.8, 4.6],
    }
)


def _dots(**more):
    options = {"value": "value", "label": "group", "group": "tokenizer", "low": "low"}
    return charts.dots_with_intervals(FRAME, **options, high="high", **more)


def _svg(page: str) -> str:
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert found is not None
    return base64.b64decode(found[1]).decode()


def test_a_chart_shows_itself_as_an_image_with_its_words():
    figure = charts.show(_dots(title="Five times more"), alt="Hindi costs 4.4 times English.")
    bundle = figure._repr_mimebundle_()
    assert "<figure" in bundle["text/html"]
    assert 'alt="Hindi costs 4.4 times English."' in bundle["text/html"]
    assert bundle["text/plain"] == "Chart: Hindi costs 4.4 times English."
    svg = _svg(bundle["text/html"])
    assert "Five times more" in svg
    assert "हिन्दी" in svg
    assert SERIES[0].lower() in svg.lower()
    assert "<script" not in bundle["text/html"]
    assert "http" not in re.sub(r"base64,[^\"]+", "", bundle["text/html"])


def test_reports_get_the_specification_to_draw_it_live():
    spec = charts.show(_dots(), alt="words")._repr_mimebundle_()[charts.CHART_MIME]
    assert spec["alt"] == "words"
    assert spec["spec"]["$schema"].startswith("https://vega.github.io/schema/vega-lite/v6")
    assert spec["spec"]["config"]["background"] == "#ffffff"
    json.dumps(spec)


def test_alternative_text_is_asked_for():
    with pytest.raises(ValueError, match="one sentence that says what the chart shows"):
        charts.show(_dots(), alt="  ")


def test_hostile_words_stay_words():
    bad = '"><img src=x onerror=alert(1)>'
    frame = FRAME.with_columns(group=pl.lit(bad))
    chart = charts.heat_map(frame.head(2), x="tokenizer", y="group", value="value", title=bad)
    page = charts.show(chart, alt=bad, caption=bad).to_html()
    assert "<img src=x" not in page
    assert "<img src=x" not in _svg(page)
    assert "onerror=alert(1)" in _svg(page)  # as text, escaped


def test_a_live_notebook_can_have_the_widget_and_keeps_the_image():
    bundle = charts.show(_dots(), alt="words", interactive=True)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "<figure" in bundle["text/html"]


def test_an_absent_interval_leaves_the_dot_and_draws_no_line():
    svg = charts.show(_dots(), alt="words").to_svg()
    assert len(re.findall(r'aria-roledescription="rule mark"', svg)) == 2
    assert len(re.findall(r'aria-roledescription="point"', svg)) == 4


def test_line_with_band_draws_a_band_for_each_group():
    frame = pl.DataFrame(
        {"n": [1, 2, 4] * 2, "v": [3.0, 2, 1] * 2, "lo": [2.0, 1, 0] * 2, "hi": [4.0, 3, 2] * 2}
    ).with_columns(method=pl.Series(["a"] * 3 + ["b"] * 3))
    chart = charts.line_with_band(
        frame, x="n", value="v", low="lo", high="hi", group="method", log_x=True, reference=1.5
    )
    svg = charts.show(chart, alt="words").to_svg()
    assert svg.count('aria-roledescription="area mark"') == 2
    assert svg.count('aria-roledescription="line mark"') == 2


def test_numbers_in_a_heat_map_are_there_and_can_be_left_out():
    cells = {"x": "tokenizer", "y": "group", "value": "value"}
    assert (
        ">4.4<" in charts.show(charts.heat_map(FRAME, **cells, number=".1f"), alt="words").to_svg()
    )
    bare = charts.show(charts.heat_map(FRAME, **cells, number=None), alt="words").to_svg()
    assert ">4.40<" not in bare


def test_a_heat_map_of_differences_is_centred():
    chart = charts.heat_map(FRAME, x="tokenizer", y="group", value="value", centre=1)
    scale = chart.to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"][2] == pytest.approx(1)
    assert scale["domain"][0] == pytest.approx(1 - 3.4)


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="no column 'valu'; its columns are tokenizer, group"):
        charts.heat_map(FRAME, x="tokenizer", y="group", value="valu")


def test_nothing_to_colour_is_an_error():
    empty = FRAME.with_columns(value=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(ValueError, match="holds no number"):
        charts.heat_map(empty, x="tokenizer", y="group", value="value")


def test_importing_the_module_does_not_import_altair(root):
    code = "import sys, workbench.views.charts; print('altair' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"


def test_a_theme_the_user_chose_is_left_alone(root):
    code = (
        "import altair as alt; alt.theme.enable('dark');"
        "from workbench.views import charts; charts.altair(); print(alt.theme.active)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "dark"
