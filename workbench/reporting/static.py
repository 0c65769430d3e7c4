"""From the outputs of a run to outputs that a page without a kernel can show.

Widgets become what they show; controls, which would do nothing, go. Charts keep their static
figure, and their specification is put aside for the page's script. What a cell declared about its
inputs is taken out for the footer. Scripts among the outputs are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from workbench.reporting.provenance import PROVENANCE_MIME

CHART_MIME = "application/vnd.workbench.chart+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
SHOWN_MIMES = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/latex",
    "text/plain",
)


@dataclass
class Extracted:
    """What was taken out of a notebook's outputs.

    Attributes:
        charts: Vega-Lite specifications with their ``alt``, in the order of the page.
        declared: What `workbench.reports.provenance` was told.
        thumbnail: The first chart as a data address, or None.
    """

    charts: list[dict[str, Any]] = field(default_factory=list)
    declared: list[dict[str, Any]] = field(default_factory=list)
    thumbnail: str | None = None


def make_static(notebook: Any) -> Extracted:
    """Change an executed notebook (in place) into one that needs no kernel.

    Args:
        notebook: As nbformat reads it; its widget state is removed.

    Returns:
        The charts and declarations that were taken out.
    """
    state = notebook.metadata.pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    out = Extracted()
    notebook.cells = [
        cell
        for cell in notebook.cells
        if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            flat = [one for output in cell.outputs for one in _flatten(output, state)]
            cell.outputs = [kept for one in flat if (kept := _keep(one, out)) is not None]
    return out


def _flatten(output: Any, state: Mapping[str, Any]) -> Iterator[Any]:
    """An output, or the outputs that a widget shows."""
    data = output.get("data", {})
    if WIDGET_MIME not in data or "text/html" in data or CHART_MIME in data:
        yield output
    else:
        yield from _widget(data[WIDGET_MIME].get("model_id", ""), state)


def _widget(model: str, state: Mapping[str, Any]) -> Iterator[Any]:
    content = state.get(model, {})
    fields = content.get("state", {})
    match content.get("model_name"):
        case "OutputModel":
            for output in fields.get("outputs", []):
                yield from _flatten(_node(output), state)
        case "HTMLModel" | "HTMLMathModel":
            yield _node(
                {
                    "output_type": "display_data",
                    "data": {"text/html": fields.get("value", "")},
                    "metadata": {},
                }
            )
        case (
            "TabModel"
            | "AccordionModel"
            | "BoxModel"
            | "VBoxModel"
            | "HBoxModel"
            | ("GridBoxModel" | "StackModel")
        ):
            for child in fields.get("children", []):
                yield from _widget(str(child).removeprefix("IPY_MODEL_"), state)
        case _:
            return


def _node(output: Mapping[str, Any]) -> Any:
    from nbformat import from_dict

    return from_dict(dict(output))  # type: ignore[no-untyped-call]  # nbformat is half typed


def _keep(output: Any, out: Extracted) -> Any:
    """One output as the page shows it, or None."""
    data = output.get("data")
    if data is None:
        return output  # a stream or an error, which the template escapes
    if PROVENANCE_MIME in data:
        out.declared.append(dict(data[PROVENANCE_MIME]))
        return None
    if CHART_MIME in data:
        chart = dict(data[CHART_MIME])
        figure = data.get("text/html", "")
        if out.thumbnail is None:
            found = re.search(r'src="(data:image/svg\+xml;base64,[A-Za-z0-9+/=]+)"', figure)
            out.thumbnail = found.group(1) if found else None
        number = len(out.charts)
        out.charts.append(chart)
        figure = figure or f"<p>{escape(chart.get('alt', 'A chart'))}</p>"
        output.data = _node(
            {"text/html": f'<div class="chart" data-chart="{number}">{figure}</div>'}
        )
        return output
    kept = {mime: data[mime] for mime in SHOWN_MIMES if mime in data}
    if not kept:
        return None
    if 'class="dataframe"' in kept.get("text/html", ""):
        kept["text/html"] = _for_reading(kept["text/html"])
    output.data = _node(kept)
    return output


def _for_reading(table: str) -> str:
    """A polars table as a page shows it: numbers to the right, rounded, and texts without quotes.

    Fractions have four significant digits here and all of them in the saved tables. A text that
    begins or ends with white space keeps its quotes, for else nobody would see it. Single
    words are marked: a short one stays on one line, hyphen and all, and a very long one may break.
    """
    number = re.compile(r"-?[\d.,]+(?:e[+-]?\d+)?|null|NaN|&hellip;")
    rows = [
        re.findall(r"<td>(.*?)</td>", row, re.DOTALL)
        for row in table[table.find("<tbody>") :].split("</tr>")
    ]
    columns = zip(*(row for row in rows if row), strict=False)
    numeric = [all(map(number.fullmatch, cells)) for cells in columns]

    def mark(row: re.Match[str]) -> str:
        turn = iter(numeric)
        return re.sub(
            r"<(t[dh])>",
            lambda tag: f'<{tag[1]} class="number">' if next(turn, False) else tag[0],
            row[0],
        )

    table = re.sub(r"<tr>.*?</tr>", mark, table, flags=re.DOTALL)
    table = re.sub(r'(<td class="number">)(-?\d+\.\d+(?:e[+-]?\d+)?)(?=</td>)', _rounded, table)
    table = re.sub(
        r"<td>&quot;(?!&nbsp;)(\S|\S[^<]*\S)(?<!&nbsp;)&quot;</td>", r"<td>\1</td>", table
    )
    table = re.sub(r"<td>(?=[^<\s]{1,24}</td>)", '<td class="short">', table)
    return re.sub(r"<td>(?=[^<]*[^\s<]{32})", '<td class="long">', table)


def _rounded(cell: re.Match[str]) -> str:
    """A fraction with four significant digits, whole thousands as they are."""
    value = float(cell[2])
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.4g}"
    return cell[1] + text
