"""UTF-8 integrity: whether tokens hold whole characters.

Source: TokEval, UTF-8 character boundary metrics. A token is whole when its bytes are characters
from end to end; one that holds a part of a single character is a fallback; one that holds parts of
two (the tail of é and the head of 你) crosses an edge, and no neighbour can mend it alone. Seen
from the text, a character of several bytes is split when a cut falls inside it. Special and unknown
tokens stand for no bytes of the text and are left out; a character under an unknown token counts as
not split.

Example: é你 (C3 A9 E4 BD A0) as C3 | A9 E4 | BD A0: no token of three is whole, one crosses, both
characters are split.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.metrics._base import DocumentView, Metric, pooled
from workbench.metrics._cuts import character_bytes, cuts_of, pieces_of


def wholeness(data: bytes) -> int:
    r"""Say what bytes hold: 0 whole characters, 1 a part of one, 2 parts of several.

    Args:
        data: The bytes of a token.

    Returns:
        0, 1 or 2; 0 for no bytes.

    Example:
        >>> wholeness("é".encode()), wholeness(b"\xc3"), wholeness(b"\xa9\xe4")
        (0, 1, 2)
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        heads = sum((byte & 0xC0) != 0x80 for byte in data)
        return 2 if heads + ((data[0] & 0xC0) == 0x80) > 1 else 1
    return 0


def count_whole_characters(view: DocumentView) -> Mapping[str, int]:
    """Tokens and characters of one document by whether they are whole.

    Args:
        view: The document.

    Returns:
        tokens, whole, crossing; characters (of several bytes), split.
    """
    tokenizer = view.tokenizer
    kinds = [0, 0, 0]
    pieces, special = pieces_of(tokenizer), tokenizer.special_ids
    if not pieces.closed:
        kinds[0] = len(view.ids)  # its tokens are words of the text
    else:
        for token_id in view.ids:
            if token_id not in special and token_id != pieces.unknown:
                kinds[wholeness(pieces[token_id])] += 1
    offsets, cuts = character_bytes(view.text), cuts_of(view)
    wide = np.flatnonzero(np.diff(offsets) > 1)
    inside = np.searchsorted(cuts, offsets[wide + 1]) - np.searchsorted(cuts, offsets[wide] + 1)
    return {
        "tokens": sum(kinds),
        "whole": kinds[0],
        "crossing": kinds[2],
        "characters": len(wide),
        "split": int((inside > 0).sum()),
    }


METRIC = Metric(
    name="utf8",
    title="UTF-8 integrity",
    summary="Whether tokens hold whole characters, and characters lie in one token.",
    source="TokEval (swiss-ai/tokenizer-intrinsic-evals), UTF-8 token integrity",
    probe=count_whole_characters,
    variants=(
        pooled(
            "whole_characters",
            "utf8.whole",
            "utf8.tokens",
            unit="share of tokens",
            formula="tokens of whole characters / tokens",
            better="higher",
        ),
        pooled(
            "crossing",
            "utf8.crossing",
            "utf8.tokens",
            unit="share of tokens",
            formula="tokens with parts of two characters or more / tokens",
            better="lower",
        ),
        pooled(
            "split_characters",
            "utf8.split",
            "utf8.characters",
            unit="share of characters of several bytes",
            formula="characters with a cut inside / characters of two bytes or more",
            degenerate="null where every character is one byte",
            better="lower",
        ),
    ),
)
