"""Scores moved from one tokenizer's tokens to another's, where that is lawful, refused elsewhere.

A log-probability is a sum over the tokens of a text, so the sum over any stretch of bytes that
begins and ends between tokens is known. Two segmentations of one text agree on some cuts: the
*shared cuts*. Between two neighbouring shared cuts lies a *block*, made of whole tokens of the
source and whole tokens of the target, and no finer stretch has this property (it is the finest
common coarsening of the two partitions). The sum of a block is lawful; how it would divide inside
the block is not determined by the scores. Hence:

* a target token that fills a block by itself, all of whose bytes have source tokens, gets the
  block's sum, exactly;
* target tokens that share a block get null, and the block's sum stands in ``blocks``;
* so do those whose block holds other bytes than the token, or source tokens of other bytes than
  the block: one tokenizer counts a space to the word, and the other drops it;
* with ``within="bytes"`` they get shares in proportion to their bytes, marked ``spread``: a
  convention for colouring, no measurement.

The sum moved is that of the *source's encoding* of those bytes. It is not the surprisal of the
bytes: other encodings of the same bytes hold probability too (see
:mod:`workbench.studies.byte_probabilities`), so −log P of an encoding is an upper bound.

Ranks, entropies and probabilities are refused with the reason.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from workbench.segmentation import Segmentation
from workbench.studies.score_table import (
    COLUMNS,
    KINDS,
    SPANS,
    ScoreError,
    typed,
    validate_scores,
)

STATUSES = (
    "exact",
    "shared block",
    "other bytes",
    "spread",
    "no score",
    "no source token",
    "no bytes",
)
"""Why a projected token has the score it has, or none.

``exact``: the token, its block and the block's source tokens are the same bytes. ``shared block``:
other target tokens lie in the block too. ``other bytes``: none does, but the token, or the source
tokens, do not fill the block. ``spread``: a share by length, of one of these two. ``no score``: a
source token of the block, one without bytes too, has none. ``no source token``: no source token
has a byte of the block. ``no bytes``: the token itself has none."""

_BLOCKS = {
    "doc": pl.String(),
    "score_name": pl.String(),
    "block": pl.Int64(),
    "byte_start": pl.Int64(),
    "byte_end": pl.Int64(),
    "source_tokens": pl.Int64(),
    "target_tokens": pl.Int64(),
    "score": pl.Float64(),
}


@dataclass(frozen=True)
class Projection:
    """Scores on another segmentation.

    Attributes:
        frame: The columns of a table of scores for the target's tokens, and ``block`` (a row of
            ``blocks``; null for a token without bytes) and ``status`` (one of :data:`STATUSES`).
        blocks: Stretches between shared cuts: ``doc, score_name, block, byte_start, byte_end,
            source_tokens, target_tokens, score``. Their scores add up to the source's total.
    """

    frame: pl.DataFrame
    blocks: pl.DataFrame

    @property
    def exact_share(self) -> float:
        """The share of target tokens, of those with bytes, that have an exact score."""
        with_bytes = self.frame.filter(pl.col("status") != "no bytes")
        if with_bytes.is_empty():
            return 0.0
        return float((with_bytes["status"] == "exact").sum()) / with_bytes.height


def refuse_unless_additive(score_name: str, *, additive: bool | None = None) -> None:
    """Raise, with the reason, unless the score of a stretch is the sum over its tokens.

    Args:
        score_name: The name in the table.
        additive: Settles it for a name that is not in :data:`~.score_table.KINDS`.

    Raises:
        ScoreError: For ranks, entropies, probabilities, and names nobody vouched for.

    >>> refuse_unless_additive("surprisal_bits")
    """
    kind = KINDS.get(score_name)
    if kind is not None:
        if not kind.additive:
            raise ScoreError(f"{score_name!r} cannot be moved to another tokenizer. {kind.why_not}")
        return
    if additive is None:
        raise ScoreError(
            f"Whether {score_name!r} adds over the tokens of a stretch is not known: pass "
            f"additive=True if it does, as log-probabilities do."
        )
    if not additive:
        raise ScoreError(f"{score_name!r} was declared not to add over tokens: it cannot be moved.")


@dataclass
class _Piece:
    """A token or a span: its bytes, its score, and the block it falls into."""

    start: int
    end: int
    score: float | None = None
    block: int = -1


def _blocks(source: list[_Piece], target: list[_Piece], size: int) -> list[tuple[int, int]]:
    """The finest stretches that cut neither a source nor a target piece; sets ``block``."""
    edges = {0, size}
    crossed = [0] * (size + 1)  # difference array: how many pieces lie strictly across a place
    for piece in (*source, *target):
        edges.update((piece.start, piece.end))
        if piece.end - piece.start > 1:
            crossed[piece.start + 1] += 1
            crossed[piece.end] -= 1
    depth, cuts = 0, []
    for place in range(size + 1):
        depth += crossed[place]
        if depth == 0 and place in edges:
            cuts.append(place)
    stretches = list(itertools.pairwise(cuts))
    at: dict[int, int] = {}
    for number, (start, end) in enumerate(stretches):
        at.update(dict.fromkeys(range(start, end), number))
    for piece in (*source, *target):
        piece.block = at.get(piece.start, -1)
    return stretches


def _project_document(
    source: list[_Piece], target: list[_Piece], size: int, within: str
) -> tuple[list[tuple[float | None, int | None, str]], list[dict[str, object]]]:
    stretches = _blocks(source, target, size)
    # A token without bytes (an added token, a lone word mark) counts into the block that starts
    # where it stands, and into one of its own at the end of the text: no score gets lost.
    members: list[list[_Piece]] = [[] for _ in stretches]
    trailing = [p for p in source if p.block < 0]
    for piece in source:
        if piece.block >= 0:
            members[piece.block].append(piece)
    sums = [_sum(inside) for inside in members]
    filled = [_fill(inside, *stretch) for inside, stretch in zip(members, stretches, strict=True)]
    sharing = [0] * len(stretches)
    width = [0] * len(stretches)
    for piece in target:
        if piece.block >= 0 and piece.end > piece.start:
            sharing[piece.block] += 1
            width[piece.block] += piece.end - piece.start
    results: list[tuple[float | None, int | None, str]] = []
    for piece in target:
        block = piece.block
        if piece.end == piece.start:
            results.append((None, None, "no bytes"))
        elif not any(p.end > p.start for p in members[block]):
            results.append((None, block, "no source token"))
        elif (total := sums[block]) is None:
            results.append((None, block, "no score"))
        elif sharing[block] == 1 and filled[block] and stretches[block] == (piece.start, piece.end):
            results.append((total, block, "exact"))
        elif within == "bytes":
            share = (piece.end - piece.start) / width[block]
            results.append((total * share, block, "spread"))
        else:
            results.append((None, block, "shared block" if sharing[block] > 1 else "other bytes"))
    rows: list[dict[str, object]] = [
        {
            "block": number,
            "byte_start": start,
            "byte_end": end,
            "source_tokens": len(members[number]),
            "target_tokens": sharing[number],
            "score": sums[number],
        }
        for number, (start, end) in enumerate(stretches)
    ]
    if trailing:
        rows.append(
            {
                "block": len(rows),
                "byte_start": size,
                "byte_end": size,
                "source_tokens": len(trailing),
                "target_tokens": 0,
                "score": _sum(trailing),
            }
        )
    return results, rows


def _sum(pieces: Sequence[_Piece]) -> float | None:
    """The sum of their scores; None where one is missing, or there are none."""
    known = [piece.score for piece in pieces if piece.score is not None]
    return sum(known) if pieces and len(known) == len(pieces) else None


def _fill(pieces: Sequence[_Piece], start: int, end: int) -> bool:
    """Whether pieces, in the order of their starts, cover every byte from start to end."""
    for piece in pieces:
        if piece.start > start:
            return False
        start = max(start, piece.end)
    return start == end


def _pieces(part: pl.DataFrame) -> list[_Piece]:
    return [
        _Piece(start, end, score)
        for start, end, score in part.select("byte_start", "byte_end", "score").iter_rows()
    ]


def _chosen(scores: pl.DataFrame, score_name: str | None, additive: bool | None) -> pl.DataFrame:
    """One tokenizer and one lawful score of a valid table."""
    scores = validate_scores(scores, first_scored=True)
    if scores.is_empty():
        raise ScoreError("The table of scores is empty: score a text that has a token.")
    names = scores["score_name"].unique().sort().to_list()
    if score_name is None:
        if len(names) != 1:
            raise ScoreError(f"The table holds {names}: name one with score_name.")
        score_name = names[0]
    elif score_name not in names:
        raise ScoreError(f"The table has no score {score_name!r}; it holds {names}.")
    refuse_unless_additive(score_name, additive=additive)
    part = scores.filter(pl.col("score_name") == score_name)
    tokenizers = part["tokenizer"].unique().sort().to_list()
    if len(tokenizers) != 1:
        raise ScoreError(f"The table holds scores of {tokenizers}: filter to one tokenizer.")
    return part


def project(
    scores: pl.DataFrame,
    segmentation_to: Segmentation | Mapping[str, Segmentation],
    *,
    score_name: str | None = None,
    within: str = "block",
    additive: bool | None = None,
) -> Projection:
    """Move additive scores to the tokens of another segmentation of the same text.

    Args:
        scores: A table of scores of one tokenizer.
        segmentation_to: The target's segmentation; one per document, by name, if there are more.
        score_name: Which score, where the table holds several.
        within: "block" leaves tokens that share a block without a score; "bytes" gives them
            shares by length, marked ``spread``.
        additive: Vouches for a score whose name is not known; see :func:`refuse_unless_additive`.

    Returns:
        The projection; ``frame`` for the tokens, ``blocks`` for the sums.

    Raises:
        ScoreError: For scores that do not add, documents without a segmentation, or texts that
            are too short for the offsets.

    Source and target cut "abcd" as ab|cd and abc|d: they share no inner cut, so the one lawful
    number is the sum over all four bytes. Against abcd as one token it is that token's score.

    >>> from workbench.segmentation import segment
    >>> from workbench.studies.score_table import table_from_values
    >>> from workbench.tokenizers import load_tokenizer
    >>> bpe, letters = (load_tokenizer(name) for name in ("workbench-bpe", "characters"))
    >>> fine = table_from_values(segment("The", letters), [1, 2, 4], "surprisal_bits",
    ...     first_scored=True)
    >>> project(fine, segment("The", bpe)).frame.select("score", "status").rows()
    [(7.0, 'exact')]
    >>> coarse = table_from_values(segment("The", bpe), [7], "surprisal_bits", first_scored=True)
    >>> project(coarse, segment("The", letters)).frame["status"].to_list()
    ['shared block', 'shared block', 'shared block']
    """
    if within not in ("block", "bytes"):
        raise ScoreError(f"within is 'block' or 'bytes', not {within!r}.")
    part = _chosen(scores, score_name, additive)
    documents = part["doc"].unique(maintain_order=True).to_list()
    if isinstance(segmentation_to, Mapping):
        segmentations = dict(segmentation_to)
    elif len(documents) == 1:
        segmentations = {documents[0]: segmentation_to}
    else:
        raise ScoreError(
            f"The scores are of {len(documents)} documents: give a segmentation for each, as a "
            f"mapping from the document's name."
        )
    frames, blocks = [], []
    for doc in documents:
        if doc not in segmentations:
            raise ScoreError(f"No segmentation was given for document {doc!r}.")
        segmentation = segmentations[doc]
        rows = part.filter(pl.col("doc") == doc)
        size = len(segmentation.source)
        if (reach := max(rows["byte_end"].to_list(), default=0)) > size:
            raise ScoreError(
                f"The scores of document {doc!r} reach byte {reach}, and the segmented text has "
                f"{size}: both must be of the same text."
            )
        places = segmentation.to_frame()
        target = [
            _Piece(start, end) for start, end in places.select("byte_start", "byte_end").iter_rows()
        ]
        results, stretches = _project_document(_pieces(rows), target, size, within)
        name, direction = rows["score_name"][0], rows["direction"][0]
        frames.append(
            pl.DataFrame(
                {
                    "doc": [doc] * len(target),
                    "tokenizer": [segmentation.tokenizer.name] * len(target),
                    "index": places["index"].cast(pl.Int64),
                    "token_id": places["id"].cast(pl.Int64),
                    "byte_start": [p.start for p in target],
                    "byte_end": [p.end for p in target],
                    "score_name": [name] * len(target),
                    "score": [r[0] for r in results],
                    "direction": [direction] * len(target),
                    "block": [r[1] for r in results],
                    "status": [r[2] for r in results],
                },
                schema={**COLUMNS, "block": pl.Int64, "status": pl.String},
            )
        )
        blocks += [{"doc": doc, "score_name": name, **row} for row in stretches]
    return Projection(pl.concat(frames), pl.DataFrame(blocks, schema=_BLOCKS))


def _inside(pieces: Sequence[_Piece], start: int, end: int) -> list[_Piece]:
    """Those that have a byte of a span, or stand in it without one."""
    reach = max(piece.end for piece in pieces)
    return [
        p
        for p in pieces
        if (p.start < end and p.end > start)
        or (p.start == p.end and (start <= p.start < end or start <= p.start == reach <= end))
    ]


def span_scores(
    scores: pl.DataFrame,
    spans: pl.DataFrame,
    *,
    score_name: str | None = None,
    additive: bool | None = None,
) -> pl.DataFrame:
    """Sums of an additive score over spans (claims, entities, words) that may cut tokens.

    Args:
        scores: A table of scores of one tokenizer.
        spans: The columns ``doc, byte_start, byte_end, label``; spans of a document may overlap.
        score_name: Which score, where the table holds several.
        additive: As in :func:`project`.

    Returns:
        The spans with ``score`` and ``status``: the sum where no token crosses the span's ends
        ("exact"), null where one does ("crossed"), holds no score ("no score"), or no token lies
        inside ("no source token"). A token without bytes lies in the span that goes on where it
        stands or, behind the last byte of any token, ends there. So spans that tile a document
        add up to its total.

    Raises:
        ScoreError: As :func:`project`, or when a span's document has no scores.

    >>> from workbench.segmentation import segment
    >>> from workbench.studies.score_table import table_from_values
    >>> from workbench.tokenizers import load_tokenizer
    >>> cut = segment("abc", load_tokenizer("bytes"))
    >>> scores = table_from_values(cut, [None, 2.0, 4.0], "surprisal_bits")
    >>> spans = pl.DataFrame({"doc": ["text"] * 2, "byte_start": [1, 0], "byte_end": [3, 2],
    ...     "label": ["bc", "ab"]})
    >>> span_scores(scores, spans).select("label", "score", "status").rows()
    [('bc', 6.0, 'exact'), ('ab', None, 'no score')]
    """
    part = _chosen(scores, score_name, additive)
    spans = typed(spans, SPANS, "table of spans")
    out: list[float | None] = []
    status: list[str] = []
    for span in spans.iter_rows(named=True):
        rows = part.filter(pl.col("doc") == span["doc"])
        if rows.is_empty():
            raise ScoreError(f"The span {span['label']!r} is in {span['doc']!r}, without scores.")
        start, end = span["byte_start"], span["byte_end"]
        if end < start or start < 0:
            raise ScoreError(f"The span {span['label']!r} runs from byte {start} to {end}.")
        pieces = _inside(_pieces(rows), start, end)
        if not pieces:
            out.append(None)
            status.append("no source token")
        elif any(p.start < start or p.end > end for p in pieces):
            out.append(None)
            status.append("crossed")
        else:
            out.append(_sum(pieces))
            status.append("no score" if out[-1] is None else "exact")
    return spans.with_columns(
        score=pl.Series(out, dtype=pl.Float64), status=pl.Series(status, dtype=pl.String)
    )
