r"""Round trip: whether a text comes back from its tokens.

Source: TokEval, round-trip losslessness. A document is exact when decoding gives the same code
points; where it does not, the error rate counts the edits that repair it, and white space is told
apart because its loss is the commonest and, in code, the dearest.

Example: "a  b" that comes back as "a b" is not exact; one edit in four characters is an error rate
of 0.25; one of two white-space characters is lost.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.metrics._base import DocumentView, Metric, pooled


def edit_distance(left: str, right: str) -> int:
    """Fewest insertions, deletions and substitutions of characters that turn one into the other.

    Hyyrö's bit-vector form of Myers' algorithm (J. ACM 46(3), 1999), on integers as wide as the
    text: a document of 10,000 characters takes milliseconds.

    Args:
        left: A text.
        right: Another.

    Returns:
        The Levenshtein distance.

    Example:
        >>> edit_distance("kitten", "sitting")
        3
    """
    start = 0
    limit = min(len(left), len(right))
    while start < limit and left[start] == right[start]:
        start += 1
    end = 0
    while end < limit - start and left[-1 - end] == right[-1 - end]:
        end += 1
    left, right = left[start : len(left) - end], right[start : len(right) - end]
    if not left or not right:
        return len(left) + len(right)
    where: dict[str, int] = {}
    for position, character in enumerate(left):
        where[character] = where.get(character, 0) | 1 << position
    full = (1 << len(left)) - 1
    last = 1 << len(left) - 1
    up, down, distance = full, 0, len(left)
    for character in right:
        match = where.get(character, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        horizontal_up = down | ~(diagonal | up) & full
        horizontal_down = up & diagonal
        distance += bool(horizontal_up & last) - bool(horizontal_down & last)
        horizontal_up = (horizontal_up << 1 | 1) & full
        horizontal_down = horizontal_down << 1 & full
        up = horizontal_down | ~(diagonal | horizontal_up) & full
        down = horizontal_up & diagonal
    return distance


def count_round_trip(view: DocumentView) -> Mapping[str, int]:
    """What one document loses on its way through the tokenizer.

    Args:
        view: The document.

    Returns:
        documents, exact (0 or 1), characters, edits, spaces (white-space characters of the
        source), spaces_lost (how many fewer come back), tokens, unknown.
    """
    text, back = view.text, view.decoded
    exact = text == back
    spaces = sum(map(str.isspace, text))
    kept = spaces if exact else sum(map(str.isspace, back))
    unknown = view.tokenizer.unk_id
    return {
        "documents": 1,
        "exact": int(exact),
        "characters": len(text),
        "edits": 0 if exact else edit_distance(text, back),
        "spaces": spaces,
        "spaces_lost": max(0, spaces - kept),
        "tokens": len(view.ids),
        "unknown": 0 if unknown is None else view.ids.count(unknown),
    }


METRIC = Metric(
    name="round_trip",
    title="Round trip",
    summary="Whether the text comes back from its tokens, and what is lost where it does not.",
    source="TokEval (swiss-ai/tokenizer-intrinsic-evals), round trip",
    probe=count_round_trip,
    variants=(
        pooled(
            "exact",
            "round_trip.exact",
            "round_trip.documents",
            unit="share of documents",
            better="higher",
        ),
        pooled(
            "character_errors",
            "round_trip.edits",
            "round_trip.characters",
            unit="edits per character",
            better="lower",
        ),
        pooled(
            "white_space_lost",
            "round_trip.spaces_lost",
            "round_trip.spaces",
            unit="share of white-space characters",
            better="lower",
        ),
        pooled(
            "unknown",
            "round_trip.unknown",
            "round_trip.tokens",
            unit="share of tokens",
            better="lower",
        ),
    ),
)
