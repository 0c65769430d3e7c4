"""Write or verify `data/checksums.json`: what each data file is, and that it is still that file.

Every file under `data/` must match exactly one `[[source]]` of `data/sources.toml`, so that no
text, word list or vocabulary enters the repository without its source and licence. Descriptions
(`README.md`, `sources.toml`, `checksums.json`) and hidden files are left out.

    python scripts/checksums.py            # write data/checksums.json
    python scripts/checksums.py --check    # change nothing; exit 1 and say what differs
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
DESCRIPTIONS = frozenset({"README.md", "sources.toml", "checksums.json"})
FIELDS = ("source", "licence", "note")


class SourcesError(ValueError):
    """A data file has no source, two sources, or a source describes nothing."""


def data_files(data: Path) -> list[str]:
    """List the files to be described, relative to `data`, with forward slashes, sorted.

    Args:
        data: the data directory.

    Returns:
        Relative POSIX paths, without descriptions and hidden files.

    Example:
        >>> "parallel/eng_Latn.txt" in data_files(DATA)
        True
    """
    found = []
    for path in data.rglob("*"):
        relative = path.relative_to(data)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if path.is_file() and not hidden and path.name not in DESCRIPTIONS:
            found.append(relative.as_posix())
    return sorted(found)


def describe(data: Path) -> dict[str, dict[str, str]]:
    """Hash every data file and join it with its entry of `sources.toml`.

    Args:
        data: the data directory, which holds `sources.toml`.

    Returns:
        Relative path -> `{"sha256", "source", "licence", "note"}`; `sha256` is lower-case hex
        over the file's bytes (FIPS 180-4).

    Raises:
        SourcesError: if a file matches no source or more than one, if a source matches no
            file, or if a source lacks a field.

    Example:
        >>> describe(DATA)["parallel/eng_Latn.txt"]["licence"]
        'MIT'
    """
    entries = tomllib.loads((data / "sources.toml").read_text(encoding="utf-8"))["source"]
    files = data_files(data)
    owners: dict[str, list[dict[str, str]]] = {name: [] for name in files}
    for entry in entries:
        missing = [field for field in ("path", *FIELDS) if not str(entry.get(field, "")).strip()]
        if missing:
            raise SourcesError(
                f"The source {entry.get('path', entry)!r} in {data / 'sources.toml'} has no "
                f"{', '.join(missing)}; write down where the data comes from and its licence."
            )
        matched = {path.relative_to(data).as_posix() for path in data.glob(entry["path"])}
        matched &= owners.keys()
        if not matched:
            raise SourcesError(
                f"The source path {entry['path']!r} matches no file under {data}; "
                "correct the path or remove the entry from sources.toml."
            )
        for name in matched:
            owners[name].append(entry)
    for name, found in owners.items():
        if len(found) != 1:
            paths = [entry["path"] for entry in found]
            raise SourcesError(
                f"{name} matches {len(found)} sources {paths} in sources.toml; "
                "each data file needs exactly one [[source]] with its licence."
            )
    return {
        name: {
            "sha256": hashlib.sha256((data / name).read_bytes()).hexdigest(),
            **{field: " ".join(owners[name][0][field].split()) for field in FIELDS},
        }
        for name in files
    }


def render(table: dict[str, dict[str, str]]) -> str:
    r"""Spell the table as the JSON that is committed: sorted, indented, final newline.

    Args:
        table: what `describe` returned.

    Returns:
        JSON text.

    Example:
        >>> render({})
        '{}\n'
    """
    return json.dumps(table, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def differences(recorded: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> list[str]:
    """Say in sentences how two tables differ.

    Args:
        recorded: the committed table.
        now: the table of the files as they are.

    Returns:
        One sentence per file that is new, gone or changed; empty if none is.

    Example:
        >>> differences({"a": {"sha256": "0"}}, {})
        ['a is recorded but missing.']
    """
    sentences = []
    for name in sorted(recorded.keys() | now.keys()):
        if name not in now:
            sentences.append(f"{name} is recorded but missing.")
        elif name not in recorded:
            sentences.append(f"{name} is not recorded.")
        elif recorded[name] != now[name]:
            fields = [key for key in now[name] if recorded[name].get(key) != now[name][key]]
            sentences.append(f"{name} differs from its record in {', '.join(fields)}.")
    return sentences


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; see the module's docstring.

    Args:
        arguments: the arguments after the program's name; None takes them from the process.

    Returns:
        The exit status: 0, or 1 where `--check` found a difference or a source is missing.

    Example:
        >>> main(["--check"])
        0
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="verify, write nothing")
    parser.add_argument("--data", type=Path, default=DATA, help="the data directory")
    options = parser.parse_args(arguments)
    target = options.data / "checksums.json"
    try:
        now = describe(options.data)
    except SourcesError as error:
        print(error, file=sys.stderr)
        return 1
    if not options.check:
        target.write_text(render(now), encoding="utf-8", newline="\n")
        print(f"{target}: {len(now)} files")
        return 0
    recorded = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    sentences = differences(recorded, now)
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    if sentences:
        print("Run `python scripts/checksums.py` if the change is meant.", file=sys.stderr)
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
