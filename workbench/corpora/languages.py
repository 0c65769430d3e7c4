"""How a corpus writes a language, whoever wrote it, and which of its languages say the same.

Bundled corpora write ``eng_Latn``, others ``en`` or ``en-GB``, and a text file names no language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import polars as pl

from workbench.corpora.corpus import Corpus
from workbench.corpora.fields import CorpusError, near
from workbench.corpora.loading import load_corpus

ALL = "all"
"""What asks for every language, where an empty word asks for a choice."""

UNTAGGED = "(no language)"
"""The group of all documents of a corpus that names no language, as comparisons call it too."""


_NORWEGIAN = {"no": "nb"}
"""CLDR leaves Norwegian open; a text that says no more is nearly always in Bokmål."""


@cache
def _subtags(code: str) -> tuple[str, str]:
    """Language and script of a code: ``eng_Latn`` and ``en-Latn-US`` are alike.

    A region says in which script its language is written: ``zh-TW`` is traditional.
    """
    from babel.core import get_global

    first, *rest = re.split("[-_]", code)
    language = get_global("language_aliases").get(first.lower(), first.lower())
    language = _NORWEGIAN.get(language, language)
    script = next((part.title() for part in rest if len(part) == 4 and part.isalpha()), "")
    region = next((part.upper() for part in rest if len(part) == 2 and part.isalpha()), "")
    return language, script or (_likely_script(language, region) if region else "")


def _likely_script(language: str, region: str = "") -> str:
    from babel.core import get_global

    likely = get_global("likely_subtags")
    full = likely.get(f"{language}_{region}") or likely.get(language) or ""
    return next((part for part in full.split("_")[1:] if len(part) == 4), "")


def script_of(code: str) -> str:
    """The ISO 15924 script of a language's code: as written, or else the likely one.

    Args:
        code: Such as ``hin_Deva``, ``zh-TW`` or ``en``.

    Returns:
        Four letters; "" where neither the code nor Unicode's CLDR knows.

    >>> script_of("hin_Deva"), script_of("zh-TW"), script_of("en"), script_of("xx")
    ('Deva', 'Hant', 'Latn', '')
    """
    language, script = _subtags(code)
    return script or _likely_script(language)


def same_language(one: str, other: str) -> bool:
    """Whether two codes mean one language and no different scripts.

    >>> same_language("en", "eng_Latn"), same_language("zho_Hans", "zh-TW")
    (True, False)
    """
    (language, script), (its, written) = _subtags(one), _subtags(other)
    return language == its and (script == written or not (script and written))


def find_language(name: str, there: Sequence[str], wanted: str) -> str:
    """How a corpus writes a language: as it is asked for, or else the one code that means it."""
    if not there:
        return UNTAGGED
    if wanted in there:
        return wanted
    alike = [one for one in there if same_language(one, wanted)]
    if len(alike) == 1:
        return alike[0]
    raise CorpusError(f"{name} has no language {wanted!r}: {near(wanted, alike or there)}")


def language_in(corpus: Corpus | str, language: str) -> str:
    """How a corpus writes a language; :data:`UNTAGGED` where it names none.

    Args:
        corpus: A corpus, or what :func:`workbench.load_corpus` takes.
        language: A code such as ``eng_Latn``, ``eng`` or ``en``.

    Returns:
        The code of the corpus. Codes are alike if they mean one language (ISO 639, by Unicode's
        aliases) and no different scripts.

    Raises:
        CorpusError: When the corpus names languages, but not this one or several such.

    >>> language_in("parallel", "de")
    'deu_Latn'
    """
    corpus = load_corpus(corpus) if isinstance(corpus, str) else corpus
    return find_language(corpus.name, corpus.languages, language)


def with_text(corpus: Corpus) -> pl.DataFrame:
    """The documents of a corpus that hold more than white space."""
    return pl.concat(corpus.batches()).filter(pl.col("text").str.contains(r"\S"))


def choose_language(corpus: Corpus | str, wanted: str = "", usual: str = "eng_Latn") -> str:
    """The language to work on where nobody said which: the usual one, or the corpus's commonest.

    Args:
        corpus: As for :func:`language_in`.
        wanted: What was asked for: a code, "all" for every document, or "" for a choice.
        usual: Taken where the corpus has it and nothing was asked for.

    Returns:
        The code of the corpus; else that of most documents, the first of equals. "" stands for
        every document: where that was asked for, or where the corpus names no language.

    Raises:
        CorpusError: As :func:`language_in`, for what was asked for.

    >>> choose_language("parallel"), choose_language("parallel", "de")
    ('eng_Latn', 'deu_Latn')
    """
    chosen = choose_languages(corpus, [wanted] if wanted else [], [usual])
    return "" if wanted == ALL or not chosen else chosen[0]


def choose_languages(
    corpus: Corpus | str, wanted: Sequence[str] = (), usual: Sequence[str] = ("eng_Latn",)
) -> list[str]:
    """The languages to show where nobody said which: as many of the corpus as are usual.

    Args:
        corpus: As for :func:`language_in`.
        wanted: What was asked for: codes, ["all"], or none for a choice.
        usual: Those that the corpus has are taken; the others make room for its commonest.

    Returns:
        Codes of the corpus, those of ``usual`` first; none where it names no language.

    Raises:
        CorpusError: As :func:`language_in`, for what was asked for.

    >>> choose_languages("parallel", usual=["deu_Latn", "xxx_Latn"])
    ['deu_Latn', 'amh_Ethi']
    """
    corpus = load_corpus(corpus) if isinstance(corpus, str) else corpus
    if not corpus.languages:
        return []
    if wanted and list(wanted) != [ALL]:
        return list(dict.fromkeys(language_in(corpus, one) for one in wanted))
    counts = (
        with_text(corpus).drop_nulls("language").group_by("language", maintain_order=True).len()
    )
    there = counts.sort("len", descending=True, maintain_order=True)["language"].to_list()
    if wanted:
        return there
    alike = [own for one in usual for own in there if same_language(own, one)]
    return list(dict.fromkeys([*alike, *there]))[: len(usual)]


def parallel_languages(corpus: Corpus | str, reference: str) -> list[str]:
    """Languages that say what another says: some of their documents share its ``doc_id``.

    Args:
        corpus: As for :func:`language_in`.
        reference: The language compared with.

    Returns:
        Their codes, sorted, without the reference's; none where the corpus names no language or
        lacks the reference.

    >>> len(parallel_languages("parallel", "eng_Latn"))
    30
    """
    corpus = load_corpus(corpus) if isinstance(corpus, str) else corpus
    try:
        own = language_in(corpus, reference)
    except CorpusError:
        return []
    return _others(with_text(corpus), own)


def _others(frame: pl.DataFrame, own: str) -> list[str]:
    """The languages of which a document has the `doc_id` of one of a language's own."""
    ids = frame.filter(pl.col("language") == own)["doc_id"].unique().implode()
    others = frame.filter((pl.col("language") != own) & pl.col("doc_id").is_in(ids))
    return sorted(others["language"].unique().to_list())


def parallel_part(corpus: Corpus | str, reference: str) -> Corpus:
    """What several languages of a corpus say alike: the same content on every side.

    A ratio of sums over languages is one of equal content only if every document is there in each
    of them.

    Args:
        corpus: As for :func:`language_in`.
        reference: The language compared with.

    Returns:
        The corpus itself where every language has every document. Else its documents that all
        languages have, without the languages that share none with the reference or lack half of
        what it shares; the note says what was left out.

    Raises:
        CorpusError: When the reference shares no document with another language, or the languages
            have no document in common.

    >>> parallel_part("parallel", "en").name
    'parallel'
    """
    corpus = load_corpus(corpus) if isinstance(corpus, str) else corpus
    others = parallel_languages(corpus, reference)
    if not others:
        raise CorpusError(
            f"{corpus.name} has no language that says the same as {reference!r}: rows of one "
            f"meaning share a doc_id"
        )
    own = language_in(corpus, reference)
    frame = pl.concat(corpus.batches()).filter(pl.col("text").str.contains(r"\S"))
    said = frame.select("doc_id", "language").unique()
    theirs = said.filter(pl.col("language").is_in(others))
    shared = said.filter(language=own).join(theirs, on="doc_id", how="semi")
    have = theirs.join(shared, on="doc_id", how="semi").group_by("language").len()
    most = have.filter(pl.col("len") > shared.height / 2)["language"].to_list()
    kept = said.filter(pl.col("language").is_in([own, *most]))
    whole = kept.group_by("doc_id").len().filter(pl.col("len") == len(most) + 1)
    part = frame.join(whole, on="doc_id", how="semi", maintain_order="left")
    part = part.filter(pl.col("language").is_in([own, *most]))
    if part.height == frame.height:
        return corpus
    if part.is_empty() or not most:
        raise CorpusError(
            f"no document of {corpus.name} is there in all of {', '.join([own, *most, *others])}: "
            f"choose fewer languages"
        )
    left = sorted(set(said["language"].drop_nulls()) - {own, *most})
    note = f"{whole.height} of {shared.height} documents are in all {len(most) + 1} languages."
    note += f" Left out: {', '.join(left)}." if left else ""
    made = load_corpus(part, name=corpus.name)
    return Corpus(
        corpus.name,
        corpus.kind,
        made.pieces,
        source=corpus.source,
        licence=corpus.licence,
        note=note,
    )


def is_parallel(corpus: Corpus, reference: str) -> bool:
    """Whether every language of a corpus says all that a reference says, and nothing else.

    >>> is_parallel(load_corpus("parallel"), "eng_Latn"), is_parallel(load_corpus("prose"), "en")
    (True, False)
    """
    return bool(parallel_languages(corpus, reference)) and (
        parallel_part(corpus, reference) is corpus
    )
