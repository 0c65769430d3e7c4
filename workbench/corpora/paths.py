"""From what a user types to files: paths, lists, globs, directories, and their formats."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.corpora.fields import (
    EMPTY_FILE,
    OTHER_FILE,
    UNREADABLE_FILE,
    CorpusError,
    Fields,
    Sieve,
    near,
    resolve_columns,
)
from workbench.corpora.shards import Piece
from workbench.corpora.tables import open_parquet
from workbench.corpora.textfiles import FileRange, read_header
from workbench.corpora.wholefiles import TextFile, WholeFiles

FORMATS: dict[str, str] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".rst": "text",
    ".log": "text",
}
"""What a suffix says; `format=` says it for any other."""

KINDS = ("parquet", "jsonl", "csv", "tsv", "text")

COMPRESSIONS: dict[str, str] = {
    ".gz": "gz",
    ".bz2": "bz2",
    ".xz": "xz",
    ".zst": "zst",
    ".zstd": "zst",
}


@dataclass(frozen=True)
class FileOptions:
    """How files are read, beyond their fields.

    Attributes:
        format: one of `KINDS`; None goes by the suffix.
        documents: "line" or "file": what a document of a text file is.
        separator: of CSV; None is a comma, or a tab in .tsv.
        quote: of CSV; None where quotes are ordinary text.
    """

    format: str | None = None
    documents: str = "line"
    separator: str | None = None
    quote: str | None = '"'


def format_of(path: str) -> tuple[str | None, str | None]:
    """Return what a path's suffixes say: format and compression, None where they say nothing.

    Example:
        >>> format_of("a/b.jsonl.gz"), format_of("a.pdf")
        (('jsonl', 'gz'), (None, None))
    """
    suffixes = [one.lower() for one in Path(path).suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    if compression:
        suffixes.pop()
    return (FORMATS.get(suffixes[-1]) if suffixes else None), compression


def find_files(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    options: FileOptions,
    found: Counter[str],
) -> tuple[list[str], str]:
    """Find the files a user means.

    Args:
        source: a path, a glob (`**` for any depth), a directory, or a list of these.
        options: a directory is searched for files of this format, or of any known one.
        found: takes the number of files of a directory that are of another kind.

    Returns:
        The files (a list in the order given, a glob and a directory sorted), and the folder that
        their labels are relative to.

    Raises:
        CorpusError: If there is no such file, or one is named twice.

    Example:
        >>> find_files("reviews/*.jsonl", FileOptions(), Counter())  # doctest: +SKIP
        (['reviews/a.jsonl', 'reviews/b.jsonl'], 'reviews')
    """
    many = not isinstance(source, (str, os.PathLike))
    each = [os.fspath(one) for one in source] if many else [os.fspath(source)]  # type: ignore[union-attr,arg-type]
    if not each:
        raise CorpusError("the list of files is empty; name at least one")
    files: list[str] = []
    for one in each:
        files += _expand(str(Path(one).expanduser()), options, found)
    twice = [path for path, number in Counter(map(os.path.realpath, files)).items() if number > 1]
    if twice:
        raise CorpusError(f"{twice[0]} is named twice; name each file once")
    only = str(Path(each[0]).expanduser())
    base = only if len(each) == 1 and Path(only).is_dir() else _common_folder(files)
    return files, base


def _expand(one: str, options: FileOptions, found: Counter[str]) -> list[str]:
    path = Path(one)
    if path.is_dir():
        return _in_directory(one, options, found)
    if path.exists():
        return [one]
    if re.search(r"[*?\[]", one):
        matches = glob.glob(one, recursive=True)  # noqa: PTH207  (Path.glob takes no absolute one)
        files = sorted(match for match in matches if Path(match).is_file())
        if not files:
            raise CorpusError(
                f"the pattern {one!r} matches no file (from {Path.cwd()}); check it, and use ** "
                "for folders at any depth"
            )
        return files
    folder = path.parent
    entries = folder.iterdir() if folder.is_dir() else iter(())
    beside = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    where = near(path.name, beside) if folder.is_dir() else f"nor is there a folder {str(folder)!r}"
    raise CorpusError(f"there is no file {one!r}: {where}")


def _in_directory(folder: str, options: FileOptions, found: Counter[str]) -> list[str]:
    files: list[str] = []
    others: Counter[str] = Counter()
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in sorted(names):
            if name.startswith((".", "_")):
                continue
            known = format_of(name)[0]
            if known is not None and options.format in (None, known):
                files.append(str(Path(here, name)))
            else:
                others[Path(name).suffix or name] += 1
    if not files:
        there = ", ".join(f"{n} × {suffix}" for suffix, n in others.most_common(6)) or "nothing"
        raise CorpusError(
            f"the directory {folder!r} holds no file of texts ({there}); known suffixes are "
            f"{', '.join(FORMATS)}, also with {', '.join(COMPRESSIONS)}; for others give a glob "
            "and format="
        )
    if others:
        found[OTHER_FILE] += others.total()
    return sorted(files)


def _common_folder(files: list[str]) -> str:
    folders = {str(Path(path).absolute().parent) for path in files}
    try:
        return os.path.commonpath(folders)
    except ValueError:  # two drives of Windows
        return ""


def open_files(
    files: list[str], base: str, fields: Fields, options: FileOptions, found: Counter[str]
) -> list[Piece]:
    """Check that files can be read, as far as their beginnings tell, and describe them.

    Args:
        files: local paths.
        base: the folder that labels are relative to.
        fields: how a record becomes a document.
        options: how files are read.
        found: takes files that are skipped, by reason.

    Returns:
        Pieces in the order of the files.

    Raises:
        CorpusError: If a file is empty, damaged, of unknown format, or lacks a column.
    """
    sieve = Sieve(fields.errors, found)
    pieces: list[Piece] = []
    whole: list[TextFile] = []
    for path in files:
        label = _label(path, base)
        known, compression = format_of(path)
        kind = options.format or known
        if kind is None:
            raise CorpusError(
                f"what {path} holds does not show from its name; pass format= one of "
                f'{", ".join(map(repr, KINDS))} (format="text" with documents="line" or "file")'
            )
        try:
            size = _size(path)
            if size == 0:
                raise CorpusError(  # noqa: TRY301  (one way for all files that are not to be had)
                    f'{path} is empty (0 bytes); remove it from the corpus, or pass errors="skip"'
                )
            piece = _open(path, label, size, kind, compression, fields, options)
        except CorpusError as error:
            empty = Path(path).is_file() and Path(path).stat().st_size == 0
            sieve.reject(EMPTY_FILE if empty else UNREADABLE_FILE, str(error))
            continue
        if isinstance(piece, TextFile):
            whole.append(piece)
            continue
        if whole:
            pieces.append(WholeFiles(tuple(whole), fields))
            whole = []
        pieces.append(piece)
    if whole:
        pieces.append(WholeFiles(tuple(whole), fields))
    if not pieces:
        reasons = ", ".join(f"{reason}: {number}" for reason, number in found.items())
        raise CorpusError(f"no file is left to read ({reasons}); load one without errors= to see")
    return pieces


def _open(
    path: str,
    label: str,
    size: int,
    kind: str,
    compression: str | None,
    fields: Fields,
    options: FileOptions,
) -> Piece | TextFile:
    """Describe one file, after a look at its header or footer."""
    numbered = replace(fields, prefix=f"{label}:")
    if kind == "parquet":
        return open_parquet(path, label, size, numbered)
    if kind == "text" and options.documents == "file":
        return TextFile(path, label, size, compression)
    if kind in {"csv", "tsv"}:
        separator = options.separator or ("\t" if kind == "tsv" else ",")
        header = read_header(path, compression, separator, options.quote)
        try:
            resolve_columns(header, numbered, path)
        except CorpusError as error:
            other = next((mark for mark in ";\t|," if len(header) == 1 and mark in header[0]), None)
            hint = f"; is the separator {other!r}? pass separator={other!r}" if other else ""
            raise CorpusError(f"{error}{hint}") from None
        return FileRange(
            path,
            label,
            "csv",
            size,
            numbered,
            compression,
            header=header,
            separator=separator,
            quote=options.quote,
        )
    return FileRange(path, label, kind, size, numbered, compression)


def _size(path: str) -> int:
    try:
        if not Path(path).is_file():
            raise CorpusError(f"{path} is no regular file; a pipe or device is copied to one first")
        with Path(path).open("rb"):
            return Path(path).stat().st_size
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be opened ({error.strerror}); check its rights"
        ) from error


def _label(path: str, base: str) -> str:
    absolute = Path(path).absolute()
    folder = Path(base).absolute()
    inside = base and absolute.is_relative_to(folder)
    return (absolute.relative_to(folder) if inside else absolute).as_posix()
