"""`workbench`: the command line, thin over the package.

Nothing is imported before a command needs it, so `workbench --help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from workbench.reports import ReportPaths, ReportRequest


class _Group(click.Group):
    """Shows the package's own errors as sentences, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ValueError as error:  # TokenizerError, ReportError and their like
            if not type(error).__module__.startswith("workbench."):
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tokenizer-workbench", prog_name="workbench")
def main() -> None:
    """A research workbench for tokenizers."""


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "-p",
    "--parameter",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter; repeat a name with other values for a grid.",
)
@click.option(
    "--grid",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A YAML file of runs: notebook, parameters, grid.",
)
@click.option(
    "-o",
    "--output-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="How many run at the same time.")
@click.option("--force", is_flag=True, help="Run even what has not changed.")
@click.option(
    "--parameters", "show", is_flag=True, help="Only list what the notebooks may be given."
)
def report(
    names: tuple[str, ...],
    assignments: tuple[str, ...],
    grid: Path | None,
    output_dir: Path,
    jobs: int | None,
    *,
    force: bool,
    show: bool,
) -> None:
    """Run notebooks and write offline HTML with an index.

    NAME is a notebook (03_tokenizer_comparison, or 03), the path of one, or `studies` for all
    studies. Without a name the numbered notebooks run.
    """
    from workbench import reports

    if show:
        _show_parameters(names)
        return
    requests = _requests(names, assignments, grid)
    results = reports.render_reports(
        requests, jobs=jobs, output_dir=output_dir, force=force, progress=True, on_done=_tell
    )
    failed = [one for one in results if one.status == "failed"]
    click.echo(f"{len(results) - len(failed)} of {len(results)} reports are in place.")
    click.echo(f"Open {(output_dir / 'index.html').resolve()}")
    if failed:
        sys.exit(1)


def _requests(
    names: tuple[str, ...], assignments: tuple[str, ...], grid: Path | None
) -> list[ReportRequest]:
    from workbench import reports
    from workbench.reporting.notebooks import expand
    from workbench.reporting.parameters import expand_grid, parse_grid, split_assignments

    requests = reports.read_requests(grid) if grid else []
    texts = split_assignments(assignments)
    chosen = expand(list(names)) if names or not requests else []
    described = {
        name: {one.name: one for one in reports.describe_parameters(name)} for name in chosen
    }
    # Of several notebooks each takes what it has; a name that none has is refused by the first.
    somewhere = {one for known in described.values() for one in known}
    for name, known in described.items():
        own = {key: value for key, value in texts.items() if key in known or key not in somewhere}
        requests += [
            reports.ReportRequest(name, values) for values in expand_grid(parse_grid(known, own))
        ]
    if texts and not names and grid:
        raise reports.ReportError(
            "-p goes with named notebooks; write the values into the grid file"
        )
    return requests


def _tell(result: ReportPaths) -> None:
    from tqdm import tqdm

    from workbench.reporting.html import duration

    how = {
        "done": f"{duration(result.seconds)}",
        "unchanged": "unchanged",
        "failed": f"FAILED after {duration(result.seconds)}: {result.error}",
    }[result.status]
    tqdm.write(
        f"{result.name}: {how}\n  {result.html}" if result.error else f"{result.name}: {how}"
    )


def _show_parameters(names: tuple[str, ...]) -> None:
    from workbench import reports
    from workbench.reporting.notebooks import expand

    for name in expand(list(names)):
        click.echo(name)
        for one in reports.describe_parameters(name):
            click.echo(f"  {one.name}: {one.type} = {one.default!r}  # {one.help}")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def lab(options: tuple[str, ...]) -> None:
    """Open JupyterLab on the notebooks; OPTIONS go to it, such as --no-browser."""
    import os

    from workbench.reporting.notebooks import notebooks_dir

    command = [sys.executable, "-m", "jupyterlab", str(notebooks_dir()), *options]
    os.execv(sys.executable, command)  # noqa: S606 - this Python, with arguments made here


@main.command()
def tokenizers() -> None:
    """List the tokenizers that have a name here."""
    import polars as pl

    import workbench as wb

    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=160,
        fmt_str_lengths=60,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
    ):
        click.echo(str(wb.list_tokenizers()))


@main.command()
@click.argument("name")
def check(name: str) -> None:
    """Check the health of a tokenizer: NAME, a hub id or a path."""
    import polars as pl

    import workbench as wb

    checks = wb.check_tokenizer(name)  # the name, so that what a file stores is examined too
    for row in checks.iter_rows(named=True):
        mark = "ok  " if row["passed"] else "    " if row["passed"] is None else "FAIL"
        click.echo(f"{mark} {row['check']}: {row['evidence']}")
    failed = checks.filter(
        ~pl.col("passed").fill_null(value=True) & (pl.col("severity") == "error")
    )
    if failed.height:
        sys.exit(1)


@main.command()
@click.argument("text")
@click.option(
    "-t",
    "--tokenizer",
    "names",
    multiple=True,
    default=("tekken",),
    show_default=True,
    help="A tokenizer; repeat it to see several.",
)
def tokenize(text: str, names: tuple[str, ...]) -> None:
    """Show the tokens of TEXT: one line per tokenizer, cuts as bars."""
    import workbench as wb

    loaded = [wb.load_tokenizer(name) for name in names]
    for one in loaded:
        seg = wb.segment(text, one)
        shown = "│".join(token.data.decode("utf-8", "backslashreplace") for token in seg.tokens)
        click.echo(f"{one.name} ({len(seg)}): {shown}")
