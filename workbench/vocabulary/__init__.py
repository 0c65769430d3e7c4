"""What is in a vocabulary: looking entries up, auditing them, checking health, pruning."""

from workbench.vocabulary.entries import Entries, entries_of
from workbench.vocabulary.lookup import (
    IdReading,
    Lookup,
    describe,
    lookup,
    nearest,
    read_ids,
    token_page,
)
from workbench.vocabulary.notation import parse_ids

__all__ = [
    "Entries",
    "IdReading",
    "Lookup",
    "describe",
    "entries_of",
    "lookup",
    "nearest",
    "parse_ids",
    "read_ids",
    "token_page",
]
