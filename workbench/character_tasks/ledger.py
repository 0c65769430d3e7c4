"""The ledger of a run: one line per answer, written the moment it arrives.

A run that is killed at any moment loses no recorded answer: each is one `write` of one line to a
file opened for appending (a power failure may still take what the system has not yet written to
disk). What an interrupted write left half is cut off when the run is taken up again.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from workbench.character_tasks.answers import answers_frame, json_lines
from workbench.character_tasks.errors import CharacterTaskError

FORMAT = "workbench-answers-1"
_SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS")


class Ledger:
    """Answers of one model to one set under one prompt.

    Args:
        path: The file; made with its header where it is new.
        header: What the answers belong to: model, checksum of the set, prompt, settings.

    Raises:
        CharacterTaskError: If the file is there and belongs to something else.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self.header = {"kind": "header", "format": FORMAT, **header}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._mend()
        if path.exists() and path.stat().st_size:
            first = next(json_lines(path))[1]
            if first != json.loads(json.dumps(self.header)):
                differ = sorted(
                    k for k in {*first, *self.header} if first.get(k) != self.header.get(k)
                )
                raise CharacterTaskError(
                    f"{path} holds answers of another run (other {', '.join(differ)}): give "
                    "another log_dir, or the items, prompt and settings of that run."
                )
        else:
            self._append(self.header)

    def _mend(self) -> None:
        """Cut off a line that an interrupted write left without its end."""
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            os.truncate(self.path, data.rfind(b"\n") + 1)

    def _append(self, row: Mapping[str, Any]) -> None:
        line = (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)

    def record(
        self,
        question_idx: int,
        response: str | None,
        *,
        stop_reason: str | None = None,
        logprob: float | None = None,
        error: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Write one answer (or one failure, with its error and no response) at once."""
        row: dict[str, Any] = {
            "question_idx": question_idx, "model": self.header.get("model"), "response": response,
            "refused": stop_reason == "content_filter", "logprob": logprob, "error": error,
        }  # fmt: skip
        if seconds is not None:
            row["seconds"] = round(seconds, 3)
        self._append(row)

    def read(self) -> pl.DataFrame:
        """All answers; the last of each item where failures were asked again."""
        rows = [row for _, row in json_lines(self.path) if row.get("kind") != "header"]
        schema = {
            "question_idx": pl.Int64, "model": pl.String, "response": pl.String,
            "refused": pl.Boolean, "logprob": pl.Float64, "error": pl.String,
        }  # fmt: skip
        frame = pl.DataFrame([{k: r.get(k) for k in schema} for r in rows], schema=schema)
        return answers_frame(frame.unique("question_idx", keep="last", maintain_order=True))

    def recorded(self, *, failures: bool) -> set[int]:
        """The items that need not be asked: all recorded, or those with a response only."""
        frame = self.read()
        if not failures:
            frame = frame.filter(pl.col("response").is_not_null())
        return set(frame["question_idx"].to_list())


def without_secrets(text: str, more: tuple[str, ...] = ()) -> str:
    """A text with the values of secret environment variables (and `more`) blotted out.

    Example:
        >>> without_secrets("bad key abcdef123", ("abcdef123",))
        'bad key [secret]'
    """
    values = [
        value
        for name, value in os.environ.items()
        if any(part in name.upper() for part in _SECRET_NAMES) and len(value) >= 6
    ]
    for value in sorted({*values, *more}, key=len, reverse=True):
        if value:
            text = text.replace(value, "[secret]")
    return text


def clean_error(error: BaseException) -> None:
    """Blot secrets out of an exception in place: its texts, its body, and what it came from."""
    seen: set[int] = set()
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.args = tuple(without_secrets(a) if isinstance(a, str) else a for a in one.args)
        for name in ("message", "body"):
            value = getattr(one, name, None)
            if isinstance(value, str):
                setattr(one, name, without_secrets(value))
            elif isinstance(value, dict):
                setattr(one, name, clean_json(value))
        chain += [one.__cause__, one.__context__]


def clean_json(value: Any) -> Any:
    """A JSON value with secrets blotted out.

    Example:
        >>> clean_json({"a": [1, "text"]})
        {'a': [1, 'text']}
    """
    return json.loads(without_secrets(json.dumps(value, default=str)))
