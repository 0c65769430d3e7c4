"""The leaves of a syntax tree, as byte spans.

By tree-sitter for Python, JavaScript, Rust and Java; for Python by the standard library's
`tokenize` too, which knows the same leaves but no tree. Comments and white space are no leaves;
what a parser could not read is left out.
"""

from __future__ import annotations

import io
import keyword
import tokenize
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np

from workbench.metrics._base import IntArray
from workbench.metrics._cuts import character_bytes

Parser = Literal["tree-sitter", "stdlib"]

LANGUAGES: Final[dict[str, tuple[str, ...]]] = {
    "Python": (".py", ".pyi"),
    "JavaScript": (".js", ".mjs", ".cjs", ".jsx"),
    "Rust": (".rs",),
    "Java": (".java",),
}
"""Languages whose grammar comes with the workbench, and the endings of their files."""

CLASSES: Final = ("identifier", "keyword", "literal", "operator")
"""What a leaf is; brackets, commas and the like are operators."""


@dataclass(frozen=True)
class Leaves:
    """The leaves of one source text, in order.

    Attributes:
        start: int64 (leaves,): first byte of each.
        end: int64 (leaves,): one past its last.
        kind: int64 (leaves,): its place in `CLASSES`.
    """

    start: IntArray
    end: IntArray
    kind: IntArray


def language_of(language: str | None, doc_id: str) -> str | None:
    """The programming language of a document.

    Args:
        language: As the corpus gives it, in any case.
        doc_id: A path or name whose ending may tell.

    Returns:
        A key of `LANGUAGES`, or None: it is none of them, or no code.

    Example:
        >>> language_of("python", ""), language_of(None, "src/main.rs"), language_of("eng", "1")
        ('Python', 'Rust', None)
    """
    for name, endings in LANGUAGES.items():
        if (language or "").casefold() == name.casefold() or doc_id.lower().endswith(endings):
            return name
    return None


@lru_cache(maxsize=4)
def _parser(language: str) -> Any:
    import importlib

    from tree_sitter import Language, Parser

    grammar = importlib.import_module(f"tree_sitter_{language.lower()}")
    return Parser(Language(grammar.language()))


def _class_of(node: Any) -> int:
    kind: str = node.type
    if kind.endswith("identifier"):
        return 0
    if not node.is_named and kind.isidentifier():
        return 1
    return 2 if node.is_named or kind in {'"', "'", "`"} else 3


def _by_tree(text: str, language: str) -> list[tuple[int, int, int]]:
    tree = _parser(language).parse(text.encode())
    found: list[tuple[int, int, int]] = []
    cursor = tree.walk()
    while True:
        node = cursor.node
        if node.child_count == 0 and "comment" not in node.type and node.type != "ERROR":
            # Comments are prose; Rust and Java have kinds of their own, so the name decides.
            inside = node.parent is not None and "comment" in node.parent.type
            if node.end_byte > node.start_byte and not inside and node.text.strip():
                found.append((node.start_byte, node.end_byte, _class_of(node)))
        if "comment" not in node.type and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found


_LITERALS = {tokenize.NUMBER, tokenize.STRING}


def _by_tokens(text: str) -> list[tuple[int, int, int]]:
    """Python by the standard library, as far as it can read."""
    lines = text.splitlines(keepends=True)
    before = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    offsets = character_bytes(text)
    found: list[tuple[int, int, int]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            if token.type in _LITERALS or "STRING" in tokenize.tok_name[token.type]:
                kind = 2
            elif token.type == tokenize.NAME:
                kind = 1 if keyword.iskeyword(token.string) else 0
            elif token.type == tokenize.OP:
                kind = 3
            else:
                continue
            (row, column), (last, until) = token.start, token.end
            span = offsets[before[row - 1] + column], offsets[before[last - 1] + until]
            if span[1] > span[0]:
                found.append((int(span[0]), int(span[1]), kind))
    except (tokenize.TokenError, SyntaxError):
        pass  # a document cut in the middle of a bracket: what was read so far stands
    return found


@lru_cache(maxsize=256)
def leaves(text: str, language: str, parser: Parser = "tree-sitter") -> Leaves:
    """The leaves of a source text.

    Args:
        text: The source.
        language: A key of `LANGUAGES`.
        parser: "tree-sitter", or "stdlib" for Python without it.

    Returns:
        The leaves; code that is cut off or broken gives those that could be read.

    Raises:
        ValueError: If there is no such parser for the language.

    Example:
        >>> found = leaves("x = total", "Python")
        >>> found.start.tolist(), [CLASSES[k] for k in found.kind]
        ([0, 2, 4], ['identifier', 'operator', 'identifier'])
    """
    if language not in LANGUAGES or (parser == "stdlib" and language != "Python"):
        raise ValueError(
            f"no parser {parser!r} for {language!r}: tree-sitter reads {', '.join(LANGUAGES)}, the "
            "standard library reads Python"
        )
    rows = _by_tokens(text) if parser == "stdlib" else _by_tree(text, language)
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Leaves(table[:, 0], table[:, 1], table[:, 2])
