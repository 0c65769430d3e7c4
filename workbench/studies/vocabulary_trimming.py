"""How much of a vocabulary does one language or domain need?

The claim (vocabulary trimming; Ushio, Zhou and Camacho-Collados 2023): keep the entries that a
language uses, drop the rest, and a multilingual model becomes small with nothing lost.

:func:`workbench.vocabulary.pruning.prune` does it, closed over merge ancestors: published code
filters the vocabulary but not the merges, and BPE then fails to load. Here are the share kept
against coverage of held-out text, with intervals, what is lost where it is not covered (texts grow,
or become unknown), and the promise that a text whose tokens are all kept, and none unknown, is cut
as before. That a model keeps its quality needs the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from workbench.corpora import Corpus
from workbench.corpora.languages import ALL, choose_languages, language_in
from workbench.studies.verdicts import Estimate, ratio_over_documents, verdict_frame, verdict_row
from workbench.tokenizers import Tokenizer
from workbench.vocabulary.floor import always_kept
from workbench.vocabulary.pruning import Pruning, Usage, count_usage, prune

__all__ = [
    "PAPER",
    "SHOWN",
    "choose_documents",
    "coverage",
    "documents_by",
    "same_where_kept",
    "smaller",
    "verdict",
]

_SENTENCE_END = re.compile(
    # Marks that a space follows: of Latin, Devanagari, Armenian, Arabic and Urdu, Ethiopic (also
    # typed as two word spaces), Burmese, Khmer, Tibetan.
    r"(?:(?<=[.!?।॥։؟۔።፧။។།])|(?<=፡፡))\s+"
    # Marks that stand alone; the last of several ends, and a closing quote goes on.
    r"|(?<=[。！？｡])(?![。！？｡」』）】》〉”’])\s*"
    # Thai and Lao write no mark: a space between their letters ends what is taken as a sentence.
    r"|(?<=[\u0e00-\u0eff])\s+(?=[\u0e00-\u0eff])"
    r"|\n+"
)
_FEWEST = 10
"""Sentences of a group: fewer leave one held out, or none."""

PAPER = "Ushio, Zhou and Camacho-Collados 2023"

SHOWN = ("eng_Latn", "deu_Latn", "tur_Latn", "hin_Deva")
"""What the notebook trims to where the corpus has them."""


def documents_by(
    corpus: Corpus,
    by: str = "language",
    groups: Sequence[str] = (),
    *,
    most_characters: int = 60_000,
) -> dict[str, list[str]]:
    """Sentences of a corpus by language or domain.

    Args:
        corpus: Any.
        by: ``language`` or ``domain``.
        groups: Only these (languages however they are written); none keeps all that have ten
            sentences, see :func:`choose_documents` for which are left out.
        most_characters: Sentences of a group are taken until they hold so many, so that groups
            are of like size: more text needs more of a vocabulary.

    Returns:
        Sentences by group, in the order of the groups' names; one group, "(no language)" or
        "(no domain)", where the corpus names none at all. Neighbours of one document may fall on
        both sides of a split, which flatters coverage.

    Raises:
        ValueError: When ``by`` is neither, or a group that was named, or every group, has fewer
            than ten sentences.
        CorpusError: When there is no such language.

    >>> import workbench as wb
    >>> texts = documents_by(wb.load_corpus("parallel"), groups=["ja"], most_characters=500)
    >>> list(texts), texts["jpn_Jpan"][0][-1]
    (['jpn_Jpan'], '。')
    """
    wanted = [language_in(corpus, one) for one in groups] if by == "language" else groups
    found = _sentences_by(corpus, by, wanted, most_characters)
    return _large_enough(corpus, found, by_name=bool(groups))[0]


def choose_documents(
    corpus: Corpus,
    by: str = "language",
    groups: Sequence[str] = (),
    *,
    usual: Sequence[str] = SHOWN,
    most_characters: int = 60_000,
) -> tuple[dict[str, list[str]], list[str]]:
    """What to trim to where the reader may have named no group, and what is left out.

    Args:
        corpus: Any.
        by: ``language`` or ``domain``.
        groups: Only these; none takes as many languages as ``usual`` has, or every domain, and
            "all" takes all.
        usual: Languages that are taken where the corpus has them.
        most_characters: As for :func:`documents_by`.

    Returns:
        Sentences by group as :func:`documents_by`, and a sentence for each group that was not
        named and has fewer than ten.

    Raises:
        ValueError: As :func:`documents_by`.
        CorpusError: When there is no such language.

    >>> import polars as pl
    >>> import workbench as wb
    >>> rows = [("A sentence.", "en")] * 10 + [("Ein Satz.", "de")]
    >>> corpus = wb.load_corpus(pl.DataFrame(rows, schema=["text", "language"], orient="row"))
    >>> texts, notes = choose_documents(corpus)
    >>> list(texts), notes[0].partition(":")[0]
    (['en'], 'de is left out')
    """
    named = [] if list(groups) == [ALL] else groups
    chosen = choose_languages(corpus, groups, usual) if by == "language" else named
    found = _sentences_by(corpus, by, chosen, most_characters)
    return _large_enough(corpus, found, by_name=bool(named))


def _sentences_by(
    corpus: Corpus, by: str, names: Sequence[str], most_characters: int
) -> dict[str, list[str]]:
    """Sentences by group, however few."""
    if by not in ("language", "domain"):
        raise ValueError(f"by is 'language' or 'domain', not {by!r}.")
    frame = pl.concat(corpus.batches()).select(pl.col(by).cast(pl.String), "text")
    if frame[by].is_null().all():
        names, frame = (), frame.with_columns(pl.lit(f"(no {by})").alias(by))
    out: dict[str, list[str]] = {}
    there = sorted(frame[by].drop_nulls().unique())
    missing = ", ".join(repr(name) for name in names if name not in there)
    if missing:
        raise ValueError(f"{corpus.name} has no {by} {missing}: choose among {', '.join(there)}.")
    for name in names or there:
        sentences: list[str] = []
        size = 0
        for text in frame.filter(pl.col(by) == name)["text"]:
            for sentence in _SENTENCE_END.split(text):
                if sentence.strip() and size < most_characters:
                    sentences.append(sentence)
                    size += len(sentence)
        out[name] = sentences
    return out


def _large_enough(
    corpus: Corpus, found: Mapping[str, list[str]], *, by_name: bool
) -> tuple[dict[str, list[str]], list[str]]:
    """The groups that can be split, and a sentence for each of the others."""
    few = {name: len(texts) for name, texts in found.items() if len(texts) < _FEWEST}
    why = f"sentences in {corpus.name}; ten are the least, because every fifth is held out"
    if few and (by_name or len(few) == len(found)):
        counts = ", ".join(f"{name!r} has {number}" for name, number in few.items())
        raise ValueError(
            f"{counts} {why}. Choose other groups with `groups`, or give more text: another "
            "corpus, or more with `most_characters`."
        )
    kept = {name: texts for name, texts in found.items() if name not in few}
    return kept, [f"{name} is left out: it has {few[name]} {why}." for name in few]


def smaller(tokenizer: Tokenizer, texts: Sequence[str], min_count: int = 1) -> Pruning:
    """The vocabulary that some texts use; see :func:`workbench.vocabulary.pruning.prune`.

    Args:
        tokenizer: With a vocabulary.
        texts: Every fifth is held out.
        min_count: Occurrences an entry needs.

    Returns:
        What is kept, and the smaller tokenizer.

    Raises:
        TokenizerError: As :func:`workbench.vocabulary.pruning.prune`.
    """
    return prune(tokenizer, texts, min_count=min_count)


def coverage(
    tokenizers: Sequence[Tokenizer],
    groups: Mapping[str, Sequence[str]],
    min_counts: Sequence[int] = (1, 2, 4, 8),
    *,
    seed: int = 0,
) -> pl.DataFrame:
    """Share of the vocabulary kept against share of held-out tokens that it covers.

    Args:
        tokenizers: With vocabularies.
        groups: Documents by language or domain; every fifth is held out.
        min_counts: Occurrences an entry needs, harder and harder.
        seed: Of the bootstrap over held-out documents.

    Returns:
        One row per tokenizer, group and threshold. ``tokenizer, group, min_count``; ``entries``
        (how many are kept), ``floor`` (how many of them whatever the group uses: special tokens,
        bytes), ``share_kept`` (entries over those before); ``covered`` (share of the held-out
        tokens that are kept) with ``ci_low`` and ``ci_high``; ``length`` (tokens of the held-out
        texts after trimming over before: below 1 is no gain, since unknown tokens take the place
        of several); ``unchanged`` (share of held-out documents cut as before); ``unknown_before``
        and ``unknown`` (share of their tokens that are the unknown token, before and after);
        ``decoded`` (share of held-out documents that decode as before); ``held_out`` (documents).

    Raises:
        ValueError: When there is no tokenizer, group or threshold, or no held-out token.
        TokenizerError: As :func:`workbench.vocabulary.pruning.prune`.

    >>> from workbench.tokenizers import load_tokenizer
    >>> texts = {"jpn_Jpan": ["空"] * 4 + ["空青"]}
    >>> table = coverage([load_tokenizer("workbench-wordpiece")], texts, [1])
    >>> table.select("covered", "unknown", "decoded").row(0)
    (0.5, 0.5, 0.0)
    """
    if not (tokenizers and groups and min_counts):
        raise ValueError("Coverage needs a tokenizer, a group of texts and one of `min_counts`.")
    rows: list[dict[str, Any]] = []
    for tok in tokenizers:
        floor = len(always_kept(tok))
        for group, texts in groups.items():
            usage = count_usage(tok, texts)
            if not sum(map(len, usage.held_out)):
                raise ValueError(
                    f"The texts of {group!r} that are held out, every fifth, have no token under "
                    f"{tok.name}: give texts that are not empty."
                )
            for min_count in min_counts:
                pruning = smaller(tok, texts, min_count)
                rows.append(
                    {
                        "tokenizer": tok.name,
                        "group": group,
                        "min_count": min_count,
                        "entries": len(pruning.new_ids),
                        "floor": floor,
                        "share_kept": len(pruning.new_ids) / len(tok.ids()),
                        **_on_held_out(pruning, usage, seed),
                    }
                )
    return pl.DataFrame(rows, schema_overrides={"ci_low": pl.Float64, "ci_high": pl.Float64})


def _on_held_out(pruning: Pruning, usage: Usage, seed: int) -> dict[str, Any]:
    """The columns of :func:`coverage` that the held-out documents give."""
    tok, less = pruning.tokenizer, pruning.trimmed
    before = [ids.tolist() for ids in usage.held_out]
    after = less.encode_batch(list(usage.texts))
    # An id that is dropped becomes None, which is no id of the smaller one.
    expected = [[pruning.new_ids.get(number) for number in ids] for ids in before]
    tokens = [len(ids) for ids in before]
    share = ratio_over_documents(
        [len(ids) - ids.count(None) for ids in expected], tokens, seed=seed
    )
    pairs = list(zip(before, after, strict=True))
    return {
        "covered": share.value,
        "ci_low": share.low,
        "ci_high": share.high,
        "length": sum(map(len, after)) / sum(tokens),
        "unchanged": _mean([old == new for old, new in zip(expected, after, strict=True)]),
        "unknown_before": _mean([number == tok.unk_id for ids in before for number in ids]),
        "unknown": _mean([number == less.unk_id for ids in after for number in ids]),
        "decoded": _mean([tok.decode(old) == less.decode(new) for old, new in pairs]),
        "held_out": len(before),
    }


def _mean(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def same_where_kept(pruning: Pruning, texts: Sequence[str]) -> pl.DataFrame:
    """Whether texts whose tokens are all kept, and none unknown, are cut as before.

    Args:
        pruning: From :func:`smaller`.
        texts: Any.

    Returns:
        ``text`` (its number), ``kept`` (whether all its tokens are, and none is the unknown one,
        of which nothing is promised), ``same`` (whether the smaller tokenizer makes the same
        tokens of a kept text, ids translated) and ``decoded`` (whether it decodes to what the
        larger one does). Where ``kept`` is true, ``same`` must be.
    """
    tok, less = pruning.tokenizer, pruning.trimmed
    before, after = tok.encode_batch(list(texts)), less.encode_batch(list(texts))
    rows = []
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        kept = pruning.keeps(old)
        same = kept and [pruning.new_ids[i] for i in old] == new
        rows.append((number, kept, same, less.decode(new) == tok.decode(old)))
    return pl.DataFrame(
        rows,
        schema={
            "text": pl.Int64,
            "kept": pl.Boolean,
            "same": pl.Boolean,
            "decoded": pl.Boolean,
        },
        orient="row",
    )


def verdict(table: pl.DataFrame, checks: pl.DataFrame) -> pl.DataFrame:
    """How small a vocabulary gets, what unseen text it covers, and whether it cuts as before.

    Args:
        table: From :func:`coverage`.
        checks: From :func:`same_where_kept`, of one or more trimmings.

    Returns:
        The rows of a verdict.
    """
    rows = []
    gentle = table.filter(pl.col("min_count") == table["min_count"].min())
    for row in gentle.to_dicts():
        covered = Estimate(row["covered"], row["ci_low"], row["ci_high"], row["held_out"])
        rows.append(
            verdict_row(
                "A language needs a small part of a large vocabulary, and loses nothing",
                PAPER,
                f"share of held-out tokens covered, {row['group']}, {row['tokenizer']}",
                covered,
                f"{row['share_kept']:.1%} of the entries is kept; {_what_is_lost(row)}",
            )
        )
    kept = checks.filter(pl.col("kept"))
    if kept.height:
        same = int(kept["same"].sum()) / kept.height
        rows.append(
            verdict_row(
                "Where all tokens are kept and none is unknown, a text is cut as before",
                PAPER,
                f"share of {kept.height} such texts",
                same,
                "holds" if same == 1 else "does not hold",
            )
        )
    return verdict_frame(rows)


def _what_is_lost(row: Mapping[str, Any]) -> str:
    """What trimming does to texts: it destroys some, or makes them longer, or neither."""
    destroyed = []
    if row["unknown"] > row["unknown_before"]:
        known = f" ({row['unknown_before']:.1%} were)" if row["unknown_before"] else ""
        destroyed.append(f"{row['unknown']:.1%} of tokens become unknown{known}")
    if row["decoded"] < 1:
        destroyed.append(f"{1 - row['decoded']:.1%} of texts decode differently")
    if destroyed:
        return ", ".join(destroyed) + ": text is lost"
    if row["length"] > 1:
        return f"texts {row['length'] - 1:.1%} longer: something is lost"
    return "texts no longer"
