"""A number per token: one table for many papers, and what may lawfully be done with it.

Uncertainty, detectors of generated text, critical tokens, attribution and preference weights all
show a number per token. This module is the study's front: the table and its checks
(:mod:`.score_table`), moving scores between tokenizers (:mod:`.score_projection`), and scores of
a small model that needs no download: a smoothed token n-gram counted on a corpus of the workbench.

What it cannot show: whether any such score predicts errors of a large model. For that, score a
file with that model and read it with :func:`read_scores`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.corpora import Corpus, load_corpus
from workbench.segmentation import Segmentation, segment
from workbench.studies.documents import Split
from workbench.studies.score_alternatives import (
    ALTERNATIVES,
    SOURCE_INDEX,
    EntropyBounds,
    entropy_bounds,
    validate_alternatives,
    validate_source_index,
)
from workbench.studies.score_projection import (
    STATUSES,
    Projection,
    project,
    refuse_unless_additive,
    span_scores,
)
from workbench.studies.score_table import (
    COLUMNS,
    DIRECTIONS,
    KINDS,
    SPANS,
    ScoreError,
    ScoreKind,
    read_scores,
    table_from_values,
    validate_scores,
)
from workbench.studies.token_ngram import TokenNgram
from workbench.studies.verdicts import (
    Estimate,
    ratio_over_documents,
    verdict_frame,
    verdict_row,
)
from workbench.tokenizers import Tokenizer

__all__ = [
    "ALTERNATIVES",
    "COLUMNS",
    "DIRECTIONS",
    "KINDS",
    "SOURCE_INDEX",
    "SPANS",
    "STATUSES",
    "EntropyBounds",
    "NgramScores",
    "Projection",
    "ScoreError",
    "ScoreKind",
    "TokenNgram",
    "entropy_bounds",
    "fit_ngram",
    "ngram_scores",
    "ngram_surprisal",
    "project",
    "read_scores",
    "refuse_unless_additive",
    "source_and_targets",
    "span_scores",
    "table_from_values",
    "validate_alternatives",
    "validate_scores",
    "validate_source_index",
    "verdict",
]

PAPER = "Witten and Bell 1991; projections: additivity of log-probabilities"

_MODELS: dict[tuple[str, str, int], TokenNgram] = {}
_MODELS_KEPT = 8


def fit_ngram(tok: Tokenizer, corpus: Corpus | str | Iterable[str], n: int = 2) -> TokenNgram:
    """A smoothed n-gram model of the tokens of a corpus.

    Args:
        tok: Any tokenizer.
        corpus: A corpus, the name of a bundled one, or texts.
        n: Tokens per n-gram.

    Returns:
        The model. Those counted on a named corpus are kept, so typing in the inspector stays
        quick; at most eight of them.

    Raises:
        ValueError: When n is below 1, or the corpus holds no token.
    """
    if isinstance(corpus, str):
        corpus = load_corpus(corpus)
    key = (tok.fingerprint, corpus.checksum, n) if isinstance(corpus, Corpus) else None
    if key is not None and key in _MODELS:
        return _MODELS[key]
    texts = _texts(corpus)
    ids = None if tok.vocab_size is None else tok.ids()
    model = TokenNgram(n, ids).fit(tok.encode_batch(texts))
    if not model.tokens_seen:
        raise ValueError(
            f"{tok.name} finds no token in the corpus, and a model that has counted nothing holds "
            f"all tokens for equally likely: give it a text."
        )
    if key is not None:
        while len(_MODELS) >= _MODELS_KEPT:
            _MODELS.pop(next(iter(_MODELS)))
        _MODELS[key] = model
    return model


def _texts(corpus: Corpus | Iterable[str]) -> list[str]:
    if isinstance(corpus, Corpus):
        return [text for batch in corpus.batches() for text in batch["text"]]
    return list(corpus)


def ngram_surprisal(
    text: str,
    tok: Tokenizer,
    corpus: Corpus | str | Iterable[str] = "parallel",
    n: int = 2,
    *,
    doc: str = "text",
    document_start: bool = False,
) -> pl.DataFrame:
    """Surprisal in bits of each token of a text, −log2 P(token | the n−1 tokens before it).

    Args:
        text: What to score. A text of the corpus itself gets flattering numbers.
        tok: Any tokenizer.
        corpus: What the model is counted on: a corpus, a bundled name, or texts.
        n: Tokens per n-gram.
        doc: The document's name in the table.
        document_start: Whether the text begins where a document begins. Then the first token is
            scored too, against the corpus' first tokens. Otherwise it is null when n > 1: nothing
            stands before it. A unigram model (n = 1) needs no context and scores it.

    Returns:
        A table of scores, ``score_name`` "surprisal_bits", one row per token.

    Raises:
        ValueError: As :func:`fit_ngram`.

    Of the six letters counted two are b, of three kinds among 1,114,112 code points; after a came
    b, b and c, of two kinds: (2 + 2 · 2/9) / (3 + 2) is next to 0.49.

    >>> from workbench.tokenizers import load_tokenizer
    >>> table = ngram_surprisal("ab", load_tokenizer("characters"), ["ab", "ab", "ac"])
    >>> table["score"].round(3).to_list()
    [None, 1.032]
    """
    model = fit_ngram(tok, corpus, n)
    segmentation = segment(text, tok)
    ids = list(segmentation.ids)
    scores = _surprisals(ids, model, document_start=document_start)
    return table_from_values(segmentation, scores, "surprisal_bits", doc=doc, first_scored=True)


def _surprisals(
    ids: Sequence[int], model: TokenNgram, *, document_start: bool
) -> list[float | None]:
    out: list[float | None] = []
    longest = model.order - 1
    for index, token in enumerate(ids):
        if index == 0 and longest > 0 and not document_start:
            out.append(None)
            continue
        # The history alone decides, and its place decides whether it reaches the beginning.
        prefix = ids[max(0, index - longest) : index]
        nats = model.log_probability(token, prefix, document_start=document_start)
        out.append(max(0.0, -nats / math.log(2)))
    return out


@dataclass(frozen=True)
class NgramScores:
    """Scores of a text under an n-gram model, and the alternatives at each token.

    Attributes:
        frame: A table of scores with surprisal_bits, rank and entropy_bits.
        alternatives: The top-k at each scored token.
        segmentation: The text, cut.
    """

    frame: pl.DataFrame
    alternatives: pl.DataFrame
    segmentation: Segmentation


def ngram_scores(
    text: str,
    tok: Tokenizer,
    corpus: Corpus | str | Iterable[str] = "parallel",
    n: int = 2,
    *,
    top_k: int = 5,
    doc: str = "text",
) -> NgramScores:
    """Surprisal, rank and entropy of each token, and the likeliest alternatives.

    Args:
        text: What to score.
        tok: A tokenizer with a closed vocabulary.
        corpus: As in :func:`ngram_surprisal`.
        n: Tokens per n-gram.
        top_k: Alternatives per token.
        doc: The document's name in the tables.

    Returns:
        Three scores per token (null for the first) and the alternatives. ``rank`` is 1 plus the
        number of tokens that are strictly likelier; ties share a rank.

    Raises:
        ValueError: When top_k is below 1 or the vocabulary is open, or as :func:`fit_ngram`.

    >>> from workbench.tokenizers import load_tokenizer
    >>> found = ngram_scores("ac", load_tokenizer("bytes"), ["ab", "ab", "ac"], top_k=2)
    >>> found.alternatives.select("rank", "token_id").rows()  # b is likelier, c is next
    [(1, 98), (2, 99)]
    >>> found.frame.filter(score_name="rank")["score"].to_list()
    [None, 2.0]
    """
    if top_k < 1:
        raise ValueError(f"top_k counts alternatives and is at least 1, not {top_k}.")
    if tok.vocab_size is None:
        raise ValueError(
            f"Ranks and entropies are taken over a closed vocabulary, and {tok.name} has an open "
            f"one: use another tokenizer, or ngram_surprisal."
        )
    model = fit_ngram(tok, corpus, n)
    segmentation = segment(text, tok)
    ids = list(segmentation.ids)
    surprisals = _surprisals(ids, model, document_start=False)
    ranks: list[float | None] = []
    entropies: list[float | None] = []
    alternatives: list[dict[str, object]] = []
    for index, token in enumerate(ids):
        if surprisals[index] is None:
            ranks.append(None)
            entropies.append(None)
            continue
        logs = model(ids[max(0, index - n + 1) : index], document_start=False)
        ranks.append(float(1 + int((logs > logs[token]).sum())))
        finite = logs[np.isfinite(logs)]
        entropies.append(max(0.0, float(-(np.exp(finite) * finite).sum() / math.log(2))))
        best = np.argpartition(-logs, min(top_k, logs.size) - 1)[:top_k]
        best = best[np.lexsort((best, -logs[best]))]
        alternatives += [
            {
                "doc": doc,
                "tokenizer": tok.name,
                "index": index,
                "rank": rank,
                "token_id": int(candidate),
                "log_probability_nats": float(logs[candidate]),
            }
            for rank, candidate in enumerate(best, start=1)
            if np.isfinite(logs[candidate])
        ]
    tables = [
        table_from_values(segmentation, values, name, doc=doc, first_scored=True)
        for name, values in (
            ("surprisal_bits", surprisals),
            ("rank", ranks),
            ("entropy_bits", entropies),
        )
    ]
    return NgramScores(
        validate_scores(pl.concat(tables), first_scored=True),
        validate_alternatives(pl.DataFrame(alternatives, schema=ALTERNATIVES)),
        segmentation,
    )


def source_and_targets(tokenizers: Sequence[Tokenizer]) -> tuple[Tokenizer, ...]:
    """The tokenizer whose tokens are scored, then those the scores are moved to.

    Raises:
        ValueError: When there is no second one.

    >>> from workbench.tokenizers import load_tokenizers
    >>> [tok.name for tok in source_and_targets(load_tokenizers(["bytes", "tekken"]))]
    ['bytes', 'tekken']
    """
    if len(tokenizers) < 2:
        raise ValueError(
            "Moving scores needs two tokenizers, the one that is scored first, not "
            f"{len(tokenizers)}."
        )
    return tuple(tokenizers)


def verdict(
    texts: Sequence[str] | Split,
    tokenizers: Sequence[Tokenizer],
    corpus: Corpus | str | Iterable[str] = "parallel",
    n: int = 2,
    seed: int = 0,
) -> pl.DataFrame:
    """What survives a move of scores from one tokenizer to each of the others, in numbers.

    Args:
        texts: Documents to score, each a unit of the intervals; or a split of a corpus, whose
            held-out paragraphs are scored and whose units are resampled.
        tokenizers: The first is the source, each other one a target.
        corpus: What the n-gram model is counted on.
        n: Tokens per n-gram.
        seed: Of the bootstrap.

    Returns:
        Rows with the columns of a verdict: conservation of the total, and per target the share of
        tokens that get an exact score, with those of the other statuses named.

    Raises:
        ValueError: When there are fewer than two tokenizers, no text, or one without a token.
    """
    source, *targets = source_and_targets(tokenizers)
    split = texts if isinstance(texts, Split) else Split((), tuple(texts))
    if not split.held_out:
        raise ValueError("Moving scores needs a text.")
    rows = []
    tables = [
        ngram_surprisal(t, source, corpus, n, doc=str(i), document_start=True)
        for i, t in enumerate(split.held_out)
    ]
    empty = next((i for i, table in enumerate(tables) if table.is_empty()), None)
    if empty is not None:
        raise ValueError(
            f"{source.name} finds no token in text {empty}, {split.held_out[empty]!r}: leave it "
            f"out."
        )
    worst = 0.0
    for target in targets:
        exact, total = [], []
        statuses: Counter[str] = Counter()
        for text, table in zip(split.held_out, tables, strict=True):
            moved = project(table, segment(text, target))
            gap = abs(float(moved.blocks["score"].sum()) - float(table["score"].sum()))
            worst = max(worst, gap)
            with_bytes = moved.frame.filter(pl.col("status") != "no bytes")["status"].to_list()
            exact.append(with_bytes.count("exact"))
            total.append(len(with_bytes))
            statuses.update(with_bytes)
        share = ratio_over_documents(split.by_unit(exact), split.by_unit(total), seed=seed)
        rows.append(
            verdict_row(
                "Log-probabilities can be moved between tokenizers",
                PAPER,
                f"share of {target.name} tokens with an exact score from {source.name}",
                share,
                _shares(statuses),
            )
        )
    rows.insert(
        0,
        verdict_row(
            "Log-probabilities add over bytes",
            PAPER,
            "largest change of a document's total when moved (bits)",
            Estimate(worst, None, None, len(split.held_out)),
            "holds" if worst < 1e-6 else "does not hold",
        ),
    )
    return verdict_frame(rows)


def _shares(statuses: Mapping[str, int]) -> str:
    """How many of the tokens have an exact score, and how many have none, by the reason."""
    total, exact = sum(statuses.values()), statuses.get("exact", 0)
    rest = [f"{name} {statuses[name]}" for name in STATUSES if name in statuses and name != "exact"]
    return f"holds for {exact / total:.0%} of the tokens: " + ", ".join(
        [f"exact {exact} of {total}", *rest]
    )
