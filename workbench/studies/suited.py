"""Which of the tokenizers asked for a study can work with, and why the others are left out.

A study may need a closed vocabulary, or tokens that join to the text. One tokenizer that cannot
give it must not cost the reader the results of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workbench.tokenizers import Tokenizer

__all__ = ["suited"]


def suited(
    tokenizers: Sequence[Tokenizer], trial: Callable[[Tokenizer], Any]
) -> tuple[list[Tokenizer], list[str]]:
    """Try each tokenizer, and keep those that pass.

    Args:
        tokenizers: What was asked for.
        trial: What the study will do, on something small; a ValueError of it is the reason.

    Returns:
        Those that pass, in order, and a sentence for each of the others.

    Raises:
        ValueError: When none passes; the message holds every reason.

    >>> from workbench.studies.stochastok import stochastok
    >>> from workbench.tokenizers import load_tokenizer
    >>> kept, notes = suited([load_tokenizer(n) for n in ("workbench-bpe", "words")], stochastok)
    >>> [tok.name for tok in kept], notes[0].partition(":")[0]
    (['workbench-bpe'], 'words is left out')
    """
    kept, notes = [], []
    for tok in tokenizers:
        try:
            trial(tok)
        except ValueError as reason:
            notes.append(f"{tok.name} is left out: {reason}")
        else:
            kept.append(tok)
    if not kept:
        raise ValueError(
            "None of the tokenizers can be used here; try workbench-bpe or tekken. "
            + " ".join(notes or ["None was given."])
        )
    return kept, notes
