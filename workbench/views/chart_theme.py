"""The look of every chart: one Vega-Lite configuration, quiet axes, titles at the left."""

from typing import Any

from workbench.views.palette import DIVERGING, LIGHT, RAMP, SERIES, SHAPES

__all__ = ["theme"]

_FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


def theme() -> dict[str, Any]:
    """The project's look as a Vega-Lite configuration: quiet axes, titles at the left.

    Returns:
        A dictionary with the single key `config`.

    >>> theme()["config"]["background"]
    '#ffffff'
    """
    text = {"labelColor": LIGHT.faint, "titleColor": LIGHT.ink, "labelFontSize": 12}
    return {
        "config": {
            "background": LIGHT.paper,
            "font": _FONT,
            "padding": 10,
            "view": {"stroke": None, "continuousWidth": 480, "continuousHeight": 280},
            "title": {
                "anchor": "start",
                "frame": "group",
                "color": LIGHT.ink,
                "fontSize": 15,
                "fontWeight": 600,
                "offset": 14,
                "subtitleColor": LIGHT.faint,
                "subtitleFontSize": 12,
                "subtitlePadding": 5,
            },
            "axis": {
                **text,
                "domainColor": "#9aa1ab",
                "tickColor": "#9aa1ab",
                "gridColor": "#e9ecf0",
                "labelLimit": 280,
                "labelPadding": 5,
                "titleFontSize": 12,
                "titleFontWeight": 500,
                "titlePadding": 9,
            },
            "axisBand": {"grid": False, "ticks": False, "domain": False},
            "header": {**text, "titleFontSize": 12, "labelFontWeight": 600},
            "legend": {
                **text,
                "orient": "top",
                "labelLimit": 240,
                "symbolSize": 90,
                "titleFontSize": 12,
                "titleFontWeight": 500,
                "gradientLength": 180,
                "gradientThickness": 10,
            },
            "range": {
                "category": list(SERIES),
                "symbol": list(SHAPES),
                "ramp": list(RAMP),
                "heatmap": list(RAMP),
                "ordinal": list(RAMP),
                "diverging": list(DIVERGING),
            },
            "mark": {"color": SERIES[0]},
            "bar": {"cornerRadiusEnd": 2},
            "line": {"strokeWidth": 2, "strokeJoin": "round"},
            "area": {"opacity": 0.2},
            "point": {"filled": True, "size": 64},
            "rule": {"color": LIGHT.faint},
            "text": {"color": LIGHT.ink, "fontSize": 12},
        }
    }
