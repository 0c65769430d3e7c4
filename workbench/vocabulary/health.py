"""The health of a tokenizer: one row per check, with evidence that can be pasted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from workbench.tokenizers import Tokenizer, TokenizerError, load_tokenizer
from workbench.vocabulary import checks_entries, checks_text
from workbench.vocabulary.findings import SEVERITIES, Finding, Subject

#: Name of each check, in the order in which they are shown.
CHECKS: dict[str, Callable[[Subject], Finding]] = {
    "round trip": checks_text.round_trip,
    "white space": checks_text.white_space_lost,
    "unknown tokens": checks_text.unknown_tokens,
    "missing bytes": checks_entries.missing_bytes,
    "special tokens typed by a user": checks_text.special_tokens_as_text,
    "control tokens marked special": checks_text.control_tokens_marked,
    "unreachable entries": checks_entries.unreachable_entries,
    "merges that cannot fire": checks_entries.dead_merges,
    "duplicate entries": checks_entries.duplicate_entries,
    "vocabulary holes": checks_entries.vocabulary_holes,
    "normalizer idempotent": checks_text.normalizer_idempotent,
    "determinism": checks_text.determinism,
    "offsets": checks_text.offsets,
    "padding and truncation": checks_entries.stored_settings,
    "chat template": checks_entries.chat_template,
}

SCHEMA = {
    "check": pl.String,
    "passed": pl.Boolean,
    "severity": pl.String,
    "evidence": pl.String,
    "remedy": pl.String,
}


def check_tokenizer(source: Any) -> pl.DataFrame:
    """Examine a tokenizer for the faults that are met in practice.

    Args:
        source: a tokenizer, or anything :func:`workbench.load_tokenizer` takes. Give the path or
            the live object to have stored padding, truncation and dropout examined too.

    Returns:
        One row per check: ``check``; ``passed`` (null where it does not apply); ``severity``
        (``error``, ``warning`` or ``note``: what a failure weighs; null unless it failed);
        ``evidence``, to be pasted with ``tok`` the tokenizer; ``remedy``.

    Raises:
        TokenizerError: it cannot be loaded, or its vocabulary is open.

    Example:
        >>> import workbench as wb
        >>> health = check_tokenizer(wb.load_tokenizer("mistral-v3"))
        >>> health.filter(~pl.col("passed"))["check"].to_list()
        []
    """
    tokenizer = source if isinstance(source, Tokenizer) else load_tokenizer(source)
    if tokenizer.vocab_size is None:
        raise TokenizerError(
            f"{tokenizer.name!r} has an open vocabulary: there is nothing to check"
        )
    subject = Subject(tokenizer, _stored(source))
    rows: list[dict[str, Any]] = []
    for name, check in CHECKS.items():
        try:
            finding = check(subject)
        except Exception as error:  # noqa: BLE001 - a library that breaks down is a finding
            finding = Finding.failed(
                f"the check broke down: {type(error).__name__}: {str(error)[:200]}",
                "Report it with the tokenizer; the library may be refusing its own file.",
            )
        rows.append(
            {
                "check": name,
                "passed": finding.passed,
                "severity": finding.severity if finding.passed is False else None,
                "evidence": finding.evidence,
                "remedy": finding.remedy or None,
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def exit_status(health: pl.DataFrame, *, strict: bool = False) -> int:
    """0 for a healthy tokenizer, 1 for one with errors; for a command line.

    Args:
        health: what :func:`check_tokenizer` returned.
        strict: count warnings as errors.

    Example:
        >>> import workbench as wb
        >>> exit_status(check_tokenizer(wb.load_tokenizer("mistral-v3")))
        0
    """
    worst = SEVERITIES[: 2 if strict else 1]
    failed = health.filter(pl.col("passed").eq(other=False) & pl.col("severity").is_in(worst))
    return 1 if failed.height else 0


def _stored(source: Any) -> dict[str, Any] | None:
    """Padding, truncation and dropout as the file or the live object has them."""
    if isinstance(source, Tokenizer):
        return None
    live = getattr(source, "backend_tokenizer", source)
    if hasattr(live, "no_padding") and hasattr(live, "to_str"):
        return _settings(json.loads(live.to_str()))
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        path = path / "tokenizer.json" if path.is_dir() else path
        if path.suffix == ".json" and path.is_file():
            return _settings(json.loads(path.read_text(encoding="utf-8")))
    return None


def _settings(file: Any) -> dict[str, Any] | None:
    if not isinstance(file, dict) or "model" not in file:
        return None
    return {
        "padding": file.get("padding"),
        "truncation": file.get("truncation"),
        "dropout": file["model"].get("dropout"),
    }
