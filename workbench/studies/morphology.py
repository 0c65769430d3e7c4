"""Do tokens fall on morphemes, and what does it cost to make them?

The claims: vocabularies made by frequency cut words where no morpheme ends (Bio-Tokenization;
Gutiérrez, Sun and Su 2023, on biomedical words; Bayram and others 2025 on Turkish); cutting into
morphemes first and training BPE on those respects them (Park and others 2020, and KLUE, on
Korean). The first of these papers also found that better morphology did **not** help downstream:
it is to be read beside every score here.

The scores are :mod:`workbench.metrics.morphology`'s and its neighbours'. The gold words share
stems, so they are resampled by stem here. Morphemes first needs an analyser for every word; here
the gold analysis stands in for it, which is the best case.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from workbench.corpora.languages import UNTAGGED, same_language
from workbench.metrics._base import FloatArray, IntArray
from workbench.metrics._gold import GoldWord
from workbench.metrics._morph_counts import Score
from workbench.metrics._morph_counts import count_words as count_gold
from workbench.metrics.morphology import BOUNDARIES
from workbench.metrics.morphscore import SCORES as MORPHSCORES
from workbench.metrics.segment_f1 import SCORES as SEGMENTS
from workbench.studies.boundary_stability import train_bpe
from workbench.studies.documents import count_words
from workbench.studies.verdicts import Estimate, verdict_frame, verdict_row
from workbench.tokenizers import Tokenizer, TokenizerError
from workbench.tokenizers.baselines import Baseline

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
WAYS = ("once each", "once, if in the text", "as often as in the text")
"""How gold words are counted by :func:`in_running_text`."""
SCORES: dict[str, Score] = {s.name: s for s in (*BOUNDARIES, *MORPHSCORES, *SEGMENTS)}
"""Every score of morphology by name."""

_WORD = re.compile(r"(\s*)(\S+)|\s+")
_KAPPA = "boundary_kappa"
_FEW = 10
_SCHEMA: dict[str, pl.DataType] = {
    "tokenizer": pl.String(),
    "score": pl.String(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "words": pl.Int64(),
    "stems": pl.Int64(),
    "formula": pl.String(),
}


def stem_key(word: GoldWord) -> str:
    """What words of one stem have in common.

    The first morph that is no derivation (by its tag; the longest where there are no tags), case
    folded, decomposed, its first three characters: ``run`` and ``runn``, ``kitap`` and ``kitab``
    meet. Some strangers meet too, which makes intervals wider, never narrower.

    >>> stem_key(GoldWord("running", ("runn", "ing"), ("V", "V.PTCP;PRS")))
    'run'
    """
    stem = max(word.morphs, key=len)
    if len(word.tags) == len(word.morphs):
        roots = [
            morph
            for morph, tag in zip(word.morphs, word.tags, strict=True)
            if not tag.startswith(("DRV", "LNK"))
        ]
        stem = roots[0] if roots else stem
    return unicodedata.normalize("NFD", stem.casefold())[:3]


def texts_for(groups: Mapping[str, Sequence[str]], gold: str) -> list[str]:
    """The texts of a corpus in which to look for the words of a gold set.

    Args:
        groups: From :func:`workbench.studies.documents.documents_by_language`.
        gold: A language, or the path of a TSV file, whose language is not known.

    Returns:
        The texts of that language, however the corpus writes it; those of the whole corpus for a
        file, or where the corpus names no language; none where it names others.

    >>> texts_for({"en": ["a"], "tr": ["b"]}, "tur_Latn")
    ['b']
    """
    if gold.endswith(".tsv"):
        return [text for part in groups.values() for text in part]
    if UNTAGGED in groups:
        return list(groups[UNTAGGED])
    return [text for code, part in groups.items() if same_language(code, gold) for text in part]


def occurrences(gold: Sequence[GoldWord], texts: Sequence[str]) -> tuple[IntArray, int]:
    """How often each gold word stands in running text.

    Args:
        gold: The words.
        texts: Documents. A word of theirs counts as it is written, or in lower case.

    Returns:
        Counts, shape ``(words,)``, and the number of all words (runs of letters) of the texts, to
        see how little of them the gold words are.

    >>> occurrences([GoldWord("cats", ("cat", "s"))], ["Cats like cats."])
    (array([2]), 3)
    """
    there = count_words(texts)
    lower: Counter[str] = Counter()
    for word, count in there.items():
        for form in {word, word.lower()}:
            lower[form] += count
    words = [unicodedata.normalize("NFC", word.word) for word in gold]
    counts = np.array([lower[word] for word in words], dtype=np.int64)
    return counts, sum(there.values())


def clusters(gold: Sequence[GoldWord]) -> IntArray:
    """The cluster of each word, by stem: numbers from 0 in order of first occurrence."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(stem_key(word), len(seen)) for word in gold], dtype=np.int64)


def _by_cluster(counted: Mapping[str, FloatArray], which: Any) -> dict[str, FloatArray]:
    size = int(which.max()) + 1
    return {
        key: np.bincount(which, values, size).astype(np.float64) for key, values in counted.items()
    }


def _estimate(score: Score, sums: Mapping[str, FloatArray], seed: int) -> Estimate | None:
    """A score with a percentile interval over clusters; None where it is not defined.

    One cluster has nothing to resample, and no interval.
    """
    size = len(next(iter(sums.values())))
    point = float(score.value({key: np.array(v.sum()) for key, v in sums.items()}))
    if not np.isfinite(point):
        return None
    if size == 1:
        return Estimate(point, None, None, 1)
    draws = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=1000)
    drawn = score.value({key: draws @ values for key, values in sums.items()})
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(point, float(low), float(high), size)


def scores(
    tokenizers: Sequence[Tokenizer],
    gold: Sequence[GoldWord],
    *,
    names: Sequence[str] = tuple(SCORES),
    before: str = "",
    weights: Sequence[float] | IntArray | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Scores of morphology with intervals that resample stems.

    Args:
        tokenizers: Any.
        gold: Words with their morphs.
        names: Of :data:`SCORES`.
        before: What stands before each word: nothing, or a space as in a text.
        weights: How often each word counts, such as :func:`occurrences`; once by default. Words
            of weight 0 are left out.
        seed: Of the bootstrap.

    Returns:
        ``tokenizer, score, value, ci_low, ci_high, words, stems, formula``; a score that is not
        defined is left out.

    Raises:
        ValueError: When there are no words, no score of a name, or weights that are no weights.
    """
    weight = np.ones(len(gold)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != (len(gold),) or (weight < 0).any():
        raise ValueError(f"{len(gold)} words need as many weights of 0 or more.")
    gold = [word for word, share in zip(gold, weight.tolist(), strict=True) if share > 0]
    weight = weight[weight > 0]
    if not gold:
        raise ValueError("There are no gold words to compare with.")
    if unknown := set(names) - set(SCORES):
        raise ValueError(f"No score is called {min(unknown)!r}: use {', '.join(SCORES)}.")
    which = clusters(gold)
    rows = []
    for tok in tokenizers:
        counted = count_gold(tok, gold, before)
        sums = _by_cluster({key: weight * values for key, values in counted.items()}, which)
        for name in names:
            found = _estimate(SCORES[name], sums, seed)
            if found is not None:
                rows.append(
                    (
                        tok.name,
                        name,
                        found.value,
                        found.low,
                        found.high,
                        len(gold),
                        found.n,
                        SCORES[name].formula,
                    )
                )
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


class MorphemeFirst(Baseline):
    """Cut words into morphemes, then each morpheme by a byte-level tokenizer.

    Args:
        base: A tokenizer whose tokens join to the text.
        analyses: Morphs by word; a word that is not there, or whose morphs do not spell it, goes
            to the base as it is.
        name: How it is called in tables.

    Example:
        >>> from workbench.tokenizers import load_tokenizer
        >>> tok = MorphemeFirst(load_tokenizer("workbench-bpe"), {"cats": ("cat", "s")})
        >>> [tok.token_bytes(i) for i in tok.encode("the cats")][-1]
        b's'
    """

    def __init__(
        self, base: Tokenizer, analyses: Mapping[str, Sequence[str]], name: str = ""
    ) -> None:
        super().__init__(name or f"morphemes, then {base.name}")
        self.algorithm = base.algorithm
        self.base = base
        self.analyses = {
            word: tuple(morphs) for word, morphs in analyses.items() if "".join(morphs) == word
        }
        self.special_ids, self.unk_id = base.special_ids, base.unk_id

    @property
    def vocab_size(self) -> int | None:
        """That of the base."""
        return self.base.vocab_size

    @property
    def definition(self) -> dict[str, Any]:
        """The base's, and the analyses before it."""
        return {**self.base.definition, "morphs": {k: list(v) for k, v in self.analyses.items()}}

    def _pieces(self, text: str) -> list[str]:
        out: list[str] = []
        plain = ""  # words without analysis stay together: the base cuts them as it would
        for match in _WORD.finditer(text):
            morphs = self.analyses.get(match[2] or "")
            if morphs is None:
                plain += match[0]
                continue
            out += [plain, match[1] + morphs[0], *morphs[1:]]
            plain = ""
        return [piece for piece in (*out, plain) if piece]

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:  # noqa: ARG002 - never read
        return [token for piece in self._pieces(text) for token in self.base.encode(piece)]

    def _lengths(self, text: str) -> Any:
        ids = self._encode(text, parse_special=False)
        sizes = np.array([len(self.base.token_bytes(i)) for i in ids], dtype=np.int64)
        if sizes.sum() != len(text.encode()):
            raise TokenizerError(
                f"{self.base.name!r} does not keep {text!r} to the byte: morphemes first needs a "
                f"byte-level tokenizer below it"
            )
        return sizes

    def _piece(self, token_id: int) -> str | None:
        return self.base._piece(token_id)  # noqa: SLF001 - a tokenizer that wraps another

    def _bytes(self, token_id: int) -> bytes:
        return self.base.token_bytes(token_id)

    def id_of(self, piece: str) -> int | None:
        """The base's id."""
        return self.base.id_of(piece)

    def ids(self) -> list[int]:
        """The base's ids."""
        return self.base.ids()

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.base, self.analyses, self.name))


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
        its difference is a ratio, second over first).

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
        counted["words"].append(count_gold(whole, gold_test))
        counted["morphemes"].append(count_gold(parts, gold_test))
    sides = [
        _by_cluster({key: np.concatenate([p[key] for p in side]) for key in side[0]}, which[order])
        for side in counted.values()
    ]
    draws = np.random.default_rng(seed).multinomial(stems, np.full(stems, 1 / stems), size=1000)
    rows = []
    for name in ("boundary_precision", "boundary_recall", "boundary_f1", "segment_f1", "tokens"):
        values, resampled = [], []
        for sums in sides:
            totals = {key: np.array(v.sum()) for key, v in sums.items()}
            drawn = {key: draws @ v for key, v in sums.items()}
            if name == "tokens":
                values.append(float(totals["pieces"] / totals["words"]))
                resampled.append(drawn["pieces"] / drawn["words"])
            else:
                values.append(float(SCORES[name].value(totals)))
                resampled.append(SCORES[name].value(drawn))
        ratio = name == "tokens"
        gap = resampled[1] / resampled[0] if ratio else resampled[1] - resampled[0]
        low, high = np.nanquantile(gap, [0.025, 0.975])
        point = values[1] / values[0] if ratio else values[1] - values[0]
        rows.append((name, *values, point, float(low), float(high), len(words), stems))
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
        text = kappa.side(0, "worse than chance", "beyond chance", "no better than chance")
        if kappa.value < 0.5 and kappa.low is not None and kappa.low > 0:
            text += ", far from morphemes"
        if row["stems"] < _FEW:
            text = f"cannot be said: {row['stems']} stems"
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
        text = "no difference shown"
        if gap.excludes(1 if ratio else 0):
            text = "holds" if gap.value > (1 if ratio else 0) else "the opposite"
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


def running_words(
    gold: Mapping[str, Sequence[GoldWord]], groups: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """How much of running text the gold words are.

    Args:
        gold: Words by language or file.
        groups: Texts by language; see :func:`texts_for`.

    Returns:
        ``gold, occurrences, running_words, share`` (null without text).

    >>> running_words({"x.tsv": [GoldWord("cats", ("cat", "s"))]}, {"en": ["Cats!"]}).row(0)
    ('x.tsv', 1, 1, 1.0)
    """
    rows = []
    for name, words in gold.items():
        counts, total = occurrences(words, texts_for(groups, name))
        rows.append((name, int(counts.sum()), total, counts.sum() / total if total else None))
    kinds = {"occurrences": pl.Int64, "running_words": pl.Int64, "share": pl.Float64}
    return pl.DataFrame(rows, schema={"gold": pl.String, **kinds}, orient="row")


def in_running_text(
    tokenizers: Sequence[Tokenizer],
    gold: Mapping[str, Sequence[GoldWord]],
    groups: Mapping[str, Sequence[str]],
    *,
    names: Sequence[str] = ("boundary_precision", "boundary_recall", "boundary_f1", _KAPPA),
    seed: int = 0,
) -> pl.DataFrame:
    """Scores of the gold words of a text, beside those of all of them.

    Two things part a list from a text: which words occur at all, and how often.

    Args:
        tokenizers: Any.
        gold: Words by language or file.
        groups: Texts by language; see :func:`texts_for`.
        names: Of :data:`SCORES`.
        seed: Of the bootstrap over stems.

    Returns:
        ``gold, counted`` and the columns of :func:`scores`. Words are counted "once each", "once,
        if in the text" (only those that occur), and "as often as in the text"; a space stands
        before each of them every time. A gold set without an occurrence is left out.

    Raises:
        ValueError: As :func:`scores`.
    """
    tables = [pl.DataFrame(schema={"gold": pl.String, "counted": pl.String, **_SCHEMA})]
    for name, words in gold.items():
        counts, _ = occurrences(words, texts_for(groups, name))
        ways = dict(zip(WAYS, (None, (counts > 0).astype(np.int64), counts), strict=True))
        ways = ways if counts.any() else {}
        for way, weights in ways.items():
            table = scores(tokenizers, words, names=names, before=" ", weights=weights, seed=seed)
            first = pl.lit(name).alias("gold"), pl.lit(way).alias("counted")
            tables.append(table.select(*first, pl.all()))
    return pl.concat(tables)


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
        text = kappa.side(0, "worse than chance", "beyond chance", "no better than chance")
        if row["stems"] < _FEW:
            text = f"cannot be said: {row['stems']} stems"
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
