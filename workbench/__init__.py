"""A research workbench for tokenizers: what a model sees of a text, exact to the byte.

Start with `load_tokenizer` and `segment`; `compare` measures tokenizers on a corpus, and
`render_report` turns a notebook into a page to hand on. Modules load when a name is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import character_tasks, laboratory, metrics, studies, vocabulary
    from workbench.compare import compare, differences
    from workbench.corpora import (
        Corpus,
        CorpusError,
        list_corpora,
        load_corpus,
        petrov_text,
    )
    from workbench.reports import render_report, render_reports
    from workbench.segmentation import (
        BoundaryComparison,
        Segmentation,
        Token,
        compare_boundaries,
        segment,
    )
    from workbench.tokenizers import (
        Tokenizer,
        TokenizerError,
        list_tokenizers,
        load_tokenizer,
        load_tokenizers,
    )
    from workbench.views.inspector import TokenInspector
    from workbench.vocabulary import audit_vocabulary, check_tokenizer

__version__ = "0.1.0"

_HOME = {
    "Tokenizer": "tokenizers",
    "TokenizerError": "tokenizers",
    "list_tokenizers": "tokenizers",
    "load_tokenizer": "tokenizers",
    "load_tokenizers": "tokenizers",
    "BoundaryComparison": "segmentation",
    "Segmentation": "segmentation",
    "Token": "segmentation",
    "compare_boundaries": "segmentation",
    "segment": "segmentation",
    "Corpus": "corpora",
    "CorpusError": "corpora",
    "petrov_text": "corpora",
    "list_corpora": "corpora",
    "load_corpus": "corpora",
    "compare": "compare",
    "differences": "compare",
    "audit_vocabulary": "vocabulary",
    "check_tokenizer": "vocabulary",
    "TokenInspector": "views.inspector",
    "render_report": "reports",
    "render_reports": "reports",
}
_MODULES = ("character_tasks", "laboratory", "metrics", "studies", "vocabulary")

__all__ = [
    "BoundaryComparison",
    "Corpus",
    "CorpusError",
    "Segmentation",
    "Token",
    "TokenInspector",
    "Tokenizer",
    "TokenizerError",
    "audit_vocabulary",
    "character_tasks",
    "check_tokenizer",
    "compare",
    "compare_boundaries",
    "differences",
    "laboratory",
    "list_corpora",
    "list_tokenizers",
    "load_corpus",
    "load_tokenizer",
    "load_tokenizers",
    "metrics",
    "petrov_text",
    "render_report",
    "render_reports",
    "segment",
    "studies",
    "vocabulary",
]


class _Package(ModuleType):
    """Keeps `workbench.compare` the function: importing the module of that name would hide it."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"workbench.{name}")
    if name not in _HOME:
        raise AttributeError(f"workbench has no name {name!r}; it has: {', '.join(__all__)}")
    value = getattr(import_module(f"workbench.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
