"""The command line: what it prints, what it refuses, and its exit status."""

import os
import subprocess
import sys

import nbformat
import pytest
from click.testing import CliRunner

from workbench.cli import main


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def notebook(tmp_path):
    cells = [
        nbformat.v4.new_markdown_cell("# A small one\n\nIs n positive?"),
        nbformat.v4.new_code_cell(
            "n: int = 1  # a number\nname: str = 'x'  # a name", metadata={"tags": ["parameters"]}
        ),
        nbformat.v4.new_code_cell("assert n > 0, 'n is not positive'\nn"),
    ]
    path = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_help_names_the_commands(run):
    said = run("--help").output
    for command in ("report", "lab", "tokenizers", "check", "tokenize"):
        assert command in said


def test_it_also_runs_as_a_module(root):
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--help"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.stdout.startswith("Usage: workbench ")


def test_lab_passes_options_on(root):
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "lab", "--version"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.stdout.startswith("4.")


def test_a_grid_of_reports_one_of_which_fails(run, notebook, tmp_path):
    out = tmp_path / "out"
    done = run("report", notebook, "-p", "n=1", "-p", "n=-1", "-p", "name=y", "-o", out)
    assert done.exit_code == 1
    assert "small--n=-1--name=y: FAILED" in done.output
    assert "AssertionError: n is not positive" in done.output
    assert "1 of 2 reports are in place." in done.output
    assert f"Open {out / 'index.html'}" in done.output
    assert sorted(path.name for path in out.iterdir()) == [
        ".work",
        "index.html",
        "small--n=-1--name=y.failed.html",
        "small--n=-1--name=y.failed.ipynb",
        "small--name=y.html",
    ]
    again = run("report", notebook, "-p", "name=y", "-o", out)
    assert again.exit_code == 0
    assert "small--name=y: unchanged" in again.output


def test_a_grid_from_a_file(run, notebook, tmp_path):
    runs = tmp_path / "runs.yaml"
    runs.write_text(f"- notebook: {notebook}\n  grid: {{n: [2, 3]}}\n")
    done = run("report", "--grid", runs, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "2 of 2 reports are in place." in done.output
    assert "-p goes with named notebooks" in run("report", "--grid", runs, "-p", "n=1").output


def test_of_several_notebooks_each_takes_what_it_has(run, notebook, tmp_path):
    other = notebook.with_name("other.ipynb")
    book = nbformat.read(notebook, as_version=4)
    book.cells[1].source = "n: int = 1  # a number\nsize: int = 1  # another"
    nbformat.write(book, other)
    out = tmp_path / "out"
    done = run("report", notebook, other, "-p", "n=2", "-p", "name=y", "-p", "size=5", "-o", out)
    assert done.exit_code == 0, done.output
    assert "small--n=2--name=y: " in done.output
    assert "other--n=2--size=5: " in done.output
    nobody = run("report", notebook, other, "-p", "nobody=1", "-o", out)
    assert "small was not run: it has no parameter 'nobody'" in nobody.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-p", "m=1"], "small was not run: it has no parameter 'm'"),
        (["-p", "nam=y"], "did you mean name"),
        (["-p", "n=one"], "n is 'one', but int is expected (a number)"),
        (["-p", "n"], "write -p name=value"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(run, notebook, tmp_path, arguments, says):
    out = tmp_path / "out"
    done = run("report", notebook, *arguments, "-o", out)
    assert done.exit_code == 1
    assert says in done.output
    assert "Traceback" not in done.output
    assert not out.exists()


def test_the_parameters_can_be_listed(run, notebook):
    said = run("report", notebook, "--parameters").output
    assert "small.ipynb" in said
    assert "n: int = 1  # a number" in said


def test_an_unknown_notebook_is_refused(run):
    done = run("report", "no-such-notebook")
    assert done.exit_code == 1
    assert "there is no notebook 'no-such-notebook'" in done.output


def test_the_tokenizers_are_listed(run):
    said = run("tokenizers").output
    for name in ("tekken", "deepseek-v4", "mistral-v3", "bytes"):
        assert name in said


def test_an_unknown_tokenizer_is_a_sentence(run):
    done = run("tokenize", "hello", "-t", "tekkn")
    assert done.exit_code == 1
    assert "tekken" in done.output
    assert "Traceback" not in done.output


def test_a_text_is_cut(run):
    done = run("tokenize", "hello world", "-t", "bytes", "-t", "characters")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "bytes (11): h│e│l│l│o│ │w│o│r│l│d",
        "characters (11): h│e│l│l│o│ │w│o│r│l│d",
    ]


def test_a_healthy_tokenizer_passes_its_check(run):
    done = run("check", "bytes")
    assert done.exit_code == 0, done.output
    assert "ok" in done.output
