"""Why this cut: the way from a text to its ids, replayed by the rules of each library.

``derive`` gives the stages (source, normalized, pre-tokens, tokens) and, for each pre-token, the
merges in the order of ranks (BPE), the best path and the runner-up (Unigram) or the greedy matches
(WordPiece). ``replay`` gives the ids alone, fast.
"""

from workbench.derivation.derive import derive, engine_for, replay
from workbench.derivation.merges import Parents, ancestors, merge_parents
from workbench.derivation.records import (
    Derivation,
    Explanation,
    LatticePath,
    Node,
    Part,
    PreToken,
    Stage,
    Step,
)

__all__ = [
    "Derivation",
    "Explanation",
    "LatticePath",
    "Node",
    "Parents",
    "Part",
    "PreToken",
    "Stage",
    "Step",
    "ancestors",
    "derive",
    "engine_for",
    "merge_parents",
    "replay",
]
