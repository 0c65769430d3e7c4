"""Corpora built from what is installed here: code, licences, documentation, CLDR names.

They cost no download and are real text, but differ from one environment to the next: their
checksum says which text was read. Order is fixed by sorted names. What takes seconds to build is
kept as Parquet in the user's cache folder until the installed packages change.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.metadata
import inspect
import io
import json
import os
import platform
import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from workbench.corpora.bundled import choose
from workbench.corpora.corpus import Corpus
from workbench.corpora.fields import DUPLICATE, INVALID_UTF8, SCHEMA, CorpusError, Fields
from workbench.corpora.index import cache_dir, write_atomically
from workbench.corpora.tables import FrameRows
from workbench.corpora.wholefiles import TextFile, WholeFiles

RECIPE = 1
"""Counted up when a corpus is built differently, so that none is recalled from before."""

NOT_LIBRARY = frozenset(
    {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "lib-dynload"}
)
"""Folders of the standard library that hold tests, or are not part of it."""

LICENCE_FILE = re.compile(r"(?i)licen[cs]e|copying|notice|copyright")
NOT_TEXT = (".py", ".pyc", ".json", ".html", ".htm", ".png", ".so")

TERRITORIES, LANGUAGES = 230, 80
"""How many names of countries and of languages a locale must have to be taken."""


def code_files() -> list[TextFile]:
    """List the Python files of the standard library, without its tests.

    Returns:
        Files in order of their path below the library's folder; empty ones are left out.

    Example:
        >>> any(file.label == "json/decoder.py" for file in code_files())
        True
    """
    root = sysconfig.get_path("stdlib")
    files = []
    for here, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_LIBRARY]
        for name in names:
            path = Path(here, name)
            if name.endswith(".py") and (size := path.stat().st_size):
                files.append(TextFile(str(path), path.relative_to(root).as_posix(), size))
    return sorted(files, key=lambda file: file.label)


def load_code() -> Corpus:
    """Load the source of the standard library; each file is a document.

    Returns:
        A corpus with language "Python" and domain "code".
    """
    fields = Fields(language="Python", domain="code", errors="skip")
    return Corpus(
        "code",
        "installed",
        [WholeFiles(tuple(code_files()), fields)],
        source=f"standard library of {_python()}, without its tests",
        licence="PSF-2.0",
        note=f"One language, one project, one style ({_python()}); other versions have other text.",
        demonstration=False,
    )


def load_legal() -> Corpus:
    """Load the licence texts of the installed distributions, each text once.

    Returns:
        A corpus with language "eng_Latn" and domain "legal".
    """
    frame, skipped = _kept("legal", _legal)
    return Corpus(
        "legal",
        "installed",
        [FrameRows(frame)],
        source="licence files of the installed distributions, duplicates removed",
        licence="each text's own",
        note=(
            "Templates that differ in a name or a year repeat most of their words; it depends on "
            "what is installed."
        ),
        demonstration=False,
        skipped=skipped,
    )


def load_docs() -> Corpus:
    """Load documentation: descriptions of the installed distributions, docstrings of the library.

    Returns:
        A corpus with language "eng_Latn" and domains "readme" and "docstring".
    """
    frame, skipped = _kept("docs", _docs)
    return Corpus(
        "docs",
        "installed",
        [FrameRows(frame)],
        source=f"descriptions of the installed distributions, docstrings of {_python()}",
        licence="each project's own",
        note="Markdown, reStructuredText and examples in code; it depends on what is installed.",
        demonstration=False,
        skipped=skipped,
    )


def load_cldr(languages: Sequence[str] | None) -> Corpus:
    """Load the names of countries, languages, months and weekdays in many locales.

    Args:
        languages: locales such as "de" or "zh_Hant"; None for all.

    Returns:
        A corpus whose `doc_id` ("territory/FR", "month/1") is shared by all locales; the domain
        is the kind of name.

    Raises:
        CorpusError: If a locale is unknown or has too few names.
    """
    frame, _ = _kept("cldr", _cldr)
    chosen = choose(languages, frame["language"].unique(maintain_order=True).to_list(), "cldr")
    parts = frame.partition_by("language", as_dict=True)
    return Corpus(
        "cldr",
        "installed",
        [FrameRows(pl.concat([parts[(one,)] for one in chosen]))],
        source=f"Unicode CLDR, by babel {importlib.metadata.version('babel')}",
        licence="Unicode-3.0",
        note="Names, not sentences: a demonstration, not a ranking of languages.",
        demonstration=True,
    )


INSTALLED: dict[str, Callable[[], Corpus]] = {
    "code": load_code,
    "legal": load_legal,
    "docs": load_docs,
}


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"


def _distributions() -> list[importlib.metadata.Distribution]:
    """List the installed distributions by name; the first on the path where two share one."""
    found: dict[str, importlib.metadata.Distribution] = {}
    for one in importlib.metadata.distributions():
        name = one.metadata["Name"]
        if name:
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), one)
    return [found[name] for name in sorted(found)]


def _legal() -> tuple[list[tuple[str, str, str, str]], Counter[str]]:
    rows: list[tuple[str, str, str, str]] = []
    skipped: Counter[str] = Counter()
    seen: set[str] = set()
    for one in _distributions():
        for file in sorted(one.files or [], key=str):
            if not LICENCE_FILE.search(file.name) or file.name.lower().endswith(NOT_TEXT):
                continue
            try:
                text = Path(str(file.locate())).read_bytes().decode()
            except UnicodeDecodeError:
                skipped[INVALID_UTF8] += 1
                continue
            except OSError:
                continue  # recorded, but removed since: nothing to read
            if not text.strip() or text in seen:
                skipped[DUPLICATE] += bool(text.strip())
                continue
            seen.add(text)
            rows.append((f"{one.metadata['Name']}/{file.as_posix()}", text, "eng_Latn", "legal"))
    return rows, skipped


def _docs() -> tuple[list[tuple[str, str, str, str]], Counter[str]]:
    rows: list[tuple[str, str, str, str]] = []
    skipped: Counter[str] = Counter()
    seen: set[str] = set()

    def add(name: str, text: str, domain: str) -> None:
        if not text.strip():
            return
        if text in seen:
            skipped[DUPLICATE] += 1
            return
        seen.add(text)
        try:
            text.encode()
        except UnicodeEncodeError:
            skipped[INVALID_UTF8] += 1
        else:
            rows.append((name, text, "eng_Latn", domain))

    for one in _distributions():
        text = one.metadata.get_payload() or one.metadata.get("Description", "")  # type: ignore[attr-defined]
        add(f"{one.metadata['Name']}/README", str(text), "readme")
    for file in code_files():
        for name, text in _docstrings(Path(file.path)):
            add(f"{file.label}:{name}", text, "docstring")
    return rows, skipped


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (dotted name, docstring) of a module, its classes and functions."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return  # a template of a tool, not a module
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    stack: list[tuple[str, ast.AST]] = [("", tree)]
    while stack:
        name, node = stack.pop()
        if isinstance(node, (ast.Module, *kinds)):
            text = ast.get_docstring(node, clean=False)
            if text:
                yield f"{name or 'module'}@{getattr(node, 'lineno', 1)}", inspect.cleandoc(text)
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, kinds)]
        stack += [(f"{name}.{child.name}".lstrip("."), child) for child in reversed(inner)]


def _cldr() -> tuple[list[tuple[str, str, str, str]], Counter[str]]:
    from babel import localedata

    root = _names(localedata.load("root"))
    locales: dict[str, dict[str, str]] = {}
    for one in sorted(localedata.locale_identifiers()):
        if re.search(r"_([A-Z]{2}|\d{3})(_|$)", one) or one == "root":
            continue  # a region repeats its language
        names = _names(localedata.load(one))
        own = {key: name for key, name in names.items() if root.get(key) != name}
        kinds = Counter(key.partition("/")[0] for key in own)
        if (
            kinds["territory"] >= TERRITORIES
            and kinds["language"] >= LANGUAGES
            and (kinds["month"], kinds["weekday"]) == (12, 7)
        ):
            locales[one] = own
    if not locales:
        raise CorpusError("the installed babel has no locale with enough names; install another")
    shared = sorted(set.intersection(*(set(own) for own in locales.values())))
    return [
        (key, own[key], one, key.partition("/")[0])
        for one, own in locales.items()
        for key in shared
    ], Counter()


def _names(data: object) -> dict[str, str]:
    """Return "kind/code" -> name of one locale's data."""
    found: dict[str, str] = {}
    tables = (
        ("territory", ("territories",)),
        ("language", ("languages",)),
        ("month", ("months", "format", "wide")),
        ("weekday", ("days", "format", "wide")),
    )
    for kind, path in tables:
        table = data
        for key in path:
            table = table[key] if hasattr(table, "keys") and key in table else {}  # type: ignore[index,operator]
        if not hasattr(table, "items"):
            continue
        for code, name in table.items():
            if isinstance(name, str) and (kind != "territory" or re.fullmatch("[A-Z]{2}", code)):
                found[f"{kind}/{code}"] = name
    return found


def _state() -> str:
    """Hash what the built corpora depend on: Python, and which packages are installed.

    Folders such as `polars-1.44.2.dist-info` say both, so no metadata is read.
    """
    names: set[str] = set()
    for folder in map(Path, sys.path):
        if folder.is_dir():
            found = (entry.name for entry in folder.iterdir())
            names.update(name for name in found if name.endswith((".dist-info", ".egg-info")))
    return hashlib.sha256(json.dumps([RECIPE, sys.version, sorted(names)]).encode()).hexdigest()


def _kept_path(name: str) -> Path:
    environment = hashlib.sha256(sys.prefix.encode()).hexdigest()[:12]
    return cache_dir() / "installed" / f"{name}-{environment}.parquet"


def recall(name: str) -> tuple[pl.DataFrame, dict[str, int]] | None:
    """Return a corpus that was built before from the same packages, or None.

    Args:
        name: "legal", "docs" or "cldr".

    Returns:
        The documents and what was left out, by reason.
    """
    path = _kept_path(name)
    try:
        said = pl.read_parquet_metadata(path)
        if said.get("state") != _state():
            return None
        skipped: dict[str, int] = json.loads(said["skipped"])
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        return None
    return (frame, skipped) if dict(frame.schema) == SCHEMA else None


def _kept(
    name: str, build: Callable[[], tuple[list[tuple[str, str, str, str]], Counter[str]]]
) -> tuple[pl.DataFrame, dict[str, int]]:
    recalled = recall(name)
    if recalled is not None:
        return recalled
    rows, counts = build()
    if not rows:
        raise CorpusError(f"{name!r} is built from installed packages, and here they hold no text")
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    skipped = dict(sorted(counts.items()))
    target = io.BytesIO()
    frame.write_parquet(target, metadata={"state": _state(), "skipped": json.dumps(skipped)})
    with contextlib.suppress(OSError):
        write_atomically(_kept_path(name), target.getvalue())
    return frame, skipped
