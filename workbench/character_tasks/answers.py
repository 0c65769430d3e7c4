"""Answers from anywhere: CSV, JSONL, Parquet, lm-evaluation-harness samples, Inspect logs.

Every reader gives the same columns: `question_idx` (Int64), `model`, `response` (null where the
request failed), and where the source has them `refused`, `error` and `logprob` (natural
logarithm of the answer's probability). Nothing is read as missing by its spelling: the answers
"null", "None", "NaN" and the empty string are answers.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from workbench.character_tasks.errors import CharacterTaskError

_OPTIONAL = ("refused", "error", "logprob", "stop_reason")
_REFUSALS = ("content_filter", "refusal", "safety")


def answers_frame(answers: Any, model: str | None = None) -> pl.DataFrame:
    """Any frame or file as the columns that `score` needs.

    Args:
        answers: A polars frame, anything that polars can import (pandas, Arrow, a mapping of
            columns, a list of rows), or the path of a file.
        model: The name to use where there is no column `model`.

    Raises:
        CharacterTaskError: If it is no frame, or a column is missing or of the wrong kind.
    """
    if isinstance(answers, str | Path):
        return read_answers(answers, model=model)
    frame = _to_polars(answers)
    if "model" not in frame.columns and model is not None:
        frame = frame.with_columns(model=pl.lit(model))
    missing = [c for c in ("question_idx", "model", "response") if c not in frame.columns]
    if missing:
        raise CharacterTaskError(
            f"The answers lack the column {', '.join(missing)} (found: "
            f"{', '.join(frame.columns) or 'none'}). Expected question_idx, model, response"
            + ("; model='…' names the model." if missing == ["model"] else ".")
        )
    frame = frame.with_columns(_whole(frame["question_idx"]), pl.col("model").cast(pl.String))
    if frame["model"].null_count():
        raise CharacterTaskError(f"{frame['model'].null_count():,} answers have no model.")
    if frame["response"].dtype.is_float():
        # pandas makes numbers with a gap into floats: 3.0 was "3".
        whole = (frame["response"].drop_nulls() % 1 == 0).all()
        kind = pl.Int64 if whole else pl.String
        frame = frame.with_columns(pl.col("response").fill_nan(None).cast(kind))
    frame = frame.with_columns(pl.col("response").cast(pl.String))
    if "stop_reason" in frame.columns and "refused" not in frame.columns:
        frame = frame.with_columns(refused=pl.col("stop_reason").is_in(_REFUSALS))
    keep = [c for c in _OPTIONAL if c in frame.columns and c != "stop_reason"]
    return frame.select("question_idx", "model", "response", *keep)


def _whole(column: pl.Series) -> pl.Series:
    try:
        whole = column.cast(pl.Int64)
    except pl.exceptions.PolarsError as error:
        raise CharacterTaskError(
            f"question_idx must be whole numbers, but holds {column.dtype}: {error}."
        ) from error
    if whole.null_count():
        raise CharacterTaskError(f"{whole.null_count():,} answers have no question_idx.")
    return whole


def _to_polars(answers: Any) -> pl.DataFrame:
    if isinstance(answers, pl.DataFrame):
        return answers
    if isinstance(answers, pl.LazyFrame):
        return answers.collect()
    try:
        if hasattr(answers, "__arrow_c_stream__") or isinstance(answers, dict | list):
            return pl.DataFrame(answers)
        return pl.from_dataframe(answers)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise CharacterTaskError(
            f"{type(answers).__name__} is no frame and no path: give a frame with question_idx, "
            f"model, response, or the path of a CSV, JSONL, Parquet or Inspect log file. ({error})"
        ) from error


def read_answers(path: str | Path, model: str | None = None) -> pl.DataFrame:
    """Answers from one file, by what is in it.

    * `.parquet`, `.csv`, `.tsv`: a table with `question_idx`, `response` and, unless `model` is
      given, `model`.
    * `.jsonl`: such rows, or lm-evaluation-harness samples (`doc` or `doc_id`, `resps`), or the
      ledger that `run_model` keeps.
    * `.eval`, `.json`: an Inspect log.

    Args:
        path: The file.
        model: The model's name, where the file has none. For lm-evaluation-harness samples, which
            never have one, the default is the name of their folder.

    Raises:
        CharacterTaskError: If the file is absent, of an unknown kind, broken (with the line), or
            lacks a column.
    """
    file = Path(path)
    if not file.is_file():
        raise CharacterTaskError(f"There is no file {file}: give the path of a file of answers.")
    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            return answers_frame(pl.read_parquet(file), model)
        if suffix in (".csv", ".tsv"):
            separator = "\t" if suffix == ".tsv" else ","
            table = pl.read_csv(file, separator=separator, infer_schema=False)
            # A CSV file has no nulls: what polars reads as one is the empty text.
            table = table.with_columns(pl.all().fill_null(""))
            if "logprob" in table.columns:
                table = table.with_columns(pl.col("logprob").cast(pl.Float64, strict=False))
            if "refused" in table.columns:
                table = table.with_columns(
                    refused=pl.col("refused").str.to_lowercase().is_in(["true", "1", "yes"])
                )
            return answers_frame(table, model)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CharacterTaskError(f"{file} cannot be read: {error}.") from error
    if suffix in (".eval", ".json"):
        return read_inspect_log(file)
    if suffix in (".jsonl", ".ndjson"):
        return _read_jsonl(file, model)
    raise CharacterTaskError(
        f"{file.name} ends in {suffix or 'nothing'}, but .csv, .tsv, .jsonl, .parquet, .eval or "
        ".json was expected."
    )


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file with their line numbers, from 1; blank lines are skipped.

    Raises:
        CharacterTaskError: On a line that is no JSON object; the message names the line.
    """
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise CharacterTaskError(
                    f"{path}, line {number}, is no JSON: {error}. Remove or mend the line."
                ) from error
            if not isinstance(row, dict):
                raise CharacterTaskError(
                    f"{path}, line {number}, holds {type(row).__name__}, not an object."
                )
            yield number, row


def _read_jsonl(file: Path, model: str | None) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, row in json_lines(file):
        if row.get("kind") == "header":
            model = model or row.get("model")
            continue
        if "resps" in row or "filtered_resps" in row:
            rows.append(_harness_row(row, model or file.parent.name or file.stem))
            continue
        if "question_idx" not in row or "response" not in row:
            raise CharacterTaskError(
                f"{file}, line {number}, has {', '.join(row)}; question_idx and response (or an "
                "lm-evaluation-harness sample with doc and resps) were expected."
            )
        kept = {key: row.get(key) for key in ("question_idx", "model", "response", *_OPTIONAL)
                if key in row}  # fmt: skip
        if not isinstance(kept["response"], str | None):
            kept["response"] = str(kept["response"])
        kept.setdefault("model", model)
        rows.append(kept)
    if not rows:
        raise CharacterTaskError(f"{file} holds no answers.")
    if all(row["model"] is None for row in rows):
        raise CharacterTaskError(f"{file} names no model: give model='…'.")
    return answers_frame(pl.DataFrame(rows, infer_schema_length=None, strict=False), model)


def _harness_row(row: dict[str, Any], model: str) -> dict[str, Any]:
    doc = row.get("doc") or {}
    index = doc.get("question_idx", row.get("doc_id"))
    response: Any = row.get("resps") or row.get("filtered_resps")
    while isinstance(response, list):
        response = response[0] if response else None
    return {
        "question_idx": index, "model": model,
        "response": None if response is None else str(response),
    }  # fmt: skip


def read_inspect_log(path: str | Path) -> pl.DataFrame:
    """Answers from an Inspect log, finished or not.

    A sample's id is the `question_idx`. Samples that ended in an error are failed ones (null
    response); a stop for content is a refusal. Where the model gave log-probabilities, `logprob`
    is their sum over the answer's tokens.

    Raises:
        CharacterTaskError: If it is no Inspect log, or a sample's id is no number.
    """
    from inspect_ai.log import read_eval_log

    try:
        log = read_eval_log(str(path))
    except Exception as error:
        # Inspect raises many kinds of errors for a file that is no log of its own.
        raise CharacterTaskError(f"{path} is no Inspect log: {error}.") from error
    rows = []
    for sample in log.samples or []:
        index = (sample.metadata or {}).get("question_idx", sample.id)
        if not str(index).lstrip("-").isdigit():
            raise CharacterTaskError(
                f"{path}: the sample {sample.id!r} has no number as its id: it was not made by "
                "this project's tasks."
            )
        failed = sample.error is not None or not sample.output.choices
        choice = None if failed else sample.output.choices[0]
        logprob = None
        if choice is not None and choice.logprobs is not None and choice.logprobs.content:
            logprob = float(sum(piece.logprob for piece in choice.logprobs.content))
        rows.append(
            {
                "question_idx": int(index),
                "model": str(log.eval.model),
                "response": None if choice is None else sample.output.completion,
                "refused": choice is not None and choice.stop_reason == "content_filter",
                "error": None if sample.error is None else sample.error.message,
                "logprob": logprob,
            }
        )
    if not rows:
        raise CharacterTaskError(f"{path} holds no samples.")
    return answers_frame(
        pl.DataFrame(rows, schema_overrides={"error": pl.String, "logprob": pl.Float64,
                                             "response": pl.String})
    )  # fmt: skip
