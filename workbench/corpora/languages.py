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


@cache
def _subtags(code: str) -> tuple[str, str]:
    """Language and script of a code: ``eng_Latn`` and ``en-Latn-US`` are alike."""
    from babel.core import get_global

    first, *rest = re.split("[-_]", code)
    script = next((part.title() for part in rest if len(part) == 4 and part.isalpha()), "")
    return get_global("language_aliases").get(first.lower(), first.lower()), script


def same_language(one: str, other: str) -> bool:
    """Whether two codes mean one language and no different scripts.

    >>> same_language("en", "eng_Latn"), same_language("zho_Hans", "zho_Hant")
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
    frame = pl.concat(corpus.batches()).filter(pl.col("text").str.contains(r"\S"))
    counts = frame.drop_nulls("language").group_by("language", maintain_order=True).len()
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
    frame = pl.concat(corpus.batches()).filter(pl.col("text").str.contains(r"\S"))
    ids = frame.filter(pl.col("language") == own)["doc_id"].unique().implode()
    others = frame.filter((pl.col("language") != own) & pl.col("doc_id").is_in(ids))
    return sorted(others["language"].unique().to_list())
