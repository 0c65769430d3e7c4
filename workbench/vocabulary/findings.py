"""What a health check is given, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workbench.derivation import Parents, merge_parents
from workbench.tokenizers import Tokenizer
from workbench.vocabulary.entries import Entries, entries_of
from workbench.vocabulary.reachability import reachability

#: From worst to least: errors make ``workbench check`` fail.
SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    ``passed`` is None where the check does not apply; ``severity`` is what a failure weighs.
    ``evidence`` can be pasted into Python, with ``tok`` the tokenizer.
    """

    passed: bool | None
    evidence: str
    remedy: str = ""
    severity: str = "error"

    @classmethod
    def ok(cls, evidence: str) -> Finding:
        """The check passed."""
        return cls(passed=True, evidence=evidence)

    @classmethod
    def failed(cls, evidence: str, remedy: str, *, severity: str = "error") -> Finding:
        """The check found a fault."""
        return cls(passed=False, evidence=evidence, remedy=remedy, severity=severity)

    @classmethod
    def not_applicable(cls, why: str) -> Finding:
        """The check does not apply to this tokenizer."""
        return cls(passed=None, evidence=why)


@dataclass(frozen=True)
class Subject:
    """The tokenizer under examination; what several checks need is made once.

    Attributes:
        tokenizer: as the workbench runs it.
        stored: settings of the file as shipped (padding, truncation, dropout), which the workbench
            switches off when it loads; None where the file is not at hand.
    """

    tokenizer: Tokenizer
    stored: dict[str, Any] | None = field(default=None)

    @cached_property
    def entries(self) -> Entries:
        """The vocabulary as columns."""
        return entries_of(self.tokenizer)

    @cached_property
    def status(self) -> list[tuple[str, str]]:
        """Kind and reason of every entry (see :mod:`workbench.vocabulary.reachability`)."""
        return reachability(self.tokenizer)

    @cached_property
    def parents(self) -> dict[int, Parents]:
        """The merge that makes each entry."""
        return merge_parents(self.tokenizer)


def shown(text: str, limit: int = 48) -> str:
    """A text as a Python literal, shortened in a way that says so.

    Example:
        >>> shown("a" * 60, 10)
        "'aaaaaaaaaa' + …"
    """
    return repr(text) if len(text) <= limit else f"{text[:limit]!r} + …"
