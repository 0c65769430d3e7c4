"""The ways to the same environment agree: pyproject.toml, environment.yml, the locks, make."""

import os
import re
import subprocess
import tomllib

import pytest
import yaml


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


def names(requirements):
    return {re.match(r"[A-Za-z0-9._-]+", one)[0].lower().replace("_", "-") for one in requirements}


def locked(root, name):
    """Versions by name, and whether each entry has hashes."""
    text = (root / name).read_text("utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    found = {}
    for entry in entries:
        match = re.match(r"([a-z0-9._-]+)==([^ ;\\\n]+)", entry)
        assert match, entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
        found.setdefault(match[1].replace("_", "-").replace(".", "-"), set()).add(match[2])
    return found


def test_conda_gets_python_and_pip_and_the_rest_from_the_project(root, project):
    environment = yaml.safe_load((root / "environment.yml").read_text("utf-8"))
    conda = [one for one in environment["dependencies"] if isinstance(one, str)]
    [pip] = [one["pip"] for one in environment["dependencies"] if isinstance(one, dict)]
    assert f"python{project['requires-python']}" in conda
    assert "pip" in conda
    # Nothing is said twice: the project's own list is the only one.
    assert pip == ["-e ."]
    assert len(conda) == 2
    assert environment["name"] == project["name"]


def test_the_cards_packages_are_dependencies(project):
    card = {"jupyterlab", "ipywidgets", "altair", "tokenizers", "polars", "papermill"}
    assert card <= names(project["dependencies"])


def test_the_locks_hold_every_dependency_with_hashes_and_no_address(root, project):
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (root / name).read_text("utf-8")
        assert not re.search(r"https?://|--index|--find-links|file:", text)
        assert names(project["dependencies"]) <= set(locked(root, name))
    assert {"hatchling", "editables"} <= set(locked(root, "requirements.lock"))


def test_the_development_lock_only_adds(root):
    runtime, dev = locked(root, "requirements.lock"), locked(root, "requirements-dev.lock")
    assert {name: dev.get(name) for name in runtime} == runtime
    assert {"pytest", "ruff", "mypy", "playwright", "nbstripout"} <= set(dev) - set(runtime)


def test_the_gigabytes_of_torch_stay_out_of_the_locks(root):
    assert "torch" not in locked(root, "requirements-dev.lock")


def test_make_help_lists_every_target_of_the_makefile(root):
    text = (root / "Makefile").read_text("utf-8")
    targets = set(re.search(r"\.PHONY: (.*)", text)[1].split())
    said = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True)
    assert set(re.findall(r"make ([\w-]+)", said.stdout)) == targets


def make_with(root, tmp_path, **variables):
    """`make report` in a copy of what it needs before the first package is installed."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "scripts"):
        (tmp_path / name).symlink_to(root / name)
    given = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["make", "report", *given],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MAKEFLAGS": ""},
    )


def test_a_python_that_is_too_old_is_refused_in_a_sentence(root, tmp_path):
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = make_with(root, tmp_path, PYTHON=old)
    assert done.returncode != 0
    assert "(Python 3.9.2): the workbench needs Python 3.11 or later" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_python_that_is_not_there_is_named(root, tmp_path):
    done = make_with(root, tmp_path, PYTHON="/nowhere/python3")
    assert done.returncode != 0
    assert "PYTHON=/nowhere/python3 does not fit" in done.stderr


def test_ci_lets_no_browser_test_be_skipped(root):
    text = (root / ".ci" / "run").read_text("utf-8")
    assert os.access(root / ".ci" / "run", os.X_OK)
    assert "WORKBENCH_REQUIRE_BROWSER=1 make test" in text
    assert re.search(r"apt-get install .*\bchromium\b", text)
