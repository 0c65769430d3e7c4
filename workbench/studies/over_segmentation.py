"""Who pays how many tokens for the same content: languages, scripts, and kinds of text.

Three papers, one measurement. Petrov and others 2023 count tokens of parallel sentences against
English (the premium) and turn them into money and context. Needle Threading (Roberts and others
2024) counts characters per token of strings that no vocabulary holds, such as UUIDs. MAGNET (Ahia
and others 2024) sets, per script, how often a learned boundary should come; those priors times
bytes are **targets** of a training that is not done here, and are labelled so.

The counting is :func:`workbench.compare.comparison`'s; here are the split of a premium into what
UTF-8 costs and what the vocabulary adds, scripts, kinds of text, and the targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from workbench.compare import comparison
from workbench.corpora import Corpus, CorpusError, load_corpus
from workbench.corpora.languages import (
    choose_language,
    language_in,
    parallel_languages,
    parallel_part,
    same_language,
    script_of,
)
from workbench.metrics.text_types import sample_texts
from workbench.studies.arguments import text_list, tokenizer_list
from workbench.studies.documents import documents_by_language, documents_of
from workbench.studies.verdicts import Estimate, ratio_over_documents, verdict_frame, verdict_row
from workbench.tokenizers import Tokenizer

__all__ = [
    "GENERATED",
    "MAGNET_PRIORS",
    "PAPERS",
    "corpus_for",
    "generated_texts",
    "inequality",
    "language_costs",
    "magnet_targets",
    "parallel_and_prose",
    "script_of",
    "script_summary",
    "type_rates",
    "verdict",
]

PAPERS = (
    "Petrov, La Malfa, Torr and Bibi 2023",
    "Roberts, Han and Albanie 2024 (Needle Threading)",
    "Ahia and others 2024 (MAGNET)",
)

GENERATED = ("uuids", "hashes", "integers", "json")
"""Kinds of text that are made here."""

_INDIC = ("Beng", "Deva", "Gujr", "Guru", "Knda", "Mlym", "Orya", "Taml", "Telu")
MAGNET_PRIORS: dict[str, float] = {"Latn": 0.2, "Cyrl": 0.1, **dict.fromkeys(_INDIC, 0.08)}
"""Boundaries per byte that MAGNET's released configuration asks for, by script (ISO 15924). Its
Indic prior was used for Bengali, Hindi and Telugu; other Indic scripts are our extension."""


def corpus_for(corpus: Corpus | str, path: str = "", languages: Sequence[str] = ()) -> Corpus:
    """A parallel corpus by name, with the folder that FLORES needs.

    Args:
        corpus: A corpus, or the name of one.
        path: Where its files are; "" for what is bundled.
        languages: Codes to keep, as for :func:`workbench.corpora.languages.language_in`; none
            keeps all.

    Returns:
        The corpus.

    Raises:
        CorpusError: When there is no such corpus or language.
    """
    options: dict[str, Any] = {"path": path} if path else {}
    found = corpus if isinstance(corpus, Corpus) else load_corpus(corpus, **options)
    if not languages:
        return found
    return found.filter(language=[language_in(found, one) for one in languages])


FAR_FEWER = 2.0
"""Far fewer UUIDs is half as many at most: our reading of a word of the paper."""


def parallel_and_prose(
    corpus: Corpus | str,
    path: str = "",
    languages: Sequence[str] = (),
    prose: str = "prose",
    reference: str = "",
) -> tuple[Corpus, dict[str, list[str]]]:
    """What premiums are counted on, and the ordinary text that UUIDs are held against.

    A premium needs the same texts in several languages: rows that share a ``doc_id``. A corpus
    without such rows (a text file, or unrelated texts by language) takes the place of the ordinary
    text, and premiums are those of the bundled sentences.

    Args:
        corpus: As for :func:`corpus_for`.
        path: As for :func:`corpus_for`.
        languages: As for :func:`corpus_for`.
        prose: A corpus of ordinary text, if ``corpus`` is parallel; where it lacks the reference,
            documents of ``corpus`` in that language are the ordinary text.
        reference: The language of that text; "" for English or, without any, the commonest.

    Returns:
        The parallel corpus, and the ordinary documents under the name of their corpus.

    Raises:
        CorpusError: When there is no such corpus or language, or no text in it.

    >>> list(parallel_and_prose("parallel", languages=["eng_Latn", "deu_Latn"])[1])
    ['prose']
    """
    own = corpus_for(corpus, path)
    own = corpus_for(own, languages=languages) if own.languages else own
    spoken = compared = choose_language(own, reference)
    texts = own
    if not parallel_languages(own, spoken):
        texts = corpus_for("parallel", languages=languages)
        compared = choose_language(texts, reference)
    if not parallel_languages(texts, compared):
        raise CorpusError(
            f"no language of {texts.name} says the same as {compared!r} (rows of one sentence "
            f"share a doc_id): choose a reference it has, and keep at least one more language"
        )
    if texts is own:
        for code, ordinary in documents_by_language(prose).items():
            if same_language(code, compared):
                return texts, {prose: ordinary}
    return texts, {own.name: documents_of(own, spoken)}


def language_costs(
    tokenizers: Sequence[Tokenizer | str],
    corpus: Corpus,
    *,
    reference: str = "eng_Latn",
    price: float = 1.0,
    window: int = 8192,
    seed: int = 0,
) -> pl.DataFrame:
    """What the same content costs in each language, and how much of it is UTF-8.

    The premium is the product of two factors: bytes against the reference's bytes, which any
    byte-level model pays, and tokens per byte against the reference's, which is the vocabulary's
    doing. Below 1, the second means that the vocabulary makes up for some of UTF-8.

    Args:
        tokenizers: Names or tokenizers.
        corpus: Parallel documents by language.
        reference: The language the others are compared with.
        price: Money for a million tokens.
        window: Tokens of a context window.
        seed: Of the bootstrap over parallel sentences.

    Returns:
        The columns of :data:`workbench.compare.equity.EQUITY`, and ``script``, ``byte_premium``
        and ``vocabulary_premium`` (their product is ``premium``).

    Raises:
        CorpusError: When the reference is not among the languages, or no language shares documents
            (rows of one ``doc_id``) with it; see
            :func:`workbench.corpora.languages.parallel_part` for what is counted of a corpus that
            is parallel in part.

    >>> two = load_corpus("parallel", languages=["eng_Latn", "hin_Deva"])
    >>> costs = language_costs(["bytes"], two)
    >>> costs.filter(group="hin_Deva").select("script", "vocabulary_premium").row(0)
    ('Deva', 1.0)
    """
    corpus = parallel_part(corpus, reference)
    reference = language_in(corpus, reference)
    counted = comparison(
        list(tokenizers), corpus, ["premium", "parity"], "language", reference=reference, seed=seed
    )
    sizes = _bytes_by_language(corpus)
    factor = pl.col("group").replace_strict(
        {language: size / sizes[reference] for language, size in sizes.items()},
        return_dtype=pl.Float64,
    )
    return counted.equity(price=price, window=window).with_columns(
        script=pl.col("group").map_elements(script_of, return_dtype=pl.String),
        byte_premium=factor,
        vocabulary_premium=pl.col("premium") / factor,
    )


def _bytes_by_language(corpus: Corpus) -> dict[str, int]:
    frame = (
        pl.concat(corpus.batches()).group_by("language").agg(pl.col("text").str.len_bytes().sum())
    )
    return {str(language): int(size) for language, size in frame.sort("language").rows()}


def inequality(
    tokenizers: Sequence[Tokenizer | str],
    corpus: Corpus,
    *,
    reference: str = "eng_Latn",
    seed: int = 0,
) -> pl.DataFrame:
    """One number per tokenizer: the Gini coefficient of tokens per sentence over languages.

    Args:
        tokenizers: Names or tokenizers.
        corpus: Parallel documents by language.
        reference: As for :func:`language_costs`; it does not change the number.
        seed: Of the bootstrap.

    Returns:
        ``tokenizer, gini, ci_low, ci_high, maximum, groups, n``; 0 is equality.

    Raises:
        CorpusError: As :func:`language_costs`.
    """
    corpus = parallel_part(corpus, reference)
    reference = language_in(corpus, reference)
    counted = comparison(
        list(tokenizers), corpus, ["premium", "gini"], "language", reference=reference, seed=seed
    )
    table = counted.inequality().filter(pl.col("variant") == "per_document")
    return table.select("tokenizer", "gini", "ci_low", "ci_high", "maximum", "groups", "n")


def script_summary(costs: pl.DataFrame) -> pl.DataFrame:
    """Premiums by script: each language counts once.

    Args:
        costs: From :func:`language_costs`.

    Returns:
        ``tokenizer, script, languages, lowest, median, highest, median_bytes``, dearest first.
        Languages are no sample from a script, so there is no interval over them.

    >>> three = load_corpus("parallel", languages=["eng_Latn", "deu_Latn", "fra_Latn"])
    >>> script_summary(language_costs(["bytes"], three)).select("script", "languages").row(0)
    ('Latn', 2)
    """
    return (
        costs.filter(pl.col("group") != pl.col("reference"))
        .group_by("tokenizer", "script", maintain_order=True)
        .agg(
            languages=pl.len(),
            lowest=pl.col("premium").min(),
            median=pl.col("premium").median(),
            highest=pl.col("premium").max(),
            median_bytes=pl.col("byte_premium").median(),
        )
        .sort("tokenizer", "median", descending=[False, True], maintain_order=True)
    )


def generated_texts(n: int = 40, seed: int = 0, per_document: int = 10) -> dict[str, list[str]]:
    """Strings that no vocabulary was trained on: :mod:`workbench.metrics.text_types`' own.

    Args:
        n: Documents of each kind.
        seed: The same seed gives the same strings.
        per_document: Strings of a document, with spaces between.

    Returns:
        By kind, of :data:`GENERATED`.

    Raises:
        ValueError: When ``n`` or ``per_document`` is below 1.

    >>> len(generated_texts(2)["uuids"][0].split())
    10
    """
    if n < 1 or per_document < 1:
        raise ValueError(f"n and per_document are at least 1, not {n} and {per_document}.")
    out: dict[str, list[str]] = {}
    for kind in GENERATED:
        strings = sample_texts(kind, n * per_document, seed)
        out[kind] = [
            " ".join(strings[i : i + per_document]) for i in range(0, len(strings), per_document)
        ]
    return out


def type_rates(
    tokenizers: Sequence[Tokenizer | str], texts: Mapping[str, Sequence[str]], *, seed: int = 0
) -> pl.DataFrame:
    """Characters per token by kind of text.

    Args:
        tokenizers: Names or tokenizers.
        texts: Documents by kind, such as :func:`generated_texts` and prose.
        seed: Of the bootstrap over documents.

    Returns:
        ``tokenizer, kind, characters_per_token, ci_low, ci_high, documents``, pooled over the
        documents of a kind, special tokens not counted.

    Raises:
        ValueError: When a kind has no text with a token, or is one string and no list of texts.

    >>> rates = type_rates(["characters"], {"greeting": ["hello", "hi"]})
    >>> rates.select("characters_per_token", "documents").row(0)
    (1.0, 2)
    """
    rows = []
    listed = {kind: text_list(documents) for kind, documents in texts.items()}
    for tok in tokenizer_list(tokenizers):
        for kind, documents in listed.items():
            tokens = [len(ids) for ids in tok.encode_batch(documents)]
            if not sum(tokens):
                raise ValueError(f"The kind {kind!r} has no text with a token.")
            rate = ratio_over_documents([len(t) for t in documents], tokens, seed=seed)
            rows.append((tok.name, kind, rate.value, rate.low, rate.high, rate.n))
    return pl.DataFrame(
        rows,
        schema={
            "tokenizer": pl.String,
            "kind": pl.String,
            "characters_per_token": pl.Float64,
            "ci_low": pl.Float64,
            "ci_high": pl.Float64,
            "documents": pl.Int64,
        },
        orient="row",
    )


def magnet_targets(
    corpus: Corpus,
    *,
    reference: str = "eng_Latn",
    priors: Mapping[str, float] = MAGNET_PRIORS,
) -> pl.DataFrame:
    """What MAGNET's boundary priors ask for: targets, not results.

    Args:
        corpus: Parallel documents by language.
        reference: The language the others are compared with; its script needs a prior.
        priors: Boundaries per byte by script.

    Returns:
        ``language, script, bytes, prior, target_segments`` (prior times bytes) and
        ``target_premium`` (against the reference), for languages whose script has a prior.

    Raises:
        CorpusError: As :func:`language_costs`.
        ValueError: When the script of the reference has no prior.

    >>> two = load_corpus("parallel", languages=["eng_Latn", "hin_Deva"])
    >>> magnet_targets(two)["target_premium"].round(2).to_list()
    [1.0, 0.96]
    """
    corpus = parallel_part(corpus, reference)
    reference = language_in(corpus, reference)
    if script_of(reference) not in priors:
        raise ValueError(
            f"The reference {reference!r} must be a language whose script has a prior: "
            f"{', '.join(priors)}."
        )
    sizes = _bytes_by_language(corpus)
    base = sizes[reference] * priors[script_of(reference)]
    rows = [
        (language, script, size, priors[script], size * priors[script])
        for language, size in sizes.items()
        if (script := script_of(language)) in priors
    ]
    return pl.DataFrame(
        rows,
        schema={
            "language": pl.String,
            "script": pl.String,
            "bytes": pl.Int64,
            "prior": pl.Float64,
            "target_segments": pl.Float64,
        },
        orient="row",
    ).with_columns(target_premium=pl.col("target_segments") / base)


def verdict(
    costs: pl.DataFrame,
    rates: pl.DataFrame,
    targets: pl.DataFrame | None = None,
    prose: str = "prose",
) -> pl.DataFrame:
    """Who pays most, how general it is, and what the targets would change.

    Args:
        costs: From :func:`language_costs`.
        rates: From :func:`type_rates`, with the kinds "uuids" and ``prose``.
        targets: From :func:`magnet_targets`, where there are priors for the languages.
        prose: The kind that UUIDs are compared with.

    Returns:
        The rows of a verdict.
    """
    rows: list[dict[str, Any]] = []
    others = costs.filter(pl.col("group") != pl.col("reference"))
    for name, part in others.group_by("tokenizer", maintain_order=True):
        top = part.row(0, named=True)
        premium = Estimate(top["premium"], top["ci_low"], top["ci_high"], top["n"])
        claim = "The same content costs more tokens in other languages"
        rows.append(
            verdict_row(
                claim,
                PAPERS[0],
                f"tokens of {top['group']} over {top['reference']}, the dearest, {name[0]}",
                premium,
                premium.side(1, "the opposite", "holds", "not shown by this sample")
                + f": bytes × {top['byte_premium']:.2f}, "
                f"tokens per byte × {top['vocabulary_premium']:.2f}",
            )
        )
        above = part.filter(pl.col("ci_low") > 1).height
        rows.append(
            verdict_row(
                claim,
                PAPERS[0],
                f"share of {part.height} languages whose interval lies above 1, {name[0]}",
                above / part.height,
                "holds for none"
                if above == 0
                else "holds for most"
                if above > part.height / 2
                else "holds for a minority",
            )
        )
    for row in rates.filter(pl.col("kind") == "uuids").iter_rows(named=True):
        near = rates.filter((pl.col("kind") == prose) & (pl.col("tokenizer") == row["tokenizer"]))
        side = "no prose to compare with"
        if near.height:
            other = near.row(0, named=True)
            ends = (row["ci_high"], other["ci_low"]), (other["ci_high"], row["ci_low"])
            holds, opposite = (None not in end and end[0] < end[1] for end in ends)
            side = "holds" if holds else "the opposite" if opposite else "not shown"
            times = other["characters_per_token"] / row["characters_per_token"]
            if holds and times < FAR_FEWER:
                side = "does not hold: fewer, but not by half"
            side += f"; {prose} has {other['characters_per_token']:.2f}, {times:.1f} times as many"
        rows.append(
            verdict_row(
                "A context window holds far fewer UUIDs than prose",
                PAPERS[1],
                f"characters per token of UUIDs, {row['tokenizer']}",
                Estimate(
                    row["characters_per_token"], row["ci_low"], row["ci_high"], row["documents"]
                ),
                side,
            )
        )
    if targets is not None and targets.height > 1:
        spread = targets.filter(pl.col("target_premium") != 1)["target_premium"]
        for end, value in (("lowest", spread.min()), ("highest", spread.max())):
            rows.append(
                verdict_row(
                    "Boundary priors by script make languages cost alike",
                    PAPERS[2],
                    f"{end} target premium of {spread.len()} languages, from priors times bytes",
                    float(value),  # type: ignore[arg-type]
                    "a target, not a result: its predictors must be trained",
                )
            )
    return verdict_frame(rows)
