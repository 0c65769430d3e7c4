"""Scores over the inspector's rows: colours for the tokens in sight, top-k, projections."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.segmentation import Segmentation
from workbench.views.marks import spoken
from workbench.views.palette import text_on
from workbench.views.scales import Scale, scales
from workbench.views.wire import parts_json

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SURPRISAL", "Heat", "heat"]

SURPRISAL = "surprisal (bits), built in"
"""The score that needs no model: a token bigram counted on the bundled parallel text."""

_CORPUS = "parallel"

Heat = dict[str, Any]


def _surprisal(seg: Segmentation) -> "pl.DataFrame":
    from workbench.studies.token_scores import ngram_surprisal

    return ngram_surprisal(seg.text, seg.tokenizer, _CORPUS)


def _own(seg: Segmentation, scores: "pl.DataFrame | None", name: str) -> Scale | None:
    if name == SURPRISAL:
        found = scales(seg, _surprisal(seg))
    elif scores is None:
        return None
    else:
        found = scales(seg, scores.filter(scores["score_name"] == name))
    return found[0] if found else None


def _projected(
    seg: Segmentation, scores: "pl.DataFrame | None", name: str, source: str
) -> tuple[Scale | None, str]:
    """A score of another tokenizer on this one's tokens, or the sentence that refuses it."""
    from workbench.studies.token_scores import ScoreError, project

    if scores is None or name == SURPRISAL:
        return None, ""
    theirs = scores.filter((scores["score_name"] == name) & (scores["tokenizer"] == source))
    try:
        moved = project(theirs, seg).frame
    except ScoreError as problem:
        return None, str(problem)
    found = scales(seg, moved)
    return (found[0] if found else None), f"moved here from {source}"


def heat(
    segs: Sequence[Segmentation],
    scores: "pl.DataFrame | None",
    name: str,
    spans: Sequence[tuple[int, int]],
    *,
    move: bool,
) -> list[Heat]:
    """What colours each row for one score.

    Args:
        segs: one segmentation for each row.
        scores: the user's table, or None.
        name: which score.
        spans: first token and one past the last that each row draws.
        move: whether a score of one tokenizer is moved to the others, where that is lawful.

    Returns:
        For each row `colours`, `inks` and `texts` (lists over the drawn tokens), the legend's
        `name`, `meaning`, `low` and `high`, and a `note`; without colours where it has no score.
    """
    out: list[Heat] = []
    for seg, (start, stop) in zip(segs, spans, strict=True):
        scale, note = _own(seg, scores, name), ""
        if scale is None and move and scores is not None and "tokenizer" in scores.columns:
            others = scores.filter(scores["score_name"] == name)["tokenizer"].unique().to_list()
            source = next((other for other in others if other != seg.tokenizer.name), None)
            if source is not None:
                scale, note = _projected(seg, scores, name, source)
        if scale is None:
            reason = note or f"no {name} for the tokens of {seg.tokenizer.name} in this text"
            out.append({"note": reason})
            continue
        places = range(start, stop)
        colours = ["" if scale.share(i) is None else scale.colour(i) for i in places]
        out.append(
            {
                "name": scale.name,
                "meaning": scale.meaning,
                "low": scale.number(scale.low),
                "high": scale.number(scale.high),
                "from": start,
                "colours": colours,
                "inks": [text_on(colour) if colour else "" for colour in colours],
                "texts": [scale.text(i) for i in places],
                "note": note,
            }
        )
    return out


def alternatives(
    seg: Segmentation, index: int, table: "pl.DataFrame | None", *, top_k: int = 5
) -> dict[str, Any]:
    """The likeliest tokens at a place: the user's table, or the built-in bigram's.

    Args:
        seg: the segmentation.
        index: the token whose rivals are wanted.
        table: `index, rank, token_id, log_probability_nats` and, where there are several
            tokenizers, `tokenizer`; None for the bigram.
        top_k: how many.

    Returns:
        `rows` with the id, parts and probability of each, and `source`, who says so.
    """
    if table is not None:
        mine = table.filter(table["index"] == index)
        if "tokenizer" in mine.columns:
            mine = mine.filter(mine["tokenizer"] == seg.tokenizer.name)
        pairs = mine.sort("rank").head(top_k).select("token_id", "log_probability_nats").rows()
        source = "from the table of alternatives"
    else:
        pairs = _bigram(seg, index, top_k)
        source = "by the built-in bigram"
    import math

    return {
        "index": index,
        "source": source,
        "rows": [
            {
                "id": number,
                "parts": parts_json(seg.tokenizer.token_bytes(number)),
                "said": spoken(seg.tokenizer.token_bytes(number)),
                "probability": f"{math.exp(logarithm):.3g}",
                "chosen": number == int(seg.alignment.ids[index]),
            }
            for number, logarithm in pairs
        ],
    }


def _bigram(seg: Segmentation, index: int, top_k: int) -> list[tuple[int, float]]:
    import numpy as np

    from workbench.studies.token_scores import fit_ngram

    if index == 0 or seg.tokenizer.vocab_size is None:
        return []
    model = fit_ngram(seg.tokenizer, _CORPUS)
    logs = model([int(seg.alignment.ids[index - 1])], document_start=False)
    best = np.argpartition(-logs, min(top_k, logs.size - 1))[:top_k]
    best = best[np.lexsort((best, -logs[best]))]
    return [(int(number), float(logs[number])) for number in best if np.isfinite(logs[number])]
