"""The data of a report: Parquet, CSV and LaTeX, the same bytes from the same inputs."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.reporting.parameters import ReportError

if TYPE_CHECKING:
    import polars as pl

REPORT_DIR = "WORKBENCH_REPORT_DIR"
"""The variable that tells a notebook where the report under way keeps its tables."""


def save_table(frame: pl.DataFrame | pl.LazyFrame, name: str) -> pl.DataFrame:
    """Keep a table with the report, as ``name.parquet``, ``name.csv`` and ``name.tex``.

    Outside a report (a notebook open in JupyterLab) nothing is written. In the CSV and the LaTeX,
    nested values are JSON and bytes are hexadecimal; the Parquet file has the types themselves.
    The LaTeX is a ``longtable`` with the rules of ``booktabs``, fractions rounded to four
    significant digits.

    Args:
        frame: The table; a lazy one is collected. Rows must come in an order that does not change
            from run to run, for the files are promised to be the same to the byte.
        name: Lower-case letters, digits, ``_`` and ``-``; it becomes the file's name.

    Returns:
        The table, so that a cell can end with it.

    Raises:
        ReportError: A name that is no file name, or one that this report already used.

    Example:
        >>> import polars as pl
        >>> save_table(pl.DataFrame({"tokens": [3]}), "counts").item()
        3
    """
    import polars as pl

    table = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise ReportError(
            f"save_table cannot name a file {name!r}: use lower-case letters, digits, _ and -"
        )
    folder = os.environ.get(REPORT_DIR)
    if folder:
        parquet = Path(folder) / f"{name}.parquet"
        if parquet.exists():
            raise ReportError(
                f"this report already has a table {name!r}: give this one another name"
            )
        flat = _flat(table)
        flat.write_csv(Path(folder) / f"{name}.csv")
        (Path(folder) / f"{name}.tex").write_text(as_latex(flat), encoding="utf-8", newline="\n")
        table.write_parquet(parquet, compression="zstd", statistics=False)
    return table


def _flat(table: pl.DataFrame) -> pl.DataFrame:
    """The same rows with nothing that CSV cannot say."""
    import polars as pl

    columns = []
    for series in table:
        if series.dtype.is_nested():
            texts = [
                None if value is None else json.dumps(value, ensure_ascii=False, default=str)
                for value in series.to_list()
            ]
            columns.append(pl.Series(series.name, texts, dtype=pl.String))
        elif series.dtype == pl.Binary:
            columns.append(series.bin.encode("hex"))
        else:
            columns.append(series)
    return pl.DataFrame(columns)


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\n": " ",
        "\r": " ",
        **{c: "\\" + c for c in "&%$#_{}"},
    }
)


def as_latex(table: pl.DataFrame) -> str:
    r"""A table as LaTeX: a ``longtable`` with the rules of ``booktabs``.

    Args:
        table: Its columns hold numbers, texts, booleans or dates.

    Returns:
        The source, texts escaped; nulls are empty cells. Texts in other scripts need XeLaTeX or
        LuaLaTeX and a font that has them.

    Example:
        >>> import polars as pl
        >>> print(as_latex(pl.DataFrame({"a_b": ["50%"], "n": [1.23456]})).splitlines()[5])
        50\% & 1.235 \\
    """

    def cell(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, float):
            return f"{value:.4g}"
        return str(value).translate(_LATEX)

    turn = "".join("r" if dtype.is_numeric() else "l" for dtype in table.dtypes)
    rows = [" & ".join(map(cell, row)) + r" \\" for row in table.iter_rows()]
    head = " & ".join(name.translate(_LATEX) for name in table.columns) + r" \\"
    begin = r"\begin{longtable}{" + turn + "}"
    lines = [begin, r"\toprule", head, r"\midrule", r"\endhead", *rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{longtable}", ""])


@dataclass(frozen=True)
class TableLink:
    """What a page says of one table.

    Attributes:
        name: As the notebook called it.
        rows: Number of rows.
        columns: Their names.
        parquet: File name inside the data folder.
        csv: The same as CSV.
        latex: The same as LaTeX.
    """

    name: str
    rows: int
    columns: tuple[str, ...]
    parquet: str
    csv: str
    latex: str


def list_tables(folder: Path) -> list[TableLink]:
    """The tables that a run left in its data folder, sorted by name."""
    import polars as pl

    links = []
    for path in sorted(folder.glob("*.parquet")):
        scan: Any = pl.scan_parquet(path)
        rows = scan.select(pl.len()).collect().item()
        columns = tuple(scan.collect_schema().names())
        csv, latex = f"{path.stem}.csv", f"{path.stem}.tex"
        links.append(TableLink(path.stem, rows, columns, path.name, csv, latex))
    return links
