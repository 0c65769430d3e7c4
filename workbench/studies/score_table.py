"""One table for every number somebody gives to a token: surprisals, ranks, entropies, attributions.

Papers on uncertainty, detection of generated text, attribution and preference weights all show a
number per token, each in its own file format. Here they share the columns of :data:`COLUMNS`. The
unit is part of ``score_name``; ``direction`` says what a larger number means; a token without a
score has null, never 0 or NaN. Beside the table stand three others: the ``alternatives`` of a
position (top-k), the ``spans`` a claim or an entity covers, and ``source_index`` matrices
(how much token ``source_index`` matters for token ``index``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.segmentation import Segmentation

COLUMNS: dict[str, pl.DataType] = {
    "doc": pl.String(),
    "tokenizer": pl.String(),
    "index": pl.Int64(),
    "token_id": pl.Int64(),
    "byte_start": pl.Int64(),
    "byte_end": pl.Int64(),
    "score_name": pl.String(),
    "score": pl.Float64(),
    "direction": pl.String(),
}
"""The table of scores, one row per document, tokenizer, score name and token."""

SPANS: dict[str, pl.DataType] = {
    "doc": pl.String(),
    "byte_start": pl.Int64(),
    "byte_end": pl.Int64(),
    "label": pl.String(),
}
"""Stretches of a document that mean something together (a claim, an entity, a word)."""

DIRECTIONS = ("higher_is_likelier", "higher_is_rarer", "higher_is_stronger", "signed")
"""What a larger number means: for colour ramps and for sorting, not for arithmetic."""


@dataclass(frozen=True)
class ScoreKind:
    """What is known about a score by its name.

    Attributes:
        direction: One of :data:`DIRECTIONS`.
        lowest: Least value it can take.
        highest: Greatest value it can take.
        why_not: For a score that does not add over tokens, the reason, as a sentence.
        whole: Whether it counts, and so has no fraction.
    """

    direction: str
    lowest: float
    highest: float
    why_not: str = ""
    whole: bool = False

    @property
    def additive(self) -> bool:
        """Whether the score of a stretch is the sum over its tokens."""
        return not self.why_not


_RANK = (
    "A rank counts the tokens of one vocabulary that were likelier at one position; another "
    "vocabulary has other competitors, so ranks neither add nor carry over."
)
_ENTROPY = (
    "An entropy is taken over the next token of one vocabulary; the chain rule would need the "
    "entropies after every continuation, not only after the one that happened, so the values "
    "seen along a text do not add."
)
_PROBABILITY = (
    "Probabilities multiply, they do not add: give their logarithms "
    "(log_probability_nats or surprisal_bits)."
)

KINDS: dict[str, ScoreKind] = {
    "log_probability_nats": ScoreKind("higher_is_likelier", -math.inf, 0.0),
    "log_probability_bits": ScoreKind("higher_is_likelier", -math.inf, 0.0),
    "surprisal_bits": ScoreKind("higher_is_rarer", 0.0, math.inf),
    "surprisal_nats": ScoreKind("higher_is_rarer", 0.0, math.inf),
    "probability": ScoreKind("higher_is_likelier", 0.0, 1.0, _PROBABILITY),
    "rank": ScoreKind("higher_is_rarer", 1.0, math.inf, _RANK, whole=True),
    "entropy_bits": ScoreKind("higher_is_rarer", 0.0, math.inf, _ENTROPY),
    "entropy_nats": ScoreKind("higher_is_rarer", 0.0, math.inf, _ENTROPY),
}
"""The scores whose arithmetic is known; any other name is allowed with a direction of its own."""

SLACK = 1e-9  # logarithms of probabilities that rounding put just above one


class ScoreError(ValueError):
    """A table of scores, or something asked of it, is not lawful; the sentence says why."""


def typed(frame: pl.DataFrame, schema: Mapping[str, pl.DataType], what: str) -> pl.DataFrame:
    """The frame with the schema's columns first, cast; a sentence about what is wrong otherwise.

    A cast to integers would cut fractions off, so whatever has one is refused.
    """
    missing = [name for name in schema if name not in frame.columns]
    if missing:
        raise ScoreError(
            f"The {what} lacks the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}; it needs {', '.join(schema)}, and has "
            f"{', '.join(frame.columns) or 'none'}."
        )
    for name, dtype in schema.items():
        number = pl.col(name)
        if dtype.is_integer() and not frame.schema[name].is_integer():
            number = number.cast(pl.Float64)
        try:
            frame = frame.with_columns(number)
            if dtype.is_integer() and (row := first_row(frame, pl.col(name) % 1 != 0)):
                raise ScoreError(
                    f"The column {name} of the {what} holds {row[name]}: whole numbers are "
                    f"expected."
                )
            frame = frame.with_columns(pl.col(name).cast(dtype))
        except pl.exceptions.PolarsError as problem:
            raise ScoreError(
                f"The column {name} of the {what} cannot be read as {dtype}: "
                f"{str(problem).splitlines()[0]}"
            ) from problem
        if name != "score" and (holes := frame[name].null_count()):
            raise ScoreError(
                f"The column {name} of the {what} is empty in {holes} row(s); only `score` may be "
                f"null, for a token that has no score."
            )
    extra = [name for name in frame.columns if name not in schema]
    return frame.select([*schema, *extra])


def first_row(frame: pl.DataFrame, bad: pl.Expr) -> dict[str, Any] | None:
    """The first row where ``bad`` holds, if any."""
    rows = frame.filter(bad).head(1).to_dicts()
    return rows[0] if rows else None


def refuse_negative(frame: pl.DataFrame, names: Sequence[str], what: str) -> None:
    """Raise unless some columns, which count from 0, hold no negative number."""
    for name in names:
        if row := first_row(frame, pl.col(name) < 0):
            raise ScoreError(
                f"The column {name} of the {what} counts from 0 and holds {row[name]} in document "
                f"{row['doc']!r}."
            )


def validate_scores(
    frame: pl.DataFrame,
    texts: Mapping[str, str] | None = None,
    *,
    first_scored: bool = False,
) -> pl.DataFrame:
    """Check a table of scores and return it with its columns in order and typed.

    Args:
        frame: At least the columns of :data:`COLUMNS`; others are kept behind them. ``direction``
            may be left out where every ``score_name`` is one of :data:`KINDS`.
        texts: The documents by name, to check the byte offsets against. Optional.
        first_scored: Whether the first token of a document may have a score. A causal model has
            no context for it unless it read a begin-of-text token.

    Returns:
        The table, sorted by doc, tokenizer, score_name and index.

    Raises:
        ScoreError: A sentence that names the row, what was expected, and what to do.

    >>> validate_scores(pl.DataFrame({"doc": ["a"], "tokenizer": ["t"], "index": [0],
    ...     "token_id": [7], "byte_start": [0], "byte_end": [2], "score_name": ["rank"],
    ...     "score": [None]}))["direction"].to_list()
    ['higher_is_rarer']
    """
    if "direction" not in frame.columns and "score_name" in frame.columns:
        unknown = set(frame["score_name"].unique().to_list()) - set(KINDS)
        if unknown:
            raise ScoreError(
                f"The direction of {sorted(map(str, unknown))} is not known: add a column "
                f"`direction` with one of {', '.join(DIRECTIONS)}."
            )
        known = {name: kind.direction for name, kind in KINDS.items()}
        frame = frame.with_columns(
            direction=pl.col("score_name").replace_strict(known, return_dtype=pl.String)
        )
    frame = typed(frame, COLUMNS, "table of scores")
    _check_values(frame, first_scored=first_scored)
    _check_places(frame, texts)
    return frame.sort("doc", "tokenizer", "score_name", "index")


def _check_values(frame: pl.DataFrame, *, first_scored: bool) -> None:
    where = "document {doc!r}, tokenizer {tokenizer!r}, {score_name}, token {index}"
    if row := first_row(frame, ~pl.col("direction").is_in(DIRECTIONS)):
        raise ScoreError(
            f"{row['direction']!r} is no direction (score {row['score_name']!r}): use one of "
            f"{', '.join(DIRECTIONS)}."
        )
    if row := first_row(frame, pl.col("score").is_nan()):
        raise ScoreError(
            f"NaN at {where.format(**row)}: a token without a score has null; find out why the "
            f"model gave NaN, or drop the score."
        )
    for name in frame["score_name"].unique().sort().to_list():
        part = frame.filter(pl.col("score_name") == name)
        directions = part["direction"].unique().sort().to_list()
        if len(directions) > 1:
            raise ScoreError(f"The score {name!r} has two directions: {', '.join(directions)}.")
        kind = KINDS.get(name)
        if kind is None:
            continue
        if directions and directions[0] != kind.direction:
            raise ScoreError(
                f"The score {name!r} has direction {kind.direction!r} by definition, not "
                f"{directions[0]!r}: give it another name if it is another number."
            )
        bad = (pl.col("score") < kind.lowest - SLACK) | (pl.col("score") > kind.highest + SLACK)
        if row := first_row(part, bad):
            raise ScoreError(
                f"{row['score']} at {where.format(**row)} is outside [{kind.lowest}, "
                f"{kind.highest}]: check the sign and the unit."
            )
        if kind.whole and (row := first_row(part, pl.col("score") % 1 != 0)):
            raise ScoreError(
                f"{row['score']} at {where.format(**row)} is no whole number, as a {name} is: give "
                f"it another name if it is another number."
            )
    if not first_scored:
        bad = (pl.col("index") == 0) & pl.col("score").is_not_null()
        if row := first_row(frame.filter(~pl.col("direction").is_in(["signed"])), bad):
            raise ScoreError(
                f"The first token has a score ({row['score']}) at {where.format(**row)}: without "
                f"a begin-of-text token nothing stands before it. Leave it null, or say "
                f"first_scored=True if the model read such a token."
            )


def _check_places(frame: pl.DataFrame, texts: Mapping[str, str] | None) -> None:
    key = ["doc", "tokenizer", "score_name"]
    where = "document {doc!r}, tokenizer {tokenizer!r}, {score_name}"
    bad = (pl.col("byte_start") < 0) | (pl.col("byte_end") < pl.col("byte_start"))
    if row := first_row(frame, bad):
        raise ScoreError(
            f"Token {row['index']} of {where.format(**row)} runs from byte {row['byte_start']} to "
            f"{row['byte_end']}: offsets count bytes of UTF-8 from 0, and the end is not before "
            f"the start."
        )
    groups = frame.group_by(key).agg(
        pl.len(), pl.col("index").min().alias("least"), pl.col("index").max().alias("most"),
        pl.col("index").n_unique().alias("distinct"), pl.col("byte_end").max(),
    )  # fmt: skip
    bad = (pl.col("least") != 0) | (pl.col("most") != pl.col("len") - 1)
    bad = bad | (pl.col("distinct") != pl.col("len"))
    if row := first_row(groups.sort(key), bad):
        raise ScoreError(
            f"The tokens of {where.format(**row)} must be numbered 0 to {row['len'] - 1} "
            f"without gap or repetition; they run from {row['least']} to {row['most']} with "
            f"{row['distinct']} distinct numbers in {row['len']} rows."
        )
    ordered = frame.sort([*key, "index"]).with_columns(
        before=pl.col("byte_start").shift(1).over(key)
    )
    if row := first_row(ordered, pl.col("before") > pl.col("byte_start")):
        raise ScoreError(
            f"Token {row['index']} of {where.format(**row)} starts at byte {row['byte_start']}, "
            f"before its predecessor ({row['before']}): tokens stand in the order of the text."
        )
    if texts is None:
        return
    for row in groups.sort(key).to_dicts():
        if row["doc"] not in texts:
            raise ScoreError(
                f"Document {row['doc']!r} has scores but no text: texts were given for "
                f"{', '.join(map(repr, sorted(texts))) or 'none'}."
            )
        size = len(texts[row["doc"]].encode())
        if row["byte_end"] > size:
            raise ScoreError(
                f"The scores of {where.format(**row)} reach byte {row['byte_end']}, and the text "
                f"has {size} bytes of UTF-8: are the offsets in characters, or of another text?"
            )


def table_from_values(
    segmentation: Segmentation,
    scores: Sequence[float | None],
    score_name: str,
    *,
    doc: str = "text",
    direction: str | None = None,
    first_scored: bool = False,
) -> pl.DataFrame:
    """The table of scores for one segmented text and one number per token.

    Args:
        segmentation: The text as its tokenizer cuts it.
        scores: One per token, None where a token has none.
        score_name: A name of :data:`KINDS`, or any other together with ``direction``.
        doc: The document's name in the table.
        direction: One of :data:`DIRECTIONS`; known for the names of :data:`KINDS`.
        first_scored: As in :func:`validate_scores`.

    Returns:
        A valid table with :data:`COLUMNS`.

    Raises:
        ScoreError: When the numbers are not one per token, or the table is not valid.

    >>> from workbench.segmentation import segment
    >>> from workbench.tokenizers import load_tokenizer
    >>> cut = segment("ab", load_tokenizer("bytes"))
    >>> table_from_values(cut, [None, 1.5], "surprisal_bits").select(
    ...     "token_id", "byte_start", "byte_end", "score").rows()
    [(97, 0, 1, None), (98, 1, 2, 1.5)]
    """
    if len(scores) != len(segmentation):
        raise ScoreError(
            f"{len(scores)} scores for {len(segmentation)} tokens: give one per token, None for a "
            f"token without a score."
        )
    if direction is None:
        if score_name not in KINDS:
            raise ScoreError(
                f"The direction of {score_name!r} is not known: give one of "
                f"{', '.join(DIRECTIONS)}."
            )
        direction = KINDS[score_name].direction
    places = segmentation.to_frame()
    frame = pl.DataFrame(
        {
            "doc": [doc] * len(scores),
            "tokenizer": [segmentation.tokenizer.name] * len(scores),
            "index": places["index"],
            "token_id": places["id"],
            "byte_start": places["byte_start"],
            "byte_end": places["byte_end"],
            "score_name": [score_name] * len(scores),
            "score": pl.Series([None if s is None else float(s) for s in scores], dtype=pl.Float64),
            "direction": [direction] * len(scores),
        }
    )
    return validate_scores(frame, first_scored=first_scored)


def read_scores(
    path: str | Path,
    texts: Mapping[str, str] | None = None,
    *,
    first_scored: bool = False,
) -> pl.DataFrame:
    """Read a file of scores made elsewhere, and check it.

    Args:
        path: A ``.csv``, ``.jsonl`` (or ``.ndjson``) or ``.parquet`` file with :data:`COLUMNS`.
        texts: The documents by name, to check the offsets against. Optional.
        first_scored: As in :func:`validate_scores`. A begin-of-text token is given, not predicted:
            with a score of 0 the sums of the first tokens are known, with a null they are not.

    Returns:
        A valid table of scores.

    Raises:
        FileNotFoundError: When there is no such file.
        ScoreError: When the format or the table is wrong.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "scores.jsonl"
    ...     _ = file.write_text('{"doc": "a", "tokenizer": "t", "index": 0, "token_id": 7, '
    ...         '"byte_start": 0, "byte_end": 2, "score_name": "rank", "score": null}')
    ...     read_scores(file, {"a": "ab"})["direction"].to_list()
    ['higher_is_rarer']
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"There is no file of scores at {file}.")
    kind = file.suffix.lower()
    try:
        if kind == ".csv":
            frame = pl.read_csv(file, schema_overrides=_in_files(pl.scan_csv(file)))
        elif kind in (".jsonl", ".ndjson"):
            kinds = _in_files(pl.scan_ndjson(file, infer_schema_length=None))
            # All rows tell which columns there are, since the first may leave nulls out.
            frame = pl.read_ndjson(file, schema_overrides=kinds, infer_schema_length=None)
        elif kind == ".parquet":
            frame = pl.read_parquet(file)
        else:
            raise ScoreError(
                f"{file.name} ends in {kind or 'nothing'}: scores are read from .csv, .jsonl or "
                f".parquet."
            )
    except pl.exceptions.PolarsError as problem:
        raise ScoreError(
            f"{file.name} cannot be read as {kind}: {str(problem).splitlines()[0]}"
        ) from problem
    return validate_scores(frame, texts, first_scored=first_scored)


def _in_files(scan: pl.LazyFrame) -> dict[str, pl.DataType]:
    """How a text file's columns are read: its first rows may hold whole numbers or nothing at all.

    Integers are read as numbers with a fraction, so that one that has a fraction is seen.
    """
    kinds = {name: pl.Float64() if kind.is_numeric() else kind for name, kind in COLUMNS.items()}
    return {name: kinds[name] for name in scan.collect_schema().names() if name in kinds}
