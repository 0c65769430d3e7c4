"""An executed notebook as one HTML page that needs nothing but itself.

nbconvert renders the cells with this project's template; a page around them, escaped by default,
brings style, charts, data links and provenance. A content security policy lets only the page's own
two scripts run, by their hashes, and lets nothing be fetched: markup that slipped in through data
can neither execute nor call home.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.reporting.bundle import vega_bundle
from workbench.reporting.static import Extracted, make_static
from workbench.reporting.tables import TableLink

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).resolve().parent.parent / "report_template"


@dataclass(frozen=True)
class Page:
    """A rendered report.

    Attributes:
        html: The whole page.
        title: The notebook's first heading.
        summary: Its first paragraph, as plain text.
        thumbnail: The first chart as a data address, or None.
    """

    html: str
    title: str
    summary: str
    thumbnail: str | None


@lru_cache(maxsize=1)
def templates() -> jinja2.Environment:
    """The project's own page templates: everything is escaped unless it says otherwise."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.filters["literal"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment


def duration(seconds: float) -> str:
    """Seconds as people say them.

    Example:
        >>> duration(75)
        '1 min 15 s'
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def script_hash(script: str) -> str:
    """The source expression that lets one inline script run under the page's policy."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"


def policy(scripts: Sequence[str]) -> str:
    """A content security policy for a page with these inline scripts and no other source."""
    allowed = " ".join(script_hash(one) for one in scripts) or "'none'"
    return (
        "default-src 'none'; img-src data: blob:; font-src data:; style-src 'unsafe-inline'; "
        f"script-src {allowed}; base-uri 'none'; form-action 'none'"
    )


def style() -> str:
    """The style sheet of every page, with the colours of code for light and for dark."""
    return (TEMPLATES / "report.css").read_text("utf-8")


@lru_cache(maxsize=1)
def _code_style() -> str:
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    # The block's own colours come from the page's style sheet.
    keep = [
        [line for line in text.splitlines() if " { background:" not in line and "{ }" not in line]
        for text in (light, dark)
    ]
    return (
        "\n".join(keep[0])
        + "\n@media screen and (prefers-color-scheme: dark) {\n"
        + "\n".join(keep[1])
        + "\n}"
    )


def safe_json(value: Any) -> str:
    """JSON that can stand inside a ``<script>`` element whatever texts it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _cells(notebook: Any) -> str:
    """The notebook's cells as HTML, by nbconvert with the project's template."""
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        config=Config({"CSSHTMLHeaderPreprocessor": {"enabled": False}}),
        template_name=TEMPLATES.name,
        extra_template_basedirs=[str(TEMPLATES.parent)],
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    body, _ = exporter.from_notebook_node(notebook)
    return str(body)


def _text(markup: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", markup)).strip()


def _headings(body: str) -> list[tuple[str, str]]:
    return [
        (unescape(anchor), _text(markup))
        for anchor, markup in re.findall(r'<h2[^>]*\bid="([^"]*)"[^>]*>(.*?)</h2>', body, re.DOTALL)
    ]


def render_page(
    notebook: Any,
    *,
    name: str,
    parameters: Mapping[str, Any],
    changed: Sequence[str],
    tables: Sequence[TableLink],
    tables_at: str,
    to_index: str,
    facts: Mapping[str, Any],
    error: str | None,
) -> Page:
    """Render a report.

    Args:
        notebook: The executed notebook; it is changed.
        name: The report's name.
        parameters: All parameters with their values.
        changed: Names of those that differ from the defaults.
        tables: The tables to link to.
        tables_at: Their folder, relative to the page.
        to_index: The index's address, relative to the page.
        facts: ``versions``, ``commit``, ``dirty``, ``lock``, ``seconds`` and ``finished``.
        error: What went wrong, or None.

    Returns:
        The page and what the index shows of it.
    """
    from markupsafe import Markup

    from workbench.reporting.provenance import merge

    extracted: Extracted = make_static(notebook)
    body = _cells(notebook)
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", body, re.DOTALL)
    title = _text(heading.group(1)) if heading else name
    paragraph = re.search(r"<p>(.*?)</p>", body, re.DOTALL)
    scripts = []
    if extracted.charts:
        scripts = [vega_bundle(), (TEMPLATES / "charts.js").read_text("utf-8")]
    html = (
        templates()
        .get_template("page.html.j2")
        .render(
            title=title,
            name=name,
            policy=policy(scripts),
            style=Markup(style() + _code_style()),  # noqa: S704 - files of this project and pygments
            body=Markup(body),  # noqa: S704 - nbconvert escaped what is text; the policy stops scripts
            headings=_headings(body),
            charts=Markup(safe_json(extracted.charts)),  # noqa: S704 - safe_json escapes for scripts
            scripts=[Markup(one) for one in scripts],  # noqa: S704 - ours and vl-convert's
            parameters=parameters,
            changed=list(changed),
            tables=list(tables),
            tables_at=tables_at,
            to_index=to_index,
            facts=facts,
            declared=merge(extracted.declared),
            error=error,
        )
    )
    return Page(html, title, _text(paragraph.group(1)) if paragraph else "", extracted.thumbnail)
