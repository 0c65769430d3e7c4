"""In which order a tokenizer prefers its tokens: merge ranks, scores, or no order at all."""

from functools import lru_cache
from typing import Any

from workbench.tokenizers import Tokenizer

__all__ = ["rank_text"]


@lru_cache(maxsize=32)
def _table(tokenizer: Tokenizer) -> tuple[str, dict[int, float], int]:
    """What orders the vocabulary, the rank or score of each id, and how many there are."""
    model: dict[str, Any] = tokenizer.definition.get("model", {})
    kind = str(model.get("type", ""))
    if "ranks" in model:
        table = {int(entry[0]): float(rank) for rank, entry in enumerate(model["ranks"])}
        return "rank", table, len(table)
    if "merges" in model:
        vocab: dict[str, int] = model["vocab"]
        prefix = model.get("continuing_subword_prefix") or ""
        table = {}
        for rank, pair in enumerate(model["merges"]):
            left, right = pair.split(" ", 1) if isinstance(pair, str) else pair
            number = vocab.get(left + right.removeprefix(prefix))
            if number is not None:
                table.setdefault(number, float(rank))
        return "merge", table, len(model["merges"])
    if "pieces" in model:
        table = {number: float(piece[1]) for number, piece in enumerate(model["pieces"])}
        return ("log-probability" if kind == "Unigram" else "score"), table, len(table)
    if kind == "Unigram":
        table = {number: float(piece[1]) for number, piece in enumerate(model["vocab"])}
        return "log-probability", table, len(table)
    return kind, {}, 0


def rank_text(tokenizer: Tokenizer, token_id: int) -> str:
    """The place of a token in its tokenizer's order of preference, in words.

    Args:
        tokenizer: whose token.
        token_id: its id.

    Returns:
        For BPE the number of the merge that makes it, from 0, or its score; for Unigram its log
        probability; else a word on why there is none.

    Example:
        >>> import workbench as wb
        >>> rank_text(wb.load_tokenizer("bytes"), 65)
        'none: a rule cuts, not a model'
    """
    if tokenizer.library == "workbench":
        return "none: a rule cuts, not a model"
    if tokenizer.is_special(token_id):
        return "none: a special token"
    what, table, count = _table(tokenizer)
    if not table:
        return "none: the longest match wins"
    value = table.get(token_id)
    if value is None:
        return "none: a starting symbol or an added token"
    if what in {"rank", "merge"}:
        return f"{what} {value:,.0f} of {count:,}"
    return f"{what} {'−' if value < 0 else ''}{abs(value):,.2f}"
