"""The texts a study works on: those of one language, or of several, of anyone's corpus.

The bundled corpora name the language of every document, a text file names none, and others write
``en`` where ours write ``eng_Latn``. The rule is the same in every study: documents of the language
asked for, however it is written; all of them where the corpus names no language at all; and an
error that lists what there is where it names others. Documents of white space alone, such as the
blank lines of a text file, are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import regex
from numpy.typing import ArrayLike, NDArray

from workbench.corpora import Corpus, CorpusError, load_corpus
from workbench.corpora.languages import UNTAGGED, find_language, with_text
from workbench.intervals import FEWEST

__all__ = [
    "Split",
    "corpora_with",
    "count_words",
    "documents_by_language",
    "documents_frame",
    "documents_of",
    "learn_and_score",
    "paragraphs_of",
    "split_corpus",
    "words_of",
]

_WORD = regex.compile(r"[\p{L}\p{M}]+")


def _readable(corpus: Corpus | str) -> tuple[str, pl.DataFrame]:
    """The name of a corpus, and its documents that hold more than white space."""
    if isinstance(corpus, str):
        corpus = load_corpus(corpus)
    frame = with_text(corpus)
    if frame.is_empty():
        raise CorpusError(f"{corpus.name} has no document with text in it")
    return corpus.name, frame


def _named(frame: pl.DataFrame) -> list[str]:
    return frame["language"].drop_nulls().unique().sort().to_list()


def corpora_with(
    language: str, corpus: Corpus | str, beside: Sequence[Corpus | str] = ()
) -> tuple[list[Corpus], list[str]]:
    """A corpus and others beside it, as far as they have a language.

    Args:
        language: The language; "" for any.
        corpus: What must have it.
        beside: What may.

    Returns:
        The corpora that have it, each once, and the names of those that have not.

    Raises:
        CorpusError: When the first has it not, or there is no such corpus.

    >>> [one.name for one in corpora_with("deu_Latn", "prose", ["parallel"])[0]]
    ['prose', 'parallel']
    """
    kept: dict[str, Corpus] = {}
    left = []
    for number, source in enumerate([corpus, *beside]):
        one = load_corpus(source) if isinstance(source, str) else source
        try:
            documents_of(one, language)  # which fails where it has none with text in it
            kept.setdefault(one.name, one)
        except CorpusError:
            if number == 0:
                raise
            left.append(one.name)
    return list(kept.values()), left


def documents_of(corpus: Corpus | str, language: str | None = None) -> list[str]:
    """Texts of one language; of all documents where the corpus names no language.

    Args:
        corpus: A corpus, or what :func:`workbench.load_corpus` takes: a name, a path.
        language: A code, as for :func:`workbench.corpora.languages.language_in`; None or "" takes
            all documents.

    Returns:
        The texts in order, those of white space alone left out.

    Raises:
        CorpusError: When there is no such corpus, no text in it, or no document of that language;
            the message names the languages there are.

    >>> len(documents_of("parallel", "deu_Latn"))
    40
    """
    name, frame = _readable(corpus)
    if language and (own := find_language(name, _named(frame), language)) != UNTAGGED:
        frame = frame.filter(pl.col("language") == own)
    return frame["text"].to_list()


def documents_frame(corpus: Corpus | str, languages: Sequence[str] = ()) -> pl.DataFrame:
    """Texts beside their language; "(no language)" where the corpus names none.

    Args:
        corpus: As for :func:`documents_of`.
        languages: Which, in this order; none takes all, in the order of the corpus.

    Returns:
        ``text, language`` (as the corpus writes it), language by language, the texts of each in
        order. Documents without a
        language beside others that name theirs are a group of their own if all are taken.

    Raises:
        CorpusError: As :func:`documents_of`.
    """
    name, frame = _readable(corpus)
    wanted = dict.fromkeys(find_language(name, _named(frame), one) for one in languages)
    frame = frame.select("text", pl.col("language").fill_null(UNTAGGED))
    order = list(wanted) or frame["language"].unique(maintain_order=True).to_list()
    return pl.concat([frame.filter(pl.col("language") == one) for one in order])


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
    """The different words of texts, sorted.

    >>> words_of(["Two apples, two"])
    ['Two', 'apples', 'two']
    """
    return sorted(count_words(texts))


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word stands in texts: runs of letters with their marks, composed (NFC).

    >>> count_words(["कुत्ते, कुत्ते!"])
    Counter({'कुत्ते': 2})
    """
    return Counter(
        word for text in texts for word in _WORD.findall(unicodedata.normalize("NFC", text))
    )


@dataclass(frozen=True)
class Split:
    """Text to learn from and text to measure on; no document and no paragraph is in both.

    Attributes:
        train: Paragraphs to learn from.
        held_out: Paragraphs to measure on.
        documents: The document each of those is of; empty where each is a document.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    documents: tuple[int, ...] = ()

    @property
    def _units(self) -> NDArray[np.int64]:
        """Which unit each held-out paragraph belongs to."""
        if len(set(self.documents)) < FEWEST:
            return np.arange(len(self.held_out))
        numbers = {document: place for place, document in enumerate(dict.fromkeys(self.documents))}
        return np.array([numbers[document] for document in self.documents])

    @property
    def resampled(self) -> str:
        """What intervals resample, in words.

        >>> split_corpus("prose", language="eng_Latn").resampled
        '89 paragraphs of 4 documents'
        """
        units = len(np.unique(self._units))
        few = len(set(self.documents))
        if few in (0, units):
            return f"{units} document{'s' if units > 1 else ''}"
        return f"{units} paragraphs of {few} document{'s' if few > 1 else ''}"

    @property
    def texts(self) -> list[str]:
        """What intervals resample, each as one text: paragraphs joined by blank lines.

        >>> Split(("a",), ("b", "c"), (0, 0)).texts
        ['b', 'c']
        """
        joined: dict[int, list[str]] = {}
        for unit, paragraph in zip(self._units.tolist(), self.held_out, strict=True):
            joined.setdefault(unit, []).append(paragraph)
        return ["\n\n".join(parts) for parts in joined.values()]

    def first(self, paragraphs: int) -> Split:
        """The same with fewer held-out paragraphs, which are drawn from all its documents."""
        return Split(self.train, self.held_out[:paragraphs], self.documents[:paragraphs])

    def by_unit(self, values: ArrayLike) -> NDArray[np.float64]:
        """Sums of numbers over what intervals resample.

        The paragraphs of a document say similar things, so documents are the unit; where fewer
        than eight are held out their paragraphs are, and intervals then cover other
        paragraphs of these documents and not other documents.

        Args:
            values: One number per held-out paragraph, shape ``(paragraphs,)``.

        Returns:
            The sums, shape ``(units,)``.

        >>> split = Split(("a",), ("b", "c", "d"), (0, 0, 1))
        >>> split.by_unit([1, 2, 3])
        array([1., 2., 3.])
        """
        return np.bincount(self._units, weights=np.asarray(values)).astype(np.float64)

    @property
    def counted(self) -> Corpus:
        """What is learnt from, as a corpus, so that models counted on it are kept."""
        return load_corpus(pl.DataFrame({"text": list(self.train)}), name="learnt from")


def learn_and_score(
    corpus: Corpus | str, texts_from: str = "", *, language: str | None = None, seed: int = 0
) -> Split:
    """Text to count a model on and text to try it on: of one corpus, or of two.

    Args:
        corpus: As for :func:`documents_of`.
        texts_from: Another corpus to try the model on; "" holds a part of ``corpus`` out.
        language: As for :func:`documents_of`, in both.
        seed: Of the split.

    Returns:
        The texts, in paragraphs where one corpus is split; those of ``texts_from`` that share a
        paragraph with ``corpus`` are left out.

    Raises:
        ValueError: As :func:`split_corpus`, or when no text is left.
        CorpusError: As :func:`documents_of`.

    >>> len(learn_and_score("prose", "parallel", language="eng_Latn").held_out)
    40
    """
    if not texts_from:
        return split_corpus(corpus, language=language, seed=seed)
    train = documents_of(corpus, language)
    learnt = set(paragraphs_of(train))
    new = [t for t in documents_of(texts_from, language) if learnt.isdisjoint(paragraphs_of([t]))]
    if not new:
        raise ValueError(
            f"Every text of {texts_from!r} has a paragraph that was learnt from: leave texts_from "
            f"empty to hold a part of one corpus out."
        )
    return Split(tuple(train), tuple(new))


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
        a licence that many packages carry, is only learnt from. Those held out come in a random
        order. A corpus of one document is cut between its paragraphs.

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
    parts = len(texts) == 1
    if parts:
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
            f"The corpus {corpus.name!r} has one paragraph to use: at least two are needed, one to "
            f"learn from and one to measure on."
        )
    cut = min(len(chosen) - 1, max(1, round(held_out * len(chosen))))
    train = dict.fromkeys(paragraphs_of(chosen[cut:]))
    held: dict[str, int] = {}
    for number, text in enumerate(chosen[:cut]):
        for paragraph in paragraphs_of([text]):
            if paragraph not in train:
                held.setdefault(paragraph, 0 if parts else number)
    if not held:
        raise ValueError(
            f"All paragraphs held out of {corpus.name!r} stand in the rest of it too: there is "
            f"nothing unseen to measure on."
        )
    # In a random order, so that the first few are of all documents and not of one.
    drawn = list(held.items())
    drawn = [drawn[place] for place in np.random.default_rng(seed).permutation(len(drawn))]
    return Split(tuple(train), tuple(p for p, _ in drawn), tuple(number for _, number in drawn))
