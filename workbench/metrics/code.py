"""Code: whether tokens respect the syntax, and what becomes of names.

Source: TokEval, AST leaf-node boundary alignment and identifier fragmentation. A leaf of the syntax
tree (a name, keyword, literal, operator or bracket; comments are prose) is aligned when a token
begins at its start and one ends at its end. A token that begins with the space before a name, the
ordinary case in byte-level vocabularies, then misses the start: `aligned` counts that as a miss, as
TokEval does, `aligned_after_space` lets white space before a leaf be part of its first token.

An operator or bracket is isolated when the tokens over it hold nothing else but white space.

Names cut at the joints of snake_case and camelCase keep their words; `name_cuts_at_joints` tells
such cuts from others, which TokEval's fragmentation does not.

Documents count whose language is Python, JavaScript, Rust or Java (by the corpus, or the ending of
the document's name); a document that was cut off gives the leaves that could be read.

Example: `return total` as return| total: the keyword is aligned, the name only if the space may
belong to it: 1/2 and 2/2. `userName` as user|Name: split, at a joint.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import regex

from workbench.metrics._base import DocumentView, IntArray, Metric, pooled
from workbench.metrics._cuts import cuts_of
from workbench.metrics._syntax import language_of, leaves

# After an underscore or before the last one of a row, before a capital that begins a word, around
# digits.
_JOINT = regex.compile(
    r"(?<=[^_])(?=_)|(?<=_)(?=[^_])|(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})"
    r"|(?<=\p{L})(?=\p{Nd})|(?<=\p{Nd})(?=\p{L})"
)
_KEYS = (
    *("documents", "leaves", "aligned", "spaced"),
    *("operators", "isolated", "names", "split", "pieces", "name_cuts", "joint_cuts"),
)


def joints(name: str) -> list[int]:
    """Where the words of an identifier meet, as characters from its start.

    Args:
        name: Such as getUserName, MAX_SIZE, HTTPServer2.

    Returns:
        Sorted places, the ends left out.

    Example:
        >>> joints("getUserName"), joints("MAX_SIZE"), joints("HTTPServer2")
        ([3, 7], [3, 4], [4, 10])
    """
    return [match.start() for match in _JOINT.finditer(name)]


def count_aligned_leaves(view: DocumentView) -> Mapping[str, int]:
    """Leaves and names of one document under one tokenizer.

    Args:
        view: The document.

    Returns:
        documents (0 where it is no code), leaves, aligned, spaced (aligned, white space before
        forgiven), operators (brackets and the like too), isolated (nothing but white space with
        them), names, split (names with a cut inside), pieces (of names), name_cuts, joint_cuts.
    """
    out = dict.fromkeys(_KEYS, 0)
    language = language_of(view.language, view.doc_id)
    if language is None:
        return out
    found = leaves(view.text, language)
    source = view.text.encode()
    cuts = np.unique(np.concatenate([[0], cuts_of(view), [len(source)]]))
    at_start, at_end = np.isin(found.start, cuts), np.isin(found.end, cuts)
    forgiven, trailing = _only_space_shared(source, cuts, found.start, found.end)
    first = np.searchsorted(cuts, found.start, side="right")
    inside = np.searchsorted(cuts, found.end, side="left") - first
    names, operators = found.kind == 0, found.kind == 3
    cut_names = np.flatnonzero(names & (inside > 0))
    at_joints = 0
    for i in cut_names.tolist():
        start, end = int(found.start[i]), int(found.end[i])
        name = source[start:end].decode()
        places = {start + len(name[:joint].encode()) for joint in joints(name)}
        at_joints += len(places & set(cuts[first[i] : first[i] + inside[i]].tolist()))
    return {
        "documents": 1,
        "leaves": len(found.start),
        "aligned": int((at_start & at_end).sum()),
        "spaced": int((forgiven & at_end).sum()),
        "operators": int(operators.sum()),
        "isolated": int((operators & forgiven & trailing).sum()),
        "names": int(names.sum()),
        "split": len(cut_names),
        "pieces": int((inside[names] + 1).sum()),
        "name_cuts": int(inside[names].sum()),
        "joint_cuts": at_joints,
    }


Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


def _only_space_shared(
    source: bytes, cuts: IntArray, starts: IntArray, ends: IntArray
) -> tuple[Flags, Flags]:
    """Whether white space alone stands between the last cut and a start, an end and the next."""
    white = np.isin(np.frombuffer(source, dtype=np.uint8), np.frombuffer(b" \t\n\r\f", np.uint8))
    solid = np.concatenate([[0], np.cumsum(~white)])  # solid bytes before each offset
    before = cuts[np.searchsorted(cuts, starts, side="right") - 1]
    after = cuts[np.searchsorted(cuts, ends, side="left")]
    return solid[before] == solid[starts], solid[after] == solid[ends]


METRIC = Metric(
    name="code",
    title="Code",
    summary="Whether tokens respect the syntax of code; null where the corpus holds none.",
    source="TokEval (swiss-ai/tokenizer-intrinsic-evals), AST alignment and fragmentation",
    probe=count_aligned_leaves,
    variants=(
        pooled(
            "aligned",
            "code.aligned",
            "code.leaves",
            unit="share of leaves",
            formula="leaves whose start and end are token boundaries / leaves",
            better="higher",
        ),
        pooled(
            "aligned_after_space",
            "code.spaced",
            "code.leaves",
            unit="share of leaves",
            formula="the same, white space before the leaf allowed in its first token / leaves",
            better="higher",
        ),
        pooled(
            "operators_isolated",
            "code.isolated",
            "code.operators",
            unit="share of operators and brackets",
            formula="operators whose tokens hold nothing else but white space / operators",
            degenerate="null where there are no operators",
            better="higher",
        ),
        pooled(
            "names_split",
            "code.split",
            "code.names",
            unit="share of identifiers",
            formula="identifiers with a cut inside / identifiers",
            degenerate="null where there are no identifiers",
            better="lower",
        ),
        pooled(
            "pieces_per_name",
            "code.pieces",
            "code.names",
            unit="pieces per identifier",
            degenerate="null where there are no identifiers",
            better="lower",
        ),
        pooled(
            "name_cuts_at_joints",
            "code.joint_cuts",
            "code.name_cuts",
            unit="share of cuts inside identifiers",
            formula="cuts at joints of snake_case, camelCase, digits / cuts inside identifiers",
            degenerate="null where no identifier is cut",
            better="higher",
        ),
    ),
)
