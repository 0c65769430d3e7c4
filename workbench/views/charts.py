"""Charts that read the same live, in an untrusted notebook and in an exported page.

`show(chart, alt=...)` is the one way from an Altair chart to an output. It carries two forms:

- `text/html`: a static figure, `<figure><img src="data:image/svg+xml;…"></figure>`, drawn here by
  vl-convert. It needs no script and no network, and JupyterLab shows it in untrusted notebooks.
- `application/vnd.workbench.chart+json`: the Vega-Lite specification and the alternative text,
  from which this project's own reports make the chart interactive.

Altair takes seconds to import, so nothing here imports it before a chart is drawn. The project's
theme is registered once and gives way to a theme that the user has enabled.
"""

import base64
import html
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from workbench.views.chart_theme import theme
from workbench.views.palette import DIVERGING, LIGHT, SERIES, SHAPES, contrast, ramp

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

__all__ = [
    "CHART_MIME",
    "Figure",
    "altair",
    "dots_with_intervals",
    "heat_map",
    "line_with_band",
    "show",
]

CHART_MIME = "application/vnd.workbench.chart+json"

_MAX_ROWS = 50_000
_MOST_MARKS = 8


def altair() -> Any:
    """Altair itself, imported now, with the project's theme registered and enabled.

    A theme that the user has enabled before is left alone.

    Returns:
        The module `altair`.
    """
    # Altair's schema checker compiles a grammar of internationalized addresses, which no chart has;
    # without it Altair is there 1.7 s sooner.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import altair as alt

    if "workbench" not in alt.theme.names():
        alt.theme.register("workbench", enable=False)(
            lambda: cast("alt.theme.ThemeConfig", theme())
        )
        if alt.theme.active == "default":
            alt.theme.enable("workbench")
    return alt


class Figure:
    """A chart that displays itself; what `show` returns.

    Attributes:
        chart: the Altair chart it was made from.
        alt: what the chart shows, in words, for those who do not see it.
        caption: a line under the chart, or None.
        interactive: whether a live notebook gets a chart to hover and zoom.
    """

    def __init__(
        self, chart: Any, *, alt: str, caption: str | None = None, interactive: bool = False
    ) -> None:
        if not alt.strip():
            raise ValueError("show() needs alt='…': one sentence that says what the chart shows.")
        altair()
        self.chart = chart
        self.alt = alt
        self.caption = caption
        self.interactive = interactive
        self._spec: dict[str, Any] | None = None
        self._svg: str | None = None

    def to_spec(self) -> dict[str, Any]:
        """The chart as a Vega-Lite specification with its data and the project's theme inside."""
        if self._spec is None:
            alt = altair()
            with alt.data_transformers.enable("default", max_rows=_MAX_ROWS):
                self._spec = self.chart.to_dict()
        return self._spec

    def to_svg(self) -> str:
        """The chart drawn as SVG; no address is ever fetched for it."""
        if self._svg is None:
            import vl_convert

            major, minor = altair().SCHEMA_VERSION.lstrip("v").split(".")[:2]
            self._svg = str(
                vl_convert.vegalite_to_svg(
                    self.to_spec(), vl_version=f"{major}.{minor}", allowed_base_urls=[]
                )
            )
        return self._svg

    def to_html(self) -> str:
        """The static figure: an image with its alternative text, on its own light ground."""
        picture = base64.b64encode(self.to_svg().encode()).decode()
        caption = ""
        if self.caption:
            caption = (
                f'<figcaption style="font-size:12px;opacity:0.8;margin-top:6px;max-width:60em">'
                f"{html.escape(self.caption)}</figcaption>"
            )
        return (
            '<figure class="workbench-chart" style="margin:8px 0">'
            f'<img alt="{html.escape(self.alt, quote=True)}" '
            f'src="data:image/svg+xml;base64,{picture}" '
            'style="max-width:100%;background-color:#ffffff;border-radius:6px">'
            f"{caption}</figure>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        bundle: dict[str, Any] = {
            "text/plain": f"Chart: {self.alt}",
            "text/html": self.to_html(),
            CHART_MIME: {"spec": self.to_spec(), "alt": self.alt, "caption": self.caption},
        }
        if self.interactive:
            alt = altair()
            alt.JupyterChart.enable_offline(offline=True)
            live = alt.JupyterChart(self.chart)._repr_mimebundle_()
            data = live[0] if isinstance(live, tuple) else live
            bundle = {**(data or {}), **bundle}
        return bundle

    def __repr__(self) -> str:
        return f"Chart: {self.alt}"


def show(chart: Any, *, alt: str, caption: str | None = None, interactive: bool = False) -> Figure:
    """Make an Altair chart into an output that stands everywhere.

    Args:
        chart: any Altair chart; its data travel with it (at most 50,000 rows).
        alt: one sentence that says what the chart shows; it is read out, and it is required.
        caption: a line under the chart: the source, the unit, the number of observations.
        interactive: in a live notebook, show Altair's own widget (tooltips, zoom) instead of the
            image; it works offline. Exports keep the image, or upgrade it themselves.

    Returns:
        A `Figure`; make it the last expression of a cell.

    Raises:
        ValueError: if `alt` is empty.

    Example:
        alt = charts.altair()
        points = alt.Chart(frame).mark_point().encode(x="bytes:Q", y="tokens:Q")
        show(points, alt="Tokens grow in proportion to bytes.")
    """
    return Figure(chart, alt=alt, caption=caption, interactive=interactive)


def _title(alt: Any, title: str | None, subtitle: str | Sequence[str] | None) -> dict[str, Any]:
    if title is None:
        return {}
    if subtitle is None:
        return {"title": alt.TitleParams(title)}
    lines = [subtitle] if isinstance(subtitle, str) else list(subtitle)
    return {"title": alt.TitleParams(title, subtitle=lines)}


def _need(frame: "pl.DataFrame", *names: str | None) -> None:
    missing = [name for name in names if name is not None and name not in frame.columns]
    if missing:
        raise ValueError(
            f"The frame has no column {missing[0]!r}; its columns are {', '.join(frame.columns)}."
        )


def _colour(alt: Any, frame: "pl.DataFrame", group: str, title: str | None) -> tuple[Any, Any]:
    """Colour and shape of a group, in the order of the frame, on one legend."""
    order = frame[group].unique(maintain_order=True).to_list()
    turns = range(len(order))
    hues = alt.Scale(domain=order, range=[SERIES[i % len(SERIES)] for i in turns])
    shapes = alt.Scale(domain=order, range=[SHAPES[i % len(SHAPES)] for i in turns])
    return (
        alt.Color(f"{_field(group)}:N", scale=hues, title=title),
        alt.Shape(f"{_field(group)}:N", scale=shapes, title=title),
    )


def _field(name: str) -> str:
    """A column's name as Altair's shorthand and Vega's field paths want it."""
    return "".join("\\" + c if c in ".[]:" else c for c in name)


def dots_with_intervals(
    frame: "pl.DataFrame",
    *,
    value: str,
    label: str,
    low: str | None = None,
    high: str | None = None,
    group: str | None = None,
    title: str | None = None,
    subtitle: str | Sequence[str] | None = None,
    value_title: str | None = None,
    label_title: str | None = None,
    group_title: str | None = None,
    reference: float | None = None,
    sort: Sequence[str] | str | None = None,
    log: bool = False,
    width: int = 480,
    step: int = 24,
) -> "alt.LayerChart":
    """Dots with their intervals, one line per label: the project's picture of a comparison.

    Args:
        frame: tidy, one row per dot.
        value: column of the estimate.
        label: column of the lines' names.
        low: column of the interval's lower end; a null leaves the dot bare.
        high: column of its upper end.
        group: column told apart by colour and shape, side by side on a line.
        title: the chart's title.
        subtitle: a line, or lines, under it.
        value_title: the axis title, with the unit.
        label_title: title of the label axis; none by default.
        group_title: title of the legend.
        reference: where to draw a dashed line (1 for parity, 0 for no difference, chance …).
        sort: order of labels: a list, `"x"` or `"-x"` by value, or None for the frame's order.
        log: whether the value axis is logarithmic.
        width: width of the plot in pixels.
        step: height of one line in pixels.

    Returns:
        An Altair chart to give to `show`.

    Raises:
        ValueError: if a column is missing; the sentence lists those there are.
    """
    _need(frame, value, label, low, high, group)
    alt = altair()
    order = frame[label].unique(maintain_order=True).to_list() if sort is None else sort
    lines = alt.Y(f"{_field(label)}:N", sort=order, title=label_title)
    scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
    across = alt.X(f"{_field(value)}:Q", title=value_title or value, scale=scale)
    base = alt.Chart(frame)
    encode: dict[str, Any] = {"y": lines}
    shape: dict[str, Any] = {}
    if group is not None:
        colour, form = _colour(alt, frame, group, group_title or group)
        encode |= {"color": colour, "yOffset": alt.YOffset(f"{_field(group)}:N", sort=None)}
        shape = {"shape": form}
        step = max(step, 12 * frame[group].n_unique() + 10)
    layers = []
    if reference is not None:
        mark = alt.Chart(alt.Data(values=[{"reference": reference}]))
        layers.append(mark.mark_rule(strokeDash=[5, 4]).encode(x="reference:Q"))
    if low is not None and high is not None:
        whole = base.transform_filter(f"isValid(datum[{low!r}]) && isValid(datum[{high!r}])")
        span = alt.X(f"{_field(low)}:Q", title=value_title or value, scale=scale)
        layers.append(
            whole.mark_rule(strokeWidth=2.2, strokeCap="round", opacity=0.75).encode(
                x=span, x2=alt.X2(_field(high)), **encode
            )
        )
    tips = [alt.Tooltip(_field(name)) for name in (label, group, value, low, high) if name]
    layers.append(base.mark_point(opacity=1).encode(x=across, tooltip=tips, **encode, **shape))
    return alt.layer(*layers).properties(  # type: ignore[no-any-return]
        width=width,
        height=alt.Step(step, **{"for": "position"}),
        **_title(alt, title, subtitle),
    )


def heat_map(
    frame: "pl.DataFrame",
    *,
    x: str,
    y: str,
    value: str,
    title: str | None = None,
    subtitle: str | Sequence[str] | None = None,
    value_title: str | None = None,
    x_title: str | None = None,
    y_title: str | None = None,
    number: str | None = ".2f",
    domain: tuple[float, float] | None = None,
    centre: float | None = None,
    step: int = 44,
) -> "alt.LayerChart":
    """A grid of coloured cells with the numbers written in them.

    Args:
        frame: tidy, one row per cell; a null value leaves its cell empty.
        x: column of the columns' names, kept in the frame's order.
        y: column of the rows' names, kept in the frame's order.
        value: column of the number.
        title: the chart's title.
        subtitle: a line, or lines, under it.
        value_title: title of the legend, with the unit.
        x_title: title over the columns; none by default.
        y_title: title of the rows; none by default.
        number: d3 format of the numbers in the cells, or None to leave them out.
        domain: values at the ramp's two ends; the data's range by default.
        centre: a value that means "no difference": the ramp then diverges from it.
        step: side of a cell in pixels; the height is two thirds of it.

    Returns:
        An Altair chart to give to `show`.

    Raises:
        ValueError: if a column is missing or no value is a number.
    """
    _need(frame, x, y, value)
    alt = altair()
    numbers = (
        frame[value].drop_nulls().drop_nans()
        if frame[value].dtype.is_float()
        else (frame[value].drop_nulls())
    )
    if numbers.is_empty():
        raise ValueError(f"The column {value!r} holds no number to colour.")
    least, most = domain or (float(numbers.min()), float(numbers.max()))  # type: ignore[arg-type]
    if centre is not None:
        reach = max(abs(least - centre), abs(most - centre)) or 1.0
        least, most = centre - reach, centre + reach
        hues = list(DIVERGING)
        dark = f"datum[{value!r}] < {centre - 0.72 * reach}"
    else:
        hues = [ramp(i / 8) for i in range(9)]
        flip = next((i / 100 for i in range(101) if contrast("#ffffff", ramp(i / 100)) >= 4.6), 1.0)
        dark = f"datum[{value!r}] > {least + flip * (most - least)}"
    columns = alt.X(
        f"{_field(x)}:N",
        sort=frame[x].unique(maintain_order=True).to_list(),
        title=x_title,
        axis=alt.Axis(orient="top", labelAngle=-35 if step < 70 else 0),
    )
    rows = alt.Y(
        f"{_field(y)}:N", sort=frame[y].unique(maintain_order=True).to_list(), title=y_title
    )
    base = alt.Chart(frame).encode(x=columns, y=rows)
    scale = alt.Scale(domain=[least, most], range=hues, interpolate="lab", clamp=True)
    if centre is not None:
        scale = alt.Scale(
            domain=[least + (most - least) * i / 4 for i in range(5)], range=hues, clamp=True
        )
    cells = base.mark_rect(stroke="#ffffff", strokeWidth=1.5, cornerRadius=2).encode(
        color=alt.Color(f"{_field(value)}:Q", scale=scale, title=value_title or value),
        tooltip=[alt.Tooltip(_field(name)) for name in (y, x, value)],
    )
    layers = [cells]
    if number is not None:
        layers.append(
            base.transform_filter(f"isValid(datum[{value!r}])")
            .mark_text(fontSize=11)
            .encode(
                text=alt.Text(f"{_field(value)}:Q", format=number),
                color=alt.condition(dark, alt.value("#ffffff"), alt.value(LIGHT.ink)),
            )
        )
    return alt.layer(*layers).properties(  # type: ignore[no-any-return]
        width=alt.Step(step), height=alt.Step(step * 2 / 3), **_title(alt, title, subtitle)
    )


def _marks(alt: Any, numbers: "pl.Series", *, log: bool) -> Any:
    """Where a horizontal axis is marked: at the numbers themselves if they are few and far apart.

    Otherwise where Vega sees fit, but not between two counts.
    """
    few = numbers.drop_nulls().unique().sort()
    if log and 0 < few.len() <= _MOST_MARKS and numbers.dtype.is_integer():
        return alt.Axis(values=few.to_list(), labelOverlap="greedy", labelSeparation=6)
    if numbers.dtype.is_integer() and not log:
        return alt.Axis(tickMinStep=1)
    return alt.Axis(labelSeparation=6)


def line_with_band(
    frame: "pl.DataFrame",
    *,
    x: str,
    value: str,
    low: str | None = None,
    high: str | None = None,
    group: str | None = None,
    title: str | None = None,
    subtitle: str | Sequence[str] | None = None,
    x_title: str | None = None,
    value_title: str | None = None,
    group_title: str | None = None,
    reference: float | None = None,
    log_x: bool = False,
    zero: bool = False,
    width: int = 480,
    height: int = 280,
) -> "alt.LayerChart":
    """Lines with points over a number, each in the band of its interval.

    Args:
        frame: tidy, one row per point.
        x: column of the horizontal number.
        value: column of the estimate.
        low: column of the band's lower edge.
        high: column of its upper edge.
        group: column told apart by colour, shape and dash.
        title: the chart's title.
        subtitle: a line, or lines, under it.
        x_title: horizontal axis title, with the unit.
        value_title: vertical axis title, with the unit.
        group_title: title of the legend.
        reference: where to draw a dashed horizontal line.
        log_x: whether the horizontal axis is logarithmic.
        zero: whether the vertical axis must include 0.
        width: width of the plot in pixels.
        height: its height in pixels.

    Returns:
        An Altair chart to give to `show`.

    Raises:
        ValueError: if a column is missing; the sentence lists those there are.
    """
    _need(frame, x, value, low, high, group)
    alt = altair()
    # A round logarithmic axis would be a decade too wide on either side.
    scale = alt.Scale(type="log", nice=False, padding=8) if log_x else alt.Scale(zero=False)
    across = alt.X(
        f"{_field(x)}:Q", title=x_title or x, scale=scale, axis=_marks(alt, frame[x], log=log_x)
    )
    up = alt.Scale(zero=zero)
    upward = alt.Y(f"{_field(value)}:Q", title=value_title or value, scale=up)
    base = alt.Chart(frame)
    colour: dict[str, Any] = {}
    shape: dict[str, Any] = {}
    dash: dict[str, Any] = {}
    if group is not None:
        hue, form = _colour(alt, frame, group, group_title or group)
        colour, shape = {"color": hue}, {"shape": form}
        dash = {"strokeDash": alt.StrokeDash(f"{_field(group)}:N", legend=None, sort=None)}
    layers = []
    if reference is not None:
        mark = alt.Chart(alt.Data(values=[{"reference": reference}]))
        layers.append(mark.mark_rule(strokeDash=[5, 4]).encode(y="reference:Q"))
    if low is not None and high is not None:
        edge = alt.Y(f"{_field(low)}:Q", title=value_title or value, scale=up)
        layers.append(base.mark_area().encode(x=across, y=edge, y2=_field(high), **colour))
    layers.append(base.mark_line().encode(x=across, y=upward, **colour, **dash))
    tips = [alt.Tooltip(_field(name)) for name in (group, x, value, low, high) if name]
    layers.append(
        base.mark_point(opacity=1).encode(x=across, y=upward, tooltip=tips, **colour, **shape)
    )
    return alt.layer(*layers).properties(  # type: ignore[no-any-return]
        width=width, height=height, **_title(alt, title, subtitle)
    )
