"""The texts a study works on: those of one language, or of several, of anyone's corpus.

The bundled corpora name the language of every document, a text file names none. The rule is the
same in every study: documents of the language asked for; all of them where the corpus names no
language at all; and an error that lists what there is where it names others. Documents of
white space alone, such as the blank lines of a text file, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.corpora import Corpus, CorpusError, load_corpus
from workbench.corpora.fields import near

__all__ = [
    "UNTAGGED",
    "Split",
    "documents_by_language",
    "documents_frame",
    "documents_of",
    "names_languages",
    "paragraphs_of",
    "split_corpus",
    "words_of",
]

UNTAGGED = "(no language)"
"""The group of all documents of a corpus that names no language, as comparisons call it too."""


def _readable(corpus: Corpus | str) -> tuple[str, pl.DataFrame]:
    """The name of a corpus, and ``text, language`` of its documents that hold more than space."""
    if isinstance(corpus, str):
        corpus = load_corpus(corpus)
    frame = corpus.scan().select("text", "language").collect()
    return corpus.name, frame.filter(pl.col("text").str.contains(r"\S"))


def _check(name: str, frame: pl.DataFrame, wanted: Sequence[str]) -> None:
    if frame.is_empty():
        raise CorpusError(f"{name} has no document with text in it")
    there = frame["language"].drop_nulls().unique().sort().to_list()
    if there and (strangers := [one for one in wanted if one not in there]):
        raise CorpusError(f"{name} has no language {strangers[0]!r}: {near(strangers[0], there)}")


def names_languages(corpus: Corpus | str) -> bool:
    """Whether any document of a corpus with text in it names its language.

    Args:
        corpus: A corpus, or what :func:`workbench.load_corpus` takes.

    >>> names_languages("prose")
    True
    """
    return not _readable(corpus)[1]["language"].is_null().all()


def documents_of(corpus: Corpus | str, language: str | None = None) -> list[str]:
    """Texts of one language; of all documents where the corpus names no language.

    Args:
        corpus: A corpus, or what :func:`workbench.load_corpus` takes: a name, a path.
        language: As the corpus writes it; None or "" takes all documents.

    Returns:
        The texts in order, those of white space alone left out.

    Raises:
        CorpusError: When there is no such corpus, no text in it, or no document of that language;
            the message names the languages there are.

    >>> len(documents_of("parallel", "deu_Latn"))
    40
    """
    name, frame = _readable(corpus)
    wanted = [language] if language else []
    _check(name, frame, wanted)
    if wanted and not frame["language"].is_null().all():
        frame = frame.filter(pl.col("language") == language)
    return frame["text"].to_list()


def documents_frame(corpus: Corpus | str, languages: Sequence[str] = ()) -> pl.DataFrame:
    """Texts beside their language; :data:`UNTAGGED` where the corpus names no language.

    Args:
        corpus: As for :func:`documents_of`.
        languages: Which, in this order; none takes all, in the order of the corpus.

    Returns:
        ``text, language``, language by language, the texts of each in order. Documents without a
        language beside others that name theirs are a group of their own if all are taken.

    Raises:
        CorpusError: As :func:`documents_of`.
    """
    name, frame = _readable(corpus)
    _check(name, frame, languages)
    untagged = frame["language"].is_null().all()
    frame = frame.with_columns(pl.col("language").fill_null(UNTAGGED))
    order = frame["language"].unique(maintain_order=True).to_list()
    wanted = order if untagged or not languages else list(languages)
    return pl.concat([frame.filter(pl.col("language") == one) for one in wanted])


def documents_by_language(
    corpus: Corpus | str, languages: Sequence[str] = ()
) -> dict[str, list[str]]:
    """The texts of :func:`documents_frame` as a mapping.

    Args:
        corpus: As for :func:`documents_of`.
        languages: As for :func:`documents_frame`.

    Returns:
        The texts of each language.

    Raises:
        CorpusError: As :func:`documents_of`.

    >>> list(documents_by_language("parallel", ["tur_Latn", "eng_Latn"]))
    ['tur_Latn', 'eng_Latn']
    """
    groups = documents_frame(corpus, languages).group_by("language", maintain_order=True)
    return {str(language): part["text"].to_list() for (language,), part in groups}


def paragraphs_of(texts: Iterable[str]) -> list[str]:
    r"""The paragraphs of texts, between blank lines; those of white space alone are left out.

    >>> paragraphs_of(["a\n\nb", " \n"])
    ['a', 'b']
    """
    return [p for text in texts for p in re.split(r"\n\s*\n", text) if p.strip()]


def words_of(texts: Iterable[str]) -> list[str]:
    """The different words of texts, runs of letters, sorted.

    >>> words_of(["Two apples, two"])
    ['Two', 'apples', 'two']
    """
    return sorted({word for text in texts for word in re.findall(r"[^\W\d_]+", text)})


@dataclass(frozen=True)
class Split:
    """Text to learn from and text to measure on; no document and no paragraph is in both."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]


def split_corpus(
    corpus: Corpus | str,
    *,
    language: str | None = None,
    held_out: float = 0.3,
    most_characters: int = 400_000,
    seed: int = 0,
) -> Split:
    """Cut a corpus into training and held-out documents, and those into paragraphs.

    Args:
        corpus: As for :func:`documents_of`.
        language: As for :func:`documents_of`.
        held_out: Share of the documents to measure on, in (0, 1).
        most_characters: Documents are taken, in a random order, until they hold so many.
        seed: Of the order.

    Returns:
        Paragraphs (between blank lines) of both parts, each once: one that stands in both, like
        a licence that many packages carry, is only learnt from. A corpus of one document is cut
        between its paragraphs.

    Raises:
        ValueError: When the share is out of range, or there are fewer than two documents or
            paragraphs, or every paragraph to hold out is in the other part too.
        CorpusError: As :func:`documents_of`.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"The held-out share lies in (0, 1), not at {held_out}.")
    if isinstance(corpus, str):
        corpus = load_corpus(corpus)
    texts = documents_of(corpus, language)
    if len(texts) == 1:
        texts = paragraphs_of(texts)
    order = np.random.default_rng(seed).permutation(len(texts)).tolist()
    chosen: list[str] = []
    size = 0
    for number in order:
        if size >= most_characters and len(chosen) >= 2:
            break
        chosen.append(texts[number])
        size += len(texts[number])
    if len(chosen) < 2:
        raise ValueError(
            f"The corpus {corpus.name!r} has {len(chosen)} paragraph of language {language!r}: "
            f"at least two are needed, one to learn from and one to measure on."
        )
    cut = min(len(chosen) - 1, max(1, round(held_out * len(chosen))))
    train = dict.fromkeys(paragraphs_of(chosen[cut:]))
    kept = tuple(p for p in dict.fromkeys(paragraphs_of(chosen[:cut])) if p not in train)
    if not kept:
        raise ValueError(
            f"All paragraphs held out of {corpus.name!r} stand in the rest of it too: there is "
            f"nothing unseen to measure on."
        )
    return Split(tuple(train), kept)
