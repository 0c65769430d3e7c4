"""What a derivation is made of: plain records, all of them JSON-able.

A derivation reads top-down: the stages a text goes through, then one :class:`PreToken` for each
stretch the model is given, and in it the way from symbols to ids.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

#: Columns of :meth:`Derivation.to_frame`, one row per step.
STEP_SCHEMA = {
    "pretoken": pl.Int64,
    "step": pl.Int64,
    "kind": pl.String,
    "rank": pl.Int64,
    "score": pl.Float64,
    "position": pl.Int64,
    "left": pl.String,
    "right": pl.String,
    "piece": pl.String,
    "id": pl.Int64,
    "note": pl.String,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a stage: its text there, and the source bytes it stands for.

    ``byte_start`` and ``byte_end`` are None where the library does not say.
    """

    text: str
    byte_start: int | None
    byte_end: int | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the pipeline.

    ``name`` is ``source``, ``normalized``, ``pre-tokens`` (or one part of a sequence of
    pre-tokenizers) or ``tokens``; ``note`` says in a sentence what the stage did, an untouched
    text included.
    """

    name: str
    parts: tuple[Part, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Node:
    """A symbol of a merge tree: a starting symbol, or the result of a merge.

    ``left`` and ``right`` are the numbers of the nodes it was made of, None for a starting symbol.
    ``rank`` is the merge's order of preference (smaller is earlier), ``score`` SentencePiece's.
    """

    number: int
    piece: str
    id: int | None
    left: int | None = None
    right: int | None = None
    rank: int | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a derivation, of any algorithm.

    ``kind`` is ``merge`` (BPE: ``left`` and ``right`` become ``piece`` at ``position`` among the
    symbols of the moment), ``match`` (WordPiece: ``piece`` is the longest that fits at character
    ``position``), ``piece`` (Unigram: part of the best path) or ``lookup`` (the whole pre-token at
    once). ``node`` is the merge's node number.
    """

    kind: str
    position: int
    piece: str
    id: int | None
    left: str | None = None
    right: str | None = None
    rank: int | None = None
    score: float | None = None
    node: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class LatticePath:
    """A way through a Unigram lattice: pieces with their log-probabilities, and the sum."""

    pieces: tuple[str, ...]
    ids: tuple[int | None, ...]
    scores: tuple[float, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one stretch of text becomes ids.

    ``symbols`` are what the model begins with (empty where it does not begin with symbols),
    ``roots`` the nodes that are left as tokens, in the order of ``ids``.
    """

    method: str
    note: str
    ids: tuple[int, ...]
    symbols: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    nodes: tuple[Node, ...] = ()
    roots: tuple[int, ...] = ()
    paths: tuple[LatticePath, ...] = ()


@dataclass(frozen=True, slots=True)
class PreToken:
    """A stretch the model gets, with its source bytes and its derivation.

    ``first_token`` is the index of its first token in the whole text.
    """

    index: int
    text: str
    byte_start: int | None
    byte_end: int | None
    first_token: int
    explanation: Explanation

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids it becomes."""
        return self.explanation.ids


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a tokenizer gets from a text to its ids.

    Attributes:
        text: the source.
        tokenizer: the tokenizer's name.
        algorithm: ``BPE``, ``Unigram``, ``WordPiece``, ``WordLevel`` or a baseline's.
        library: the library whose rules were replayed.
        stages: source, normalized, pre-tokens, tokens.
        pretokens: one per stretch the model is given.
        ids: what the replay gives.
        exact: True when ``ids`` equal the library's own; the view must say so when they do not.
    """

    text: str
    tokenizer: str
    algorithm: str
    library: str
    stages: tuple[Stage, ...]
    pretokens: tuple[PreToken, ...]
    ids: tuple[int, ...]
    exact: bool
    token_spans: tuple[tuple[int, int], ...] = field(default=())

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Every step of every pre-token as dictionaries, in the order in which they happen."""
        return [
            {"pretoken": pretoken.index, "step": number, **asdict(step)}
            for pretoken in self.pretokens
            for number, step in enumerate(pretoken.explanation.steps)
        ]

    def to_frame(self) -> pl.DataFrame:
        """One row per step; see :class:`Step` for the columns."""
        rows = [{name: step[name] for name in STEP_SCHEMA} for step in self.steps]
        return pl.DataFrame(rows, schema=STEP_SCHEMA)

    def pretoken_of(self, token: int) -> PreToken:
        """The pre-token that a token comes from.

        Raises:
            IndexError: no such token.
        """
        if not 0 <= token < len(self.ids):
            raise IndexError(
                f"token {token} does not exist: the text has {len(self.ids)} tokens, counted from 0"
            )
        for pretoken in self.pretokens:
            if pretoken.first_token <= token < pretoken.first_token + len(pretoken.ids):
                return pretoken
        raise AssertionError("every token lies in a pre-token")

    def tree(self, token: int) -> dict[str, Any] | None:
        """The merge tree of a token as nested dictionaries; None where no merges were made.

        Keys: ``piece``, ``id``, ``rank``, ``score``, ``children`` (empty for a starting symbol).
        """
        pretoken = self.pretoken_of(token)
        explanation = pretoken.explanation
        if not explanation.roots:
            return None
        nodes = {node.number: node for node in explanation.nodes}

        # Children have smaller numbers than their parents, so one pass in order builds the tree
        # without recursion, however deep.
        built: dict[int, dict[str, Any]] = {}
        for number in sorted(nodes):
            node = nodes[number]
            children = [built[child] for child in (node.left, node.right) if child is not None]
            built[number] = {
                "piece": node.piece,
                "id": node.id,
                "rank": node.rank,
                "score": node.score,
                "children": children,
            }
        return built[explanation.roots[token - pretoken.first_token]]

    def to_dict(self) -> dict[str, Any]:
        """Everything as dictionaries and lists that ``json.dumps`` takes."""
        return asdict(self)
