"""`load_corpus` and `list_corpora`: from what a user names to documents."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from workbench.corpora.bundled import load_flores, load_parallel, load_prose
from workbench.corpora.corpus import Corpus
from workbench.corpora.fields import (
    CorpusError,
    Fields,
    Sieve,
    check_types,
    near,
    resolve_columns,
    tidy,
)
from workbench.corpora.installed import INSTALLED, code_files, load_cldr, recall
from workbench.corpora.paths import KINDS, FileOptions, find_files, format_of, open_files
from workbench.corpora.tables import FrameRows, QueryRows, translated

NAMES = ("parallel", "prose", "code", "legal", "docs", "cldr", "flores")
"""What `load_corpus` knows by name."""

SCHEMES = ("hf", "s3", "s3a", "gs", "gcs", "az", "azure", "adl", "abfs", "abfss", "http", "https")
"""Addresses that polars reads."""

RETRIES = 2
"""How often a remote request is tried again, unless `storage_options` says otherwise."""


def load_corpus(
    source: Any,
    *,
    path: str | os.PathLike[str] | None = None,
    languages: Sequence[str] | None = None,
    split: str | None = None,
    text_column: str = "text",
    id_column: str | None = None,
    language_column: str | None = None,
    domain_column: str | None = None,
    language: str | None = None,
    domain: str | None = None,
    format: str | None = None,  # noqa: A002  (the name people try)
    documents: str = "line",
    blank_lines: str = "keep",
    separator: str | None = None,
    quote_char: str | None = '"',
    errors: str = "raise",
    storage_options: dict[str, Any] | None = None,
    name: str | None = None,
) -> Corpus:
    r"""Load documents from a name, files, a frame or an address.

    Text is kept to the byte: Unicode is not normalized and white space is not touched. In line mode
    a document ends at LF or CRLF, which are not part of it; a whole file keeps its line ends and
    its byte order mark. An empty cell of a CSV file is an empty text, since CSV has no null.

    Args:
        source: one of

            - a name: "parallel", "prose" (bundled); "code", "legal", "docs", "cldr" (built from
              what is installed); "flores" (with `path`);
            - a file, a glob, a directory, or a list of these: Parquet, JSON lines (.jsonl,
              .ndjson), CSV, TSV, text; all but Parquet also as .gz, .bz2, .xz or .zst;
            - a polars frame, lazy frame or series, or any object with the dataframe or the Arrow
              protocol (pandas, pyarrow, DuckDB);
            - an address that polars reads: `hf://datasets/...`, `s3://...`, `https://...`;
            - a `Corpus`, which is returned.
        path: the folder of FLORES-200.
        languages: keep these only; for "flores", "parallel" and "prose" codes like "deu_Latn", for
            "cldr" locales like "de".
        split: of FLORES-200: "dev", "devtest" or "both" (the default).
        text_column: the column or JSON key of the texts.
        id_column: the one of `doc_id`; None takes "doc_id" if there is one, else file and row.
        language_column: None takes "language" if there is one, else null.
        domain_column: None takes "domain" if there is one, else null.
        language: a constant for all documents, such as "deu_Latn".
        domain: the same for `domain`.
        format: "parquet", "jsonl", "csv", "tsv" or "text", where the suffix does not say it.
        documents: "line" or "file": what a document of a text file is.
        blank_lines: "keep" or "skip": whether an empty line of a text file is a document; those
            left out are counted in `.skipped`.
        separator: of CSV, one ASCII character; None is a comma, or a tab for TSV.
        quote_char: of CSV; None where quotes are ordinary text.
        errors: "raise" names the file, the row and the remedy; "skip" leaves out what is no
            document and counts it in `.skipped`.
        storage_options: of an address: keys, endpoint, region, `max_retries` (polars' names).
        name: what reports call the corpus.

    Returns:
        A corpus; beginnings of files are looked at, their content is read when it is needed.

    Raises:
        CorpusError: If the source is not there or cannot be read, or an option is wrong.

    Example:
        >>> corpus = load_corpus("parallel", languages=["eng_Latn", "deu_Latn"])
        >>> corpus.scan().select("doc_id", "language").head(1).collect().row(0)
        ('01', 'eng_Latn')
        >>> load_corpus(pl.DataFrame({"body": ["a b"]}), text_column="body").head()["text"][0]
        'a b'
    """
    _check("errors", errors, ("raise", "skip"))
    _check("documents", documents, ("line", "file"))
    _check("blank_lines", blank_lines, ("keep", "skip"))
    _check("format", format, (None, *KINDS))
    for option, mark in (("separator", separator), ("quote_char", quote_char)):
        if mark is not None and (len(mark) != 1 or not mark.isascii() or mark in "\r\n"):
            raise CorpusError(f"{option}={mark!r}: one ASCII character is needed, no line end")
    if isinstance(languages, str):
        languages = [languages]
    fields = Fields(
        text_column=text_column,
        id_column=id_column,
        language_column=language_column,
        domain_column=domain_column,
        language=language,
        domain=domain,
        blank_lines=blank_lines,
        errors=errors,
    )
    files = FileOptions(format, documents, separator, quote_char)
    if isinstance(source, str) and source in NAMES:
        _refuse_options(source, fields, files, path, split)
        corpus = _named(source, path, languages, split or "both")
    else:
        if path is not None or split is not None:
            option = "split" if path is None else "path"
            raise CorpusError(f'{option}= is for load_corpus("flores"); leave it out')
        corpus = _any(source, fields, files, storage_options)
        if languages is not None:
            corpus = corpus.filter(language=languages)
    if name is not None:
        corpus.name = name
    return corpus


def _check(option: str, value: str | None, known: tuple[str | None, ...]) -> None:
    if value not in known:
        names = [one for one in known if one is not None]
        raise CorpusError(f"{option}={value!r} is unknown: {near(str(value), names)}")


def _refuse_options(
    name: str,
    fields: Fields,
    files: FileOptions,
    path: object,
    split: object,
) -> None:
    """Refuse options that a named corpus would ignore."""
    usual = {**asdict(Fields()), **asdict(FileOptions())}
    asked = {**asdict(fields), **asdict(files)}
    ignored = [option for option, value in asked.items() if value != usual[option]]
    if name != "flores":
        ignored += [option for option, value in (("path", path), ("split", split)) if value]
    if ignored:
        raise CorpusError(
            f"{ignored[0]}= does not apply to the corpus {name!r}; leave it out (a file or folder "
            f"of that name is meant by {'./' + name!r})"
        )


def _named(
    name: str, path: str | os.PathLike[str] | None, languages: Sequence[str] | None, split: str
) -> Corpus:
    if name == "flores":
        return load_flores(None if path is None else Path(path), languages, split)
    if name == "cldr":
        return load_cldr(languages)
    if name in INSTALLED:
        corpus = INSTALLED[name]()
        return corpus if languages is None else corpus.filter(language=languages)
    from workbench.tokenizers import data_dir

    bundled: dict[str, Callable[[Path, Sequence[str] | None], Corpus]] = {
        "parallel": load_parallel,
        "prose": load_prose,
    }
    return bundled[name](data_dir(), languages)


def _any(
    source: Any, fields: Fields, files: FileOptions, storage_options: dict[str, Any] | None
) -> Corpus:
    if isinstance(source, Corpus):
        if fields != Fields():
            raise CorpusError("options do not apply to a Corpus that is loaded already")
        return source.filter()
    if isinstance(source, pl.Series):
        source = source.to_frame(fields.text_column)
    if isinstance(source, pl.DataFrame):
        return _frame(source, fields, "the frame")
    if isinstance(source, pl.LazyFrame):
        return _query(source, fields, "the lazy frame", remote=False)
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__dataframe__"):
        return _frame(_by_protocol(source), fields, f"the {type(source).__name__}")
    if (
        isinstance(source, str)
        and source.partition("://")[0].lower() in SCHEMES
        and "://" in source
    ):
        return _remote(source, fields, files, storage_options)
    if storage_options is not None:
        raise CorpusError("storage_options= is for addresses such as s3://bucket/a.parquet")
    if isinstance(source, str) and not source.strip():
        raise CorpusError("the source is an empty string; give a name, a path or a frame")
    if not isinstance(source, (str, os.PathLike)) and not (
        isinstance(source, Iterable) and not isinstance(source, (dict, bytes))
    ):
        raise CorpusError(
            f"a corpus is not made from {type(source).__name__}; give a name "
            f"({', '.join(NAMES)}), a path, a list of paths, or a frame: "
            'polars.DataFrame({"text": [...]})'
        )
    return _files(source, fields, files)


def _files(source: Any, fields: Fields, files: FileOptions) -> Corpus:
    found: Counter[str] = Counter()
    each = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    for one in each:
        if not isinstance(one, (str, os.PathLike)):
            raise CorpusError(
                f"a list of paths holds a {type(one).__name__}; texts go into a frame: "
                'polars.DataFrame({"text": [...]})'
            )
    try:
        paths, base = find_files(each, files, found)
    except CorpusError as error:
        if isinstance(source, str) and os.sep not in source and "." not in source:
            raise CorpusError(
                f"there is no corpus and no file {source!r}: {near(source, NAMES)} "
                "(list_corpora() describes them)"
            ) from None
        if len(each) > 1 and isinstance(each[0], str) and not Path(each[0]).suffix:
            raise CorpusError(
                f"{error}; a list is a list of paths: texts go into a frame, "
                'polars.DataFrame({"text": [...]})'
            ) from None
        raise
    pieces = open_files(paths, base, fields, files, found)
    first = Path(paths[0]).name if len(paths) == 1 else Path(base).name or base
    more = f"{len(paths)} files in {base}" if len(paths) > 1 else paths[0]
    return Corpus(first, "files", pieces, source=more, skipped=found)


def _by_protocol(source: Any) -> pl.DataFrame:
    """Take a frame of another library; its strings are checked, since Arrow promises no UTF-8."""
    try:
        if hasattr(source, "__arrow_c_stream__"):
            frame = pl.DataFrame(source)
        else:
            frame = pl.from_dataframe(source)
        strings = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        return frame.with_columns(pl.col(strings).cast(pl.Binary).cast(pl.String))
    except Exception as error:
        # Any library may stand behind the protocol, with errors of its own.
        raise CorpusError(
            f"the {type(source).__name__} cannot be read as a table ({error}); the texts must be "
            "one column of strings"
        ) from error


def _frame(frame: pl.DataFrame, fields: Fields, where: str) -> Corpus:
    found = resolve_columns(frame.columns, fields, where)
    check_types(frame.schema, found, where)
    if frame.height == 0:
        raise CorpusError(f"{where} has no row; a corpus holds one document at least")
    counts: Counter[str] = Counter()
    documents = tidy(frame, found, fields, where, 1, Sieve(fields.errors, counts))
    return Corpus("frame", "frame", [FrameRows(documents)], source=where, skipped=counts)


def _query(query: pl.LazyFrame, fields: Fields, where: str, *, remote: bool) -> Corpus:
    with translated(where, remote=remote):
        schema = query.collect_schema()
    found = resolve_columns(list(schema), fields, where)
    check_types(schema, found, where)
    name = where.rpartition("/")[2] if remote else "query"
    kind = "remote" if remote else "query"
    piece = QueryRows(query, where, fields, tuple(found.items()), remote)
    return Corpus(name, kind, [piece], source=where)


def _remote(
    address: str, fields: Fields, files: FileOptions, storage_options: dict[str, Any] | None
) -> Corpus:
    known, compression = format_of(address)
    kind = files.format or known
    if kind is None or compression is not None:
        raise CorpusError(
            f"{address}: an address ends in .parquet, .jsonl, .csv, .tsv or .txt, uncompressed; "
            "pass format=, or download the file first"
        )
    if kind == "text" and files.documents == "file":
        raise CorpusError(f"{address}: whole files are read from disk only; download it first")
    options = {"max_retries": RETRIES, **(storage_options or {})}
    with translated(address, remote=True):
        if kind == "parquet":
            return _query(
                pl.scan_parquet(address, storage_options=options), fields, address, remote=True
            )
        if kind in {"csv", "tsv"}:
            table = pl.scan_csv(
                address,
                separator=files.separator or ("\t" if kind == "tsv" else ","),
                quote_char=files.quote,
                infer_schema=False,
                empty_string_is_null=False,
                storage_options=options,
            )
            return _query(table, fields, address, remote=True)
        lines = pl.scan_lines(address, name=fields.text_column, storage_options=options)
        lines.head(1).collect()  # its columns are known without asking the address
        numbered = replace(fields, prefix=f"{address.rpartition('/')[2]}:")
        if kind == "text":
            return _query(lines, numbered, address, remote=True)
        piece = QueryRows(lines, address, numbered, (), remote=True)
    return Corpus(address.rpartition("/")[2], "remote", [piece], source=address)


def list_corpora() -> pl.DataFrame:
    """List the corpora that `load_corpus` knows by name.

    Returns:
        `name`, `kind` ("bundled", "installed", "files"), `documents`, `bytes` of UTF-8,
        `languages` (how many; locales for "cldr"), `licence`, `note`. Counts are null where they
        are not known yet: "flores" needs a folder, and "legal", "docs" and "cldr" are built, in
        seconds, when they are first loaded.

    Example:
        >>> list_corpora()["name"].to_list()
        ['parallel', 'prose', 'code', 'legal', 'docs', 'cldr', 'flores']
    """
    rows: list[tuple[str, str, int | None, int | None, int | None, str, str]] = []
    for name in NAMES:
        if name == "flores":
            note = "Give path= the folder of FLORES-200; 2,009 parallel sentences a language."
            rows.append((name, "files", None, None, None, "CC-BY-SA-4.0", note))
            continue
        if name in {"legal", "docs", "cldr"} and recall(name) is None:
            note = "Built when it is first loaded, in seconds; counted then."
            rows.append((name, "installed", None, None, None, "", note))
            continue
        try:
            corpus = load_corpus(name)
            counts = _counts(name, corpus)
        except CorpusError as error:  # one damaged file must not hide the others
            rows.append((name, "bundled", None, None, None, "", str(error)))
            continue
        rows.append((name, corpus.kind, *counts, corpus.licence or "", corpus.note))
    schema = {
        "name": pl.String,
        "kind": pl.String,
        "documents": pl.Int64,
        "bytes": pl.Int64,
        "languages": pl.Int64,
        "licence": pl.String,
        "note": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _counts(name: str, corpus: Corpus) -> tuple[int, int, int]:
    """Return documents, bytes and languages; of code without reading it."""
    if name == "code":
        files = code_files()
        return len(files), sum(file.size for file in files), 1
    table = corpus.summary()
    return int(table["documents"].sum()), int(table["bytes"].sum()), len(corpus.languages)
