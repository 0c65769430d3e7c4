"""tiktoken: a pattern cuts the text, and the ranks of byte strings decide the merges."""

from __future__ import annotations

from collections.abc import Mapping

import regex

from workbench.derivation.bpe import run_merges
from workbench.derivation.engines import Engine, Prepared, Unit, counted
from workbench.derivation.records import Explanation, Node, Part, Stage, Step
from workbench.derivation.unicode_versions import as_tiktoken_sees


def spell(data: bytes) -> str:
    r"""Bytes as text where they are UTF-8, else with ``\xNN`` for each byte that is not.

    Example:
        >>> spell("é".encode()), spell(b"\xf0\x9f")
        ('é', '\\xf0\\x9f')
    """
    return data.decode("utf-8", "backslashreplace")


class RankEngine(Engine):
    """Byte-pair merging by rank.

    Args:
        ranks: rank of each byte string.
        pattern: the pre-tokenizer's pattern, in the syntax of the ``regex`` module.
        special: text of each special token and its id.
        offset: what to add to a rank to have an id (Tekken puts its special tokens first).
    """

    def __init__(
        self,
        ranks: Mapping[bytes, int],
        pattern: str,
        special: Mapping[str, int],
        *,
        offset: int = 0,
    ) -> None:
        super().__init__()
        self._ranks = ranks
        self._offset = offset
        self._pattern = regex.compile(pattern)
        self._special = dict(special)
        longest_first = sorted(self._special, key=len, reverse=True)
        self._special_pattern = (
            regex.compile("|".join(regex.escape(text) for text in longest_first))
            if longest_first
            else None
        )

    def _lookup(self, left: bytes, right: bytes) -> tuple[int, bytes] | None:
        merged = left + right
        rank = self._ranks.get(merged)
        return None if rank is None else (rank, merged)

    def units(self, text: str, *, parse_special: bool) -> list[Unit]:
        """Special tokens where they are parsed, and the pattern's matches between them."""
        found: list[Unit] = []
        done = offset = 0
        cuts = (
            [(match.start(), match.end()) for match in self._special_pattern.finditer(text)]
            if parse_special and self._special_pattern
            else []
        )
        for start, end in [*cuts, (len(text), len(text))]:
            # A stretch between special tokens is matched alone: look-arounds do not reach out.
            stretch = text[done:start]
            for match in self._pattern.finditer(as_tiktoken_sees(stretch)):
                piece = stretch[match.start() : match.end()]
                if piece:
                    size = len(piece.encode())
                    found.append(Unit(piece, offset, offset + size))
                    offset += size
            if start < end:
                content = text[start:end]
                size = len(content.encode())
                found.append(Unit(content, offset, offset + size, self._special[content]))
                offset += size
            done = end
        return found

    def prepare(self, text: str, *, parse_special: bool) -> Prepared:
        """Source and pre-tokens; this library has no normalizer."""
        units = self.units(text, parse_special=parse_special)
        whole = (Part(text, 0, len(text.encode())),)
        parts = tuple(Part(unit.text, unit.start, unit.end) for unit in units)
        return Prepared(
            (
                Stage("source", whole, "The text as typed."),
                Stage("normalized", whole, "Unchanged: this library has no normalizer."),
                Stage(
                    "pre-tokens",
                    parts,
                    f"One pattern leaves {counted(len(parts), 'stretch', 'stretches')}.",
                ),
            ),
            tuple(units),
        )

    def replay(self, unit: str) -> list[int]:
        """See :meth:`Engine.replay`."""
        data = unit.encode()
        whole = self._ranks.get(data)
        if whole is not None:
            return [whole + self._offset]
        symbols = [data[index : index + 1] for index in range(len(data))]
        run = run_merges(symbols, self._lookup, record=False)
        return [self._ranks[symbol] + self._offset for symbol in run.symbols]

    def explain(self, unit: str) -> Explanation:
        """See :meth:`Engine.explain`.

        An entry is taken whole, without merging; its merges are shown all the same, since they
        say what it is made of, unless they do not lead to it.
        """
        data = unit.encode()
        symbols = [data[index : index + 1] for index in range(len(data))]
        run = run_merges(symbols, self._lookup)
        nodes = [
            Node(number, spell(symbol), self._id(symbol)) for number, symbol in enumerate(symbols)
        ]
        pieces: dict[int, bytes] = dict(enumerate(symbols))
        steps: list[Step] = []
        for merge in run.steps:
            pieces[merge.node] = merge.merged
            identifier = merge.rank + self._offset
            spelled = spell(merge.merged)
            nodes.append(Node(merge.node, spelled, identifier, merge.left, merge.right, merge.rank))
            steps.append(
                Step(
                    "merge",
                    merge.position,
                    spelled,
                    identifier,
                    left=spell(pieces[merge.left]),
                    right=spell(pieces[merge.right]),
                    rank=merge.rank,
                    node=merge.node,
                )
            )
        starting = tuple(spell(symbol) for symbol in symbols)
        whole = self._ranks.get(data)
        if whole is None:
            ids = tuple(self._ranks[symbol] + self._offset for symbol in run.symbols)
            merges = counted(len(steps), "merge")
            note = f"{counted(len(symbols), 'byte')}, {merges} in the order of ranks."
            return Explanation(
                "merges", note, ids, starting, tuple(steps), tuple(nodes), tuple(run.nodes)
            )
        identifier = whole + self._offset
        if len(run.symbols) == 1:
            note = "The whole stretch is an entry and is taken at once; its merges are shown."
            return Explanation(
                "whole entry",
                note,
                (identifier,),
                starting,
                tuple(steps),
                tuple(nodes),
                tuple(run.nodes),
            )
        note = (
            "The whole stretch is an entry and is taken at once; "
            f"merging alone would have ended with {len(run.symbols)} tokens."
        )
        lookup = Step("lookup", 0, unit, identifier, rank=whole, note=note)
        return Explanation("whole entry", note, (identifier,), starting, (lookup,))

    def _id(self, symbol: bytes) -> int | None:
        rank = self._ranks.get(symbol)
        return None if rank is None else rank + self._offset
