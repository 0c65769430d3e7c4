"""Another tokenizer for a trained word model, without training: bits per byte before and after.

The laboratory's word models read and write tokens of one vocabulary. Here their table of vectors
is exchanged for one of another tokenizer, whose entries get vectors by the methods of
`workbench.studies.transplant`; nothing else is touched and nothing is trained. What a start is
worth is then a number: the bits the model spends on words that it never saw.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from workbench.laboratory.design import ALPHABET, LONGEST, halves
from workbench.laboratory.models import LaboratoryError, Writer
from workbench.laboratory.reading import Ids, padded
from workbench.studies.embedding_transfer import Method
from workbench.studies.embeddings import Floats, token_embeddings, unit_rows
from workbench.studies.transplant import METHODS, Source, Target, transplant
from workbench.studies.verdicts import Estimate, summary_over_seeds, verdict_frame, verdict_row
from workbench.tokenizers import Tokenizer

BEFORE = "before"
"""The model with the tokenizer it was trained with."""

_LETTERS = re.compile(rb"[a-z]{1,%d}" % LONGEST)
_PAPER = "TokenAdapt; FOCUS"


@dataclass(frozen=True, eq=False)
class LetterVocabulary:
    """The part of a tokenizer that words of letters a to z are made of.

    Attributes:
        tokenizer: The whole of it.
        ids: Of the entries with 1 to 10 letters a to z, of several with the same bytes the first.
    """

    tokenizer: Tokenizer
    ids: Ids

    @classmethod
    def of(cls, tok: Tokenizer) -> LetterVocabulary:
        """Look the entries up."""
        found: dict[bytes, int] = {}
        for token in tok.ids():
            data = tok.token_bytes(token)
            if not tok.is_special(token) and _LETTERS.fullmatch(data):
                found.setdefault(data, token)
        return cls(tok, np.sort(np.array(list(found.values()), dtype=np.int64)))

    @property
    def entries(self) -> tuple[bytes, ...]:
        """What they stand for."""
        return tuple(self.tokenizer.token_bytes(token) for token in self.ids.tolist())

    def read(self, words: Sequence[str]) -> Ids:
        """Places in `ids` of the tokens of bare words, shape `(words, 10)`, filled with the size.

        Raises:
            LaboratoryError: If the tokenizer cuts a word into other entries than these, as one
                does that puts a space in front.
        """
        place = {token: i for i, token in enumerate(self.ids.tolist())}
        rows = self.tokenizer.encode_batch(list(words))
        if any(token not in place for row in rows for token in row):
            raise LaboratoryError(
                f"{self.tokenizer.name} cuts bare words into entries that are not letters a to z "
                "alone (a space in front?), which the laboratory's word models cannot read. Try "
                "a byte-level one, such as tekken."
            )
        return padded([[place[token] for token in row] for row in rows], len(place))

    def own_space(self, words: Sequence[str], dimensions: int = 32) -> Floats:
        """Vectors from which entries share words, for FOCUS; zeros where an entry never does.

        Args:
            words: To learn from.
            dimensions: Of the vectors.
        """
        found = token_embeddings(self.tokenizer, words, dimensions, window=3)
        out = np.zeros((len(self.ids), found.vectors.shape[1]))
        ours = np.isin(found.ids, self.ids)
        out[np.searchsorted(self.ids, found.ids[ours])] = unit_rows(found.vectors[ours])
        return out


def exchange(
    writers: Sequence[Writer],
    tok: Tokenizer,
    words: Sequence[str],
    methods: Sequence[Method] = METHODS,
    *,
    learn: int = 20_000,
    seed: int = 0,
) -> pl.DataFrame:
    """Bits per byte of word models before and after their tokenizer is exchanged.

    Args:
        writers: From `load_writers`; one tokenizer, several seeds.
        tok: The new tokenizer. Its entries of 1 to 10 letters a to z take part.
        words: To score; best of `halves().test`, which no model was trained on.
        methods: How entries that the model lacks get a vector. Pieces are those that the model's
            own tokenizer makes of an entry.
        learn: Training words from which FOCUS gets its space of the new tokenizer.
        seed: Of `random`.

    Returns:
        One row per model and method, and one as it was: `seed, method, tokenizer, bits_per_byte,
        tokens_per_word, copied` (share of the scored tokens whose entry the model had), `entries,
        bits_copied, bits_new` (bits per token of either kind; null where there is none),
        `from_mean, entries_from_mean`.
        Bits are −Σ log2 p(next token), the word's end included, over the letters of the words;
        only the tokenizer's own cut is counted. Of what the model lacked, `from_mean` is the share
        of scored tokens and `entries_from_mean` that of entries whose vector is the mean of all,
        since the method had nothing to go by; null where it lacked none.

    Raises:
        LaboratoryError: If there is no model, or the tokenizer does not cut words into letters.
    """
    if not writers:
        raise LaboratoryError("No word model was given: load_writers() has the shipped ones.")
    letters = sum(len(word) for word in words)
    new = LetterVocabulary.of(tok)
    ids = new.read(words)
    old_tok = writers[0].tokenizer
    old = tuple(old_tok.token_bytes(token) for token in old_tok.ids())
    known = set(old)
    there = ids[ids < len(new.ids)]
    is_copied = np.array([entry in known for entry in new.entries])
    own = new.own_space(halves().train[:learn]) if "focus" in methods else None
    target = Target(new.entries, own)
    # Weights depend on entries and texts and not on the model: they are found once.
    mixes = {m: _mix(old, old_tok, target, m) for m in methods if m != "random"}
    nowhere = np.zeros(len(new.ids), dtype=np.bool_)
    rows = []
    for writer in writers:
        table = writer.embeddings.astype(np.float64)
        edge, vectors = table[-1:], table[:-1]
        rows.append(
            (writer.seed, BEFORE, old_tok.name, writer.bits(words).sum() / letters,
             sum(map(len, old_tok.encode_batch(words))) / len(words), 1.0, len(old),
             *(None,) * 4)
        )  # fmt: skip
        for method in methods:
            if method == "random":
                made = transplant(Source(old, vectors), target, "random", seed=seed).matrix
                from_mean = nowhere
            else:
                mix, from_mean = mixes[method]
                made = mix @ vectors
                made[from_mean] = vectors.mean(axis=0)
            full = np.concatenate([made, edge]).astype(np.float32)
            bits = writer.bits_of(ids, full)
            each = bits[:, :-1][ids < len(new.ids)]
            kinds = [each[is_copied[there]], each[~is_copied[there]]]
            rows.append(
                (writer.seed, method, tok.name, bits.sum() / letters, len(there) / len(words),
                 float(is_copied[there].mean()), len(new.ids),
                 *map(_mean, (*kinds, from_mean[there][~is_copied[there]], from_mean[~is_copied])))
            )  # fmt: skip
    schema = {
        "seed": pl.Int64, "method": pl.String, "tokenizer": pl.String, "bits_per_byte": pl.Float64,
        "tokens_per_word": pl.Float64, "copied": pl.Float64, "entries": pl.Int64,
        "bits_copied": pl.Float64, "bits_new": pl.Float64, "from_mean": pl.Float64,
        "entries_from_mean": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None


def _mix(
    old: tuple[bytes, ...], old_tok: Tokenizer, target: Target, method: Method
) -> tuple[sparse.csr_matrix, NDArray[np.bool_]]:
    """Weights over old entries, one row a new entry, and which rows are the mean of all."""

    def spelled(entry: bytes) -> list[bytes]:
        return [old_tok.token_bytes(token) for token in old_tok.encode(entry.decode())]

    made = transplant(Source(old, np.zeros((len(old), 1))), target, method, spelled=spelled)
    from_mean = np.array([how == "mean" for how in made.how])
    nothing = (np.zeros(0, dtype=np.int64), np.zeros(0))
    kept = [nothing if mean else pair for mean, pair in zip(from_mean, made.weights, strict=True)]
    starts = np.cumsum([0, *(len(places) for places, _ in kept)])
    places, values = (np.concatenate(column) for column in zip(*kept, strict=True))
    return sparse.csr_matrix((values, places, starts), shape=(len(kept), len(old))), from_mean


def without_a_model(words: Sequence[str]) -> pl.DataFrame:
    """What words cost with no model: every letter alike, and letters by their frequency.

    Args:
        words: To score; best of `halves().test`, which no model was trained on.

    Returns:
        `method, bits_per_byte`: `uniform` over 26 letters and the end, and `letters`, a unigram
        counted on the training half.

    Example:
        >>> without_a_model(["abcd"])["bits_per_byte"].round(4)[0]
        5.9436
    """
    letters = sum(len(word) for word in words)
    symbols = letters + len(words)
    counts = dict.fromkeys((*ALPHABET, ""), 1)
    for word in halves().train:
        counts[""] += 1
        for letter in word:
            counts[letter] += 1
    total = sum(counts.values())
    cost = {symbol: -np.log2(count / total) for symbol, count in counts.items()}
    unigram = sum(cost[letter] for word in words for letter in (*word, ""))
    rows = [
        ("uniform", symbols * float(np.log2(len(ALPHABET) + 1)) / letters),
        ("letters", float(unigram) / letters),
    ]
    return pl.DataFrame(rows, schema=["method", "bits_per_byte"], orient="row")


def exchange_summary(table: pl.DataFrame) -> pl.DataFrame:
    """Means over models.

    Args:
        table: From `exchange`, or several of them joined.

    Returns:
        `tokenizer, method, bits_per_byte, ci_low, ci_high` (Student's t over seeds), `gain,
        gain_low, gain_high` (bits per byte saved against `mean`, paired by seed; null without
        it), `more, more_low, more_high` (bits per byte more than before, paired too),
        `bits_copied, bits_new, tokens_per_word, copied, entries, from_mean, entries_from_mean,
        seeds`.
    """
    by = ["tokenizer", "method"]
    # Tables of several exchanges all say what the same models were before.
    table = table.unique([*by, "seed"], keep="first", maintain_order=True)
    base = table.filter(pl.col("method") == "mean").select(
        "tokenizer", "seed", base="bits_per_byte"
    )
    saved = table.join(base, on=["tokenizer", "seed"], maintain_order="left").with_columns(
        gain=pl.col("base") - pl.col("bits_per_byte")
    )
    gains = summary_over_seeds(saved, by, "gain").select(
        *by, "gain", gain_low="ci_low", gain_high="ci_high"
    )
    was = table.filter(method=BEFORE).select("seed", was="bits_per_byte")
    dearer = table.join(was, on="seed", maintain_order="left").with_columns(
        more=pl.col("bits_per_byte") - pl.col("was")
    )
    mores = summary_over_seeds(dearer, by, "more").select(
        *by, "more", more_low="ci_low", more_high="ci_high"
    )
    rest = table.group_by(by).agg(
        pl.col("bits_copied", "bits_new").mean(),
        pl.col("tokens_per_word", "copied", "entries", "from_mean", "entries_from_mean").first(),
    )
    bits = summary_over_seeds(table, by, "bits_per_byte")
    joined = bits
    for columns in (gains, mores, rest):
        joined = joined.join(columns, on=by, how="left", maintain_order="left")
    return joined.select(pl.exclude("seeds"), "seeds")


def exchange_verdict(table: pl.DataFrame, floor: float | None = None) -> pl.DataFrame:
    """What each method's start is worth against the mean of all vectors, in bits per byte.

    Args:
        table: From `exchange`, or several of them joined.
        floor: Bits per byte without a model, such as those of letters by frequency: the verdict
            says which starts are worse. Optional.

    Returns:
        The rows of a verdict: what the cheapest start costs more than before, then each method.
    """
    claims = {
        "pieces": "The pieces of an entry are a start for a language model",
        "focus": "Similar shared entries are a start for a language model (FOCUS)",
        "tokenadapt": "Pieces and neighbours are a start for a language model (TokenAdapt)",
    }
    after = exchange_summary(table).filter(pl.col("method") != BEFORE)
    cheapest = after.sort("bits_per_byte").unique("tokenizer", keep="first", maintain_order=True)
    rows = [
        _row(
            one, "more", ("cheaper than before", "dearer than before"), floor,
            "A tokenizer can be exchanged without training",
            f"bits per byte more than before, zero-shot, {one['tokenizer']}, {one['method']} "
            "(the cheapest start)",
        )
        for one in cheapest.iter_rows(named=True)
    ]  # fmt: skip
    for one in after.iter_rows(named=True):
        if one["method"] not in claims or one["gain"] is None:
            continue
        new = "" if one["from_mean"] is None else f", {one['from_mean']:.0%} of others at the mean"
        rows.append(
            _row(
                one, "gain", ("worse than the mean", "better than the mean"), floor,
                claims[one["method"]],
                f"bits per byte saved against the mean, zero-shot, {one['tokenizer']}, "
                f"{one['copied']:.0%} of tokens copied{new}",
            )
        )  # fmt: skip
    return verdict_frame(rows)


def _row(
    one: dict[str, Any],
    value: str,
    sides: tuple[str, str],
    floor: float | None,
    claim: str,
    measure: str,
) -> dict[str, Any]:
    found = Estimate(one[value], one[f"{value}_low"], one[f"{value}_high"], one["seeds"])
    text = found.side(0, *sides, neither="no difference shown")
    if floor is not None:
        bits = Estimate(one["bits_per_byte"], one["ci_low"], one["ci_high"], one["seeds"])
        text += bits.side(floor, "", "; worse than no model", neither="")
    return verdict_row(claim, _PAPER, measure, found, text)
