"""Do tokens fall on morphemes, and what does it cost to make them?

The claims: vocabularies made by frequency cut words where no morpheme ends (Bio-Tokenization;
Gutiérrez, Sun and Su 2023, on biomedical words; Bayram and others 2025 on Turkish); cutting into
morphemes first and training BPE on those respects them (Park and others 2020, and KLUE, on
Korean). The first of these papers also found that better morphology did **not** help downstream:
it is to be read beside every score here.

The scores and their intervals are in :mod:`~.stem_scores`, gold words in a text in
:mod:`~.running_words`, the tokenizer that cuts morphemes first in :mod:`~.morpheme_first`. Here are
the experiment that trains two vocabularies, and the verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from workbench.metrics._base import FloatArray
from workbench.metrics._gold import GoldWord
from workbench.metrics._morph_counts import KEYS, count_words
from workbench.studies.boundary_stability import train_bpe
from workbench.studies.morpheme_first import MorphemeFirst
from workbench.studies.running_words import (
    WAYS,
    in_running_text,
    occurrences,
    running_words,
    texts_for,
)
from workbench.studies.stem_scores import SCORES, by_stem, clusters, score_of, scores, stem_key
from workbench.studies.verdicts import Estimate, function_of_sums, verdict_frame, verdict_row

__all__ = [
    "PAPERS",
    "SCORES",
    "WAYS",
    "MorphemeFirst",
    "clusters",
    "experiment",
    "in_running_text",
    "occurrences",
    "running_verdict",
    "running_words",
    "scores",
    "stem_key",
    "texts_for",
    "verdict",
]

PAPERS = (
    "Gutiérrez, Sun and Su 2023 (Bio-Tokenization)",
    "Park and others 2020; KLUE (Park and others 2021)",
)
_FEW = 10
_KAPPA = "boundary_kappa"


def experiment(
    gold: Sequence[GoldWord],
    texts: Sequence[str] = (),
    size: int = 600,
    *,
    folds: int = 5,
    seed: int = 0,
) -> pl.DataFrame:
    """BPE of words against BPE of morphemes, on words whose stem was not learnt from.

    Stems are dealt into folds. For each, both vocabularies learn from the other folds' words and
    from the texts: the one from words, the other from the same words cut where an analysis is
    known. The held-out words are then cut, for the second method by their gold analysis first.

    Args:
        gold: Words with their morphs; those whose morphs do not spell them are left out.
        texts: More to learn from.
        size: Entries of each vocabulary, at least 256.
        folds: At least 2, at most as many as there are stems.
        seed: Of the folds and of the bootstrap over stems.

    Returns:
        One row per measure: ``measure, words_first, morphemes_first`` (values) and ``difference,
        ci_low, ci_high`` (second less first, paired by stem), ``words``, ``stems``. Measures are
        ``boundary_precision, boundary_recall, boundary_f1, segment_f1`` and ``tokens`` (per word;
        its difference is a ratio, second over first); one that is not defined is left out.

    Raises:
        ValueError: When there are fewer stems than folds, or fewer than two folds.
    """
    words = [word for word in gold if word.concatenates]
    which = clusters(words) if words else np.zeros(0, dtype=np.int64)
    stems = int(which.max()) + 1 if words else 0
    if not 2 <= folds <= stems:
        raise ValueError(f"{stems} stems cannot be dealt into {folds} folds: take 2 to {stems}.")
    fold_of = np.random.default_rng(seed).permutation(stems) % folds
    analyses = {word.word: word.morphs for word in words}
    plain_texts = [w for text in texts for w in text.split()]
    counted: dict[str, list[dict[str, FloatArray]]] = {"words": [], "morphemes": []}
    order: list[int] = []
    for fold in range(folds):
        test = [i for i in range(len(words)) if fold_of[which[i]] == fold]
        order += test
        hidden = {words[i].word for i in test}
        known = {w: morphs for w, morphs in analyses.items() if w not in hidden}
        learn = [*known, *(w for w in plain_texts if w not in hidden)]
        cut = [morph for word in learn for morph in known.get(word, (word,))]
        gold_test = [words[i] for i in test]
        whole = train_bpe(learn, size, name="words first")
        parts = MorphemeFirst(train_bpe(cut, size), analyses, "morphemes first")
        counted["words"].append(count_words(whole, gold_test))
        counted["morphemes"].append(count_words(parts, gold_test))
    counts = [
        by_stem({key: np.concatenate([p[key] for p in side]) for key in side[0]}, which[order])
        for side in counted.values()
    ]
    sides = np.stack(counts, axis=1)  # (stems, sides, keys)
    rows = []
    for name in ("boundary_precision", "boundary_recall", "boundary_f1", "segment_f1", "tokens"):
        of = partial(_tokens_per_word if name == "tokens" else score_of, name)
        gap = partial(_ratio_of_sides if name == "tokens" else _difference_of_sides, of)
        found = function_of_sums(gap, sides, seed=seed)
        if found is None:
            continue
        values = of(sides.sum(axis=0)).tolist()
        rows.append((name, *values, found.value, found.low, found.high, len(words), stems))
    return pl.DataFrame(
        rows,
        schema={
            "measure": pl.String,
            "words_first": pl.Float64,
            "morphemes_first": pl.Float64,
            "difference": pl.Float64,
            "ci_low": pl.Float64,
            "ci_high": pl.Float64,
            "words": pl.Int64,
            "stems": pl.Int64,
        },
        orient="row",
    )


def _tokens_per_word(_: str, sums: FloatArray) -> FloatArray:
    return np.asarray(sums[..., KEYS.index("pieces")] / sums[..., KEYS.index("words")])


def _difference_of_sides(of: partial[FloatArray], sums: FloatArray) -> FloatArray:
    return np.asarray(of(sums)[..., 1] - of(sums)[..., 0])


def _ratio_of_sides(of: partial[FloatArray], sums: FloatArray) -> FloatArray:
    return np.asarray(of(sums)[..., 1] / of(sums)[..., 0])


def _beyond_chance(kappa: Estimate) -> str:
    if kappa.n < _FEW:
        return f"cannot be said: {kappa.n} stems"
    return kappa.side(0, "worse than chance", "beyond chance", "no better than chance")


def verdict(table: pl.DataFrame, trained: pl.DataFrame, language: str = "") -> pl.DataFrame:
    """Whether cuts fall on morphemes beyond chance, and what morphemes first gains and costs.

    Args:
        table: From :func:`scores`, with ``boundary_kappa``.
        trained: From :func:`experiment`.
        language: Named in the measures.

    Returns:
        The rows of a verdict.
    """
    rows = []
    where = f", {language}" if language else ""
    for row in table.filter(pl.col("score") == "boundary_kappa").to_dicts():
        kappa = Estimate(row["value"], row["ci_low"], row["ci_high"], row["stems"])
        text = _beyond_chance(kappa)
        if text == "beyond chance" and kappa.value < 0.5:
            text += ", far from morphemes"
        rows.append(
            verdict_row(
                "Vocabularies made by frequency cut where no morpheme ends",
                PAPERS[0],
                f"Cohen's κ of cuts and morph boundaries, {row['tokenizer']}{where}",
                kappa,
                text,
            )
        )
    claims = {
        "boundary_precision": "Morphemes first puts more of the cuts where morphemes end",
        "boundary_recall": "Morphemes first finds the ends of morphemes (by construction)",
        "segment_f1": "Morphemes first yields whole morphemes",
        "tokens": "Morphemes first costs more tokens",
    }
    for row in trained.to_dicts():
        if row["measure"] not in claims:
            continue
        gap = Estimate(row["difference"], row["ci_low"], row["ci_high"], row["stems"])
        ratio = row["measure"] == "tokens"
        text = gap.side(1 if ratio else 0, "the opposite", "holds", "no difference shown")
        rows.append(
            verdict_row(
                claims[row["measure"]],
                PAPERS[1],
                f"{row['measure']}: {row['words_first']:.2f} to {row['morphemes_first']:.2f}, "
                f"{'ratio' if ratio else 'difference'}{where}",
                gap,
                text,
            )
        )
    return verdict_frame(rows)


def running_verdict(table: pl.DataFrame) -> pl.DataFrame:
    """Whether cuts fall on morphemes in running text.

    Args:
        table: From :func:`in_running_text`, with ``boundary_kappa``.

    Returns:
        The rows of a verdict, one per gold set and tokenizer.
    """
    rows = []
    kappas = table.filter(pl.col("score") == _KAPPA)
    for (gold, tokenizer), part in kappas.group_by("gold", "tokenizer", maintain_order=True):
        by = {row["counted"]: row for row in part.to_dicts()}
        if WAYS[2] not in by:
            continue
        row = by[WAYS[2]]
        kappa = Estimate(row["value"], row["ci_low"], row["ci_high"], row["stems"])
        text = _beyond_chance(kappa)
        text += "".join(f"; {by[way]['value']:.2f} {way}" for way in WAYS[:2] if way in by)
        rows.append(
            verdict_row(
                "Vocabularies made by frequency cut where no morpheme ends",
                PAPERS[0],
                f"Cohen's κ, {row['words']} words {WAYS[2]}, {tokenizer}, {gold}",
                kappa,
                text,
            )
        )
    return verdict_frame(rows)
