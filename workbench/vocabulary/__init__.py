"""What is in a vocabulary: looking entries up, auditing them, checking health, pruning."""

from workbench.vocabulary.audit import audit_several, audit_vocabulary, composition
from workbench.vocabulary.classes import (
    QTOK_CLASSES,
    UNICODE_VERSION,
    kind_of,
    qtok_class,
    scripts_of,
)
from workbench.vocabulary.entries import Entries, entries_of
from workbench.vocabulary.health import CHECKS, check_tokenizer, exit_status
from workbench.vocabulary.junk import junk_reason
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
from workbench.vocabulary.pruning import (
    DTYPE_BYTES,
    Pruning,
    Usage,
    count_usage,
    prune,
    pruning_curve,
)
from workbench.vocabulary.reachability import reachability

__all__ = [
    "CHECKS",
    "DTYPE_BYTES",
    "QTOK_CLASSES",
    "UNICODE_VERSION",
    "Entries",
    "IdReading",
    "Lookup",
    "Pruning",
    "Usage",
    "audit_several",
    "audit_vocabulary",
    "check_tokenizer",
    "composition",
    "count_usage",
    "describe",
    "entries_of",
    "exit_status",
    "junk_reason",
    "kind_of",
    "lookup",
    "nearest",
    "parse_ids",
    "prune",
    "pruning_curve",
    "qtok_class",
    "reachability",
    "read_ids",
    "scripts_of",
    "token_page",
]
