"""Do tokens fall on morphemes, and what does it cost to make them?

The claims: vocabularies made by frequency cut words where no morpheme ends (Bio-Tokenization;
Gutiérrez, Sun and Su 2023, on biomedical words; Bayram and others 2025 on Turkish); cutting into
morphemes first and training BPE on those respects them (Park and others 2020, and KLUE, on
Korean). The first of these papers also found that better morphology did **not** help downstream:
it is to be read beside every score here.

The first claim is judged by Cohen's κ of cuts and ends of morphemes, 0 at chance and 1 where they
are the same: it holds where the whole interval of κ lies below :data:`FAR`, does not hold where it
lies above, and is not decided in between. Fewer than :data:`FEW` stems decide nothing.

The scores and their intervals are in :mod:`~.stem_scores`, gold words in a text in
:mod:`~.running_words`, the tokenizer that cuts morphemes first in :mod:`~.morpheme_first`, what may
be learnt where stems are held out in :mod:`~.held_out_stems`. Here are the experiment that trains
two vocabularies, and the verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from workbench.metrics._base import FloatArray
from workbench.metrics._gold import BUNDLED, GoldWord, as_gold
from workbench.metrics._morph_counts import KEYS, count_words
from workbench.studies.held_out_stems import HeldOut
from workbench.studies.morpheme_first import MorphemeFirst, cut_first
from workbench.studies.running_words import (
    WAYS,
    in_running_text,
    language_of,
    occurrences,
    running_words,
    texts_for,
    turkish_shares,
)
from workbench.studies.short_tokens import of_one_size, train_bpe
from workbench.studies.stem_scores import SCORES, by_stem, clusters, score_of, scores, stem_key
from workbench.studies.verdicts import Estimate, function_of_sums, verdict_frame, verdict_row
from workbench.tokenizers import Tokenizer

__all__ = [
    "FAR",
    "FEW",
    "PAPERS",
    "SCORES",
    "WAYS",
    "MorphemeFirst",
    "clusters",
    "experiment",
    "gold_sets",
    "in_running_text",
    "language_of",
    "occurrences",
    "running_verdict",
    "running_words",
    "scores",
    "stem_key",
    "texts_for",
    "turkish_shares",
    "verdict",
]

PAPERS = (
    "Gutiérrez, Sun and Su 2023 (Bio-Tokenization)",
    "Park and others 2020; KLUE (Park and others 2021)",
)
FAR = 0.5
"""The κ below which cuts count as far from morphemes: halfway from chance to agreement."""

FEW = 10
"""Fewer stems than this decide nothing."""

_KAPPA = "boundary_kappa"


def gold_sets(names: Sequence[str]) -> dict[str, list[GoldWord]]:
    """Gold words by what names them.

    Args:
        names: Bundled languages, or paths of TSV files.

    Returns:
        The words of each.

    Raises:
        ValueError: When there is no name, or as :func:`workbench.metrics.morphology.as_gold`.

    >>> len(gold_sets(["eng_Latn"])["eng_Latn"])
    406
    """
    if not names:
        raise ValueError(
            f"No gold words are named: give at least one of {', '.join(BUNDLED)}, or the path of "
            f"a TSV file."
        )
    return {name: as_gold(name) for name in names}


def experiment(
    gold: Sequence[GoldWord],
    texts: Sequence[str] = (),
    size: int = 600,
    *,
    folds: int = 5,
    language: str = "",
    seed: int = 0,
) -> pl.DataFrame:
    """BPE of words against BPE of morphemes, on words whose stem was not learnt from.

    Stems are dealt into folds. For each, both vocabularies learn from the other folds' words and
    from the texts, less every word that shows a stem of this fold (which ones,
    :class:`~.held_out_stems.HeldOut` says): the one from words, the other from the same words cut
    where an analysis is known.
    The held-out words are then cut, for the second method by their gold analysis first. Where
    either vocabulary runs out of merges, both get as many entries as it has.

    Args:
        gold: Words with their morphs; those whose morphs do not spell them are not scored.
        texts: More to learn from.
        size: Entries of each vocabulary at most, at least 256.
        folds: At least 2, at most as many as there are stems.
        language: Whose rule for lower case tells whether a word shows a stem.
        seed: Of the folds and of the bootstrap over stems.

    Returns:
        One row per measure: ``measure, words_first, morphemes_first`` (values) and ``difference,
        unit, ci_low, ci_high`` (second less first, paired by stem), ``words``, ``stems``,
        ``entries_words_first``, ``entries_morphemes_first`` (of the smallest fold; equal).
        Measures are ``boundary_precision, boundary_recall, boundary_f1, segment_f1`` and
        ``tokens`` (per word), whose ``unit`` is "ratio", second over first, where that of the
        others is "difference"; one that is not defined is left out.

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
    entries: list[tuple[int, int]] = []
    for fold in range(folds):
        test = [i for i in range(len(words)) if fold_of[which[i]] == fold]
        order += test
        gold_test = [words[i] for i in test]
        keys = set(map(stem_key, gold_test))
        held = HeldOut((word for word in gold if stem_key(word) in keys), language)
        known = {word.word: word.morphs for word in words if not held.in_gold(word)}
        shown = {word for word in set(plain_texts) if held.in_text(word)}
        learn = [*known, *(word for word in plain_texts if word not in shown)]
        cut = [morph for word in learn for morph in cut_first(word, known)]
        whole, base = of_one_size(size, partial(_words_and_morphemes, learn, cut))
        entries.append((len(whole.ids()), len(base.ids())))
        parts = MorphemeFirst(base, analyses, "morphemes first")
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
        unit = "ratio" if name == "tokens" else "difference"
        gap_of = (found.value, unit, found.low, found.high)
        rows.append((name, *values, *gap_of, len(words), stems, *min(entries)))
    return pl.DataFrame(
        rows,
        schema={
            "measure": pl.String,
            "words_first": pl.Float64,
            "morphemes_first": pl.Float64,
            "difference": pl.Float64,
            "unit": pl.String,
            "ci_low": pl.Float64,
            "ci_high": pl.Float64,
            "words": pl.Int64,
            "stems": pl.Int64,
            "entries_words_first": pl.Int64,
            "entries_morphemes_first": pl.Int64,
        },
        orient="row",
    )


def _words_and_morphemes(
    words: Sequence[str], morphemes: Sequence[str], size: int
) -> tuple[Tokenizer, Tokenizer]:
    return train_bpe(words, size, name="words first"), train_bpe(morphemes, size)


def _tokens_per_word(_: str, sums: FloatArray) -> FloatArray:
    return np.asarray(sums[..., KEYS.index("pieces")] / sums[..., KEYS.index("words")])


def _difference_of_sides(of: partial[FloatArray], sums: FloatArray) -> FloatArray:
    return np.asarray(of(sums)[..., 1] - of(sums)[..., 0])


def _ratio_of_sides(of: partial[FloatArray], sums: FloatArray) -> FloatArray:
    return np.asarray(of(sums)[..., 1] / of(sums)[..., 0])


def _enough(estimate: Estimate, otherwise: str) -> str:
    return f"cannot be said: {estimate.n} stems" if estimate.n < FEW else otherwise


def _cuts_off_morphemes(kappa: Estimate) -> str:
    """Whether cuts are far from morphemes, by the rule of the module, and where chance is."""
    chance = kappa.side(0, "worse than chance", "beyond chance", "no better than chance")
    return _enough(kappa, f"{kappa.side(FAR, 'holds', 'does not hold', 'not decided')}; {chance}")


def verdict(table: pl.DataFrame, trained: pl.DataFrame, language: str = "") -> pl.DataFrame:
    """Whether cuts fall off morphemes, and what morphemes first gains and costs.

    Args:
        table: From :func:`scores`, with ``boundary_kappa``.
        trained: From :func:`experiment`.
        language: Named in the measures.

    Returns:
        The rows of a verdict. Whether frequency cuts off morphemes is judged by κ and
        :data:`FAR`; the rest holds where the interval of the difference, or of the ratio, lies on
        the side that is claimed. With fewer than :data:`FEW` stems nothing is said.
    """
    rows = []
    where = f", {language}" if language else ""
    for row in table.filter(pl.col("score") == _KAPPA).to_dicts():
        kappa = Estimate(row["value"], row["ci_low"], row["ci_high"], row["stems"])
        rows.append(
            verdict_row(
                "Vocabularies made by frequency cut where no morpheme ends",
                PAPERS[0],
                f"Cohen's κ of cuts and morph boundaries, {row['tokenizer']}{where}",
                kappa,
                _cuts_off_morphemes(kappa),
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
        even = 1 if row["unit"] == "ratio" else 0
        text = gap.side(even, "the opposite", "holds", "no difference shown")
        rows.append(
            verdict_row(
                claims[row["measure"]],
                PAPERS[1],
                f"{row['measure']}: {row['words_first']:.2f} to {row['morphemes_first']:.2f}, "
                f"{row['unit']}{where}",
                gap,
                _enough(gap, text),
            )
        )
    return verdict_frame(rows)


def running_verdict(table: pl.DataFrame) -> pl.DataFrame:
    """Whether cuts fall off morphemes in running text, by the rule of :func:`verdict`.

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
        text = _cuts_off_morphemes(kappa)
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
