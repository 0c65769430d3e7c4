"""Where words come from: corpora, texts, `wordfreq`'s lists, and made-up identifiers."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import polars as pl
import regex

from workbench.character_tasks.draw import Stream
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import LENGTHS

WORD = r"\b[a-zA-Z]+\b"
"""CharBench's definition of a word: letters a to z between Unicode word boundaries."""

_WORD = regex.compile(WORD)
_LETTERS = regex.compile(r"[\p{L}\p{M}]+")

IdentifierKind = Literal["digits", "hex", "uuid", "snake_case", "camelCase"]


def charbench_words(source: Any, lengths: Sequence[int] | None = LENGTHS) -> list[str]:
    r"""The distinct words of a corpus, a text or a list, as CharBench takes them.

    Case is kept: `The` and `the` are two words. CharBench's own source is the first 100,000
    documents of MiniPile.

    Args:
        source: A `Corpus` (anything with `.scan()` that gives a column `text`), a polars frame or
            lazy frame with that column, one text, or an iterable of texts or words.
        lengths: Word lengths to keep, in characters; None keeps all.

    Returns:
        Distinct words in code point order.

    Raises:
        CharacterTaskError: If there is no text, or no word in it.

    Example:
        >>> charbench_words("The cat, the naïve cat_2 purrs.", lengths=[3, 5])
        ['The', 'cat', 'purrs', 'the']
    """
    keep = None if lengths is None else set(lengths)
    found: set[str] = set()
    for text in _texts(source):
        found.update(_WORD.findall(text))
    words = sorted(w for w in found if keep is None or len(w) in keep)
    if not words:
        raise CharacterTaskError(
            f"No word matches {WORD} in {type(source).__name__} with lengths "
            f"{sorted(keep) if keep else 'of any size'}: give a text in Latin letters, or use "
            "wordfreq_words(language) with build_items(..., unit='grapheme') for other scripts."
        )
    return words


def _texts(source: Any) -> Iterable[str]:
    if isinstance(source, str):
        yield source
        return
    scan = source.scan() if hasattr(source, "scan") else source
    if isinstance(scan, pl.DataFrame):
        scan = scan.lazy()
    if isinstance(scan, pl.LazyFrame):
        names = scan.collect_schema().names()
        if "text" not in names:
            raise CharacterTaskError(
                f"The corpus has the columns {names}, but a column `text` was expected."
            )
        for batch in scan.select("text").collect(engine="streaming").iter_slices(10_000):
            yield from batch["text"].drop_nulls()
        return
    try:
        entries = iter(source)
    except TypeError as error:
        raise CharacterTaskError(
            f"Words cannot be taken from {type(source).__name__}: give a corpus, a text, or a "
            "list of texts or words."
        ) from error
    for entry in entries:
        if not isinstance(entry, str):
            raise CharacterTaskError(f"{entry!r} is no text: every entry must be a string.")
        yield entry


def wordfreq_languages() -> list[str]:
    """The languages of `wordfreq`, as codes such as `en`, `ru`, `hi`."""
    import wordfreq

    return sorted(wordfreq.available_languages("best"))


def wordfreq_words(
    language: str = "en",
    n: int | None = None,
    *,
    ascii_only: bool | None = None,
    title_case: bool = False,
) -> list[str]:
    """The commonest words of a language from `wordfreq` (Speer, 2022; CC BY-SA 4.0 data).

    Args:
        language: A code from `wordfreq_languages()`.
        n: How many of the commonest; None takes the whole list.
        ascii_only: Keep only words of the letters a to z, as CharBench does; None means so for
            English and no other language. Otherwise words are any letters with their marks.
        title_case: Add each word with its first letter in upper case, where that differs: the
            list itself is in lower case.

    Returns:
        Words, commonest first (a title-cased form directly behind its word).

    Raises:
        CharacterTaskError: If `wordfreq` has no such language.

    Example:
        >>> wordfreq_words("en", 3)
        ['the', 'to', 'and']
    """
    import wordfreq

    if language not in wordfreq.available_languages("best"):
        raise CharacterTaskError(
            f"wordfreq has no word list for {language!r}. It has: "
            f"{', '.join(wordfreq_languages())}."
        )
    pattern = _WORD if (language == "en" if ascii_only is None else ascii_only) else _LETTERS
    found: list[str] = []
    for word in wordfreq.iter_wordlist(language, wordlist="best"):
        if pattern.fullmatch(word):
            found.append(word)
            if title_case and word.capitalize() != word:
                found.append(word.capitalize())
        if n is not None and len(found) >= n:
            break
    return found[:n]


def zipf_frequencies(words: Iterable[str], language: str = "en") -> pl.DataFrame:
    """How common words are, on the Zipf scale (base-10 logarithm of occurrences per billion).

    The word's lower-case form is looked up as it stands.

    Returns:
        Columns `word` (distinct) and `zipf` (Float64, null where the list has no such word).

    Example:
        >>> zipf_frequencies(["The"])["zipf"].round(1).to_list()
        [7.7]
    """
    import math

    import wordfreq

    if language not in wordfreq.available_languages("best"):
        raise CharacterTaskError(
            f"wordfreq has no word list for {language!r}. It has: "
            f"{', '.join(wordfreq_languages())}."
        )
    table = wordfreq.get_frequency_dict(language, wordlist="best")
    distinct = sorted(set(words))
    values = []
    for word in distinct:
        share = table.get(word.lower())
        values.append(None if not share else math.log10(share) + 9.0)
    return pl.DataFrame(
        {"word": distinct, "zipf": values}, schema={"word": pl.String, "zipf": pl.Float64}
    )


def make_identifiers(kind: IdentifierKind, n: int, length: int = 8, seed: int = 7) -> list[str]:
    """Strings that are no words: numbers, hexadecimal ids, UUIDs, and names of variables.

    Args:
        kind: `digits`, `hex`, `uuid` (36 characters, `length` is ignored), `snake_case` or
            `camelCase` (two common English words, `length` characters in all).
        n: How many distinct ones.
        length: Characters in each.
        seed: Any integer.

    Raises:
        CharacterTaskError: If the kind is unknown, or fewer than `n` distinct strings exist.

    Example:
        >>> make_identifiers("hex", 2, length=6)
        ['821903', '3e19fc']
    """
    stream = Stream(seed, "identifier", kind, length)
    if kind in ("digits", "hex", "uuid"):
        letters = "0123456789" if kind == "digits" else "0123456789abcdef"
        width = 32 if kind == "uuid" else length
        found: dict[str, None] = {}
        for _ in range(64):
            drawn = stream.below(len(letters), n * width).reshape(n, width)
            for row in drawn:
                text = "".join(letters[i] for i in row)
                if kind == "uuid":
                    text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
                found[text] = None
            if len(found) >= n:
                break
        made = list(found)
    elif kind in ("snake_case", "camelCase"):
        common = wordfreq_words("en", 3000)
        gap = 1 if kind == "snake_case" else 0
        pairs = [
            (a, b)
            for a in common
            if 2 <= len(a) <= length - gap - 2
            for b in common[:400]
            if len(a) + gap + len(b) == length
        ]
        order = stream.permutation(len(pairs))
        chosen = [pairs[i] for i in order]
        joined = (f"{a}_{b}" if gap else a + b.capitalize() for a, b in chosen)
        made = list(dict.fromkeys(joined))
    else:
        raise CharacterTaskError(
            f"Unknown kind {kind!r}: use digits, hex, uuid, snake_case or camelCase."
        )
    if len(made) < n:
        raise CharacterTaskError(
            f"Only {len(made):,} distinct {kind} strings of {length} characters were found, but "
            f"{n:,} were asked for: ask for fewer or longer ones."
        )
    return made[:n]
