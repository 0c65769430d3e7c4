"""Morphological analysers, where they are installed: zeyrek for Turkish, Kiwi for Korean.

Both are optional extras. Of zeyrek only the private `_parse` is used: its public `analyze` wants a
download for splitting sentences, which words do not need.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any, Final

from workbench.metrics._gold import GoldWord

_UNROUNDED, _FRONT = "aeıi", "eiöü"


@cache
def _zeyrek() -> Any:
    try:
        import zeyrek
    except ImportError as error:
        raise ModuleNotFoundError(
            "Turkish morphology needs zeyrek: install tokenizer-workbench[turkish]"
        ) from error
    # It warns of every analysis it finds, which is no warning.
    logging.getLogger("zeyrek.rulebasedanalyzer").setLevel(logging.ERROR)
    return zeyrek.MorphAnalyzer()


@cache
def _kiwi() -> Any:
    try:
        from kiwipiepy import Kiwi
    except ImportError as error:
        raise ModuleNotFoundError(
            "Korean morphology needs kiwipiepy: install tokenizer-workbench[korean]"
        ) from error
    return Kiwi(num_workers=1)


def lower_turkish(text: str) -> str:
    """Lower case by the rules of Turkish, where I is ı and İ is i.

    Args:
        text: Any text.

    Returns:
        The text in lower case.

    Example:
        >>> lower_turkish("IŞIK İyi")
        'ışık iyi'
    """
    return text.replace("İ", "i").replace("I", "ı").lower()


_TURKISH: Final = re.compile(r"(tr|tur|turkish)([-_]latn)?([-_][a-z]{2})?", re.IGNORECASE)


def is_turkish(language: str | None) -> bool:
    """Whether a code means Turkish.

    Args:
        language: A code such as tur_Latn, tr or tr-TR, or a name of gold words.

    Returns:
        Whether it is one of Turkish, and nothing else.

    Example:
        >>> is_turkish("tur_Latn"), is_turkish("tr-TR"), is_turkish("train")
        (True, True, False)
    """
    return _TURKISH.fullmatch(language or "") is not None


def lower_in(language: str | None, text: str) -> str:
    """Lower case by the rules of a language: those of Turkish, or Unicode's.

    Args:
        language: A code, as for `is_turkish`.
        text: Any text.

    Returns:
        The text in lower case.

    Example:
        >>> lower_in("tur_Latn", "Isı"), lower_in("eng_Latn", "Isle")
        ('ısı', 'isle')
    """
    return lower_turkish(text) if is_turkish(language) else text.lower()


def _common(item: Any) -> bool:
    """Whether an entry of zeyrek's lexicon is no name and no abbreviation."""
    return item.secondary_pos is None or item.secondary_pos.value not in {"Abbrv", "Prop"}


@lru_cache(maxsize=200_000)
def is_turkish_word(text: str) -> bool:
    """Whether zeyrek has an analysis of a string as a common word.

    Args:
        text: A candidate, in any case, without white space around it.

    Returns:
        Whether it is one. An analysis as a name or an abbreviation does not count: zeyrek's lists
        of these hold most short strings (`the` is one).

    Raises:
        ModuleNotFoundError: If zeyrek is not installed.
    """
    if not any(map(str.isalpha, text)):
        return False
    found = _zeyrek()._parse(lower_turkish(text))  # noqa: SLF001 - see the module's text
    return any(parse is not None and _common(parse.dict_item) for parse in found)


def _allomorphs(template: str) -> Iterator[str]:
    """Spell out a suffix of zeyrek's morphotactics for every vowel that may come before it.

    `A` is a or e and `I` is ı, i, u or ü by vowel harmony; `+x` is a buffer that may be missing;
    `>d` hardens to t; `~k` and `!ğ` are the two forms of a last k.
    """
    for before in "aeou":
        for buffered in (True, False) if template.startswith("+") else (True,):
            for hard in (True, False) if ">" in template else (True,):
                last, out, i = before if before != "u" else "ü", [], 0
                if before == "o":
                    last = "u"
                while i < len(template):
                    mark = template[i]
                    if mark == "+":
                        i += 1 if buffered else 2
                        continue
                    if mark in "~!":
                        i += 1
                        continue
                    if mark == ">":
                        i += 1
                        mark = {"d": "t", "c": "ç", "g": "k"}.get(template[i], template[i])
                        out.append(mark if hard else template[i])
                        i += 1
                        continue
                    if mark == "A":
                        mark = "e" if last in _FRONT else "a"
                    elif mark == "I":
                        front = last in _FRONT
                        flat = last in _UNROUNDED
                        mark = ("i" if flat else "ü") if front else ("ı" if flat else "u")
                    if mark in "aeıioöuü":
                        last = mark
                    out.append(mark)
                    i += 1
                yield "".join(out)


@cache
def turkish_affixes() -> frozenset[str]:
    """Every form of every suffix that zeyrek's morphotactics knows.

    Returns:
        Lower-case strings such as ler, lar, dan, ten, miş.

    Raises:
        ModuleNotFoundError: If zeyrek is not installed.
    """
    _zeyrek()
    from zeyrek import morphotactics

    states = [s for s in vars(morphotactics).values() if hasattr(s, "outgoing")]
    templates = {
        transition.surface_template
        for state in states
        for transition in state.outgoing
        if getattr(transition, "surface_template", None)
    }
    return frozenset(form for template in templates for form in _allomorphs(template) if form)


@cache
def turkish_roots() -> frozenset[str]:
    """Every root of zeyrek's lexicon, in lower case.

    Returns:
        Roots and lemmas of more than one letter; abbreviations and proper names are left out.

    Raises:
        ModuleNotFoundError: If zeyrek is not installed.
    """
    found = set()
    for item in _zeyrek().lexicon.item_set:
        if not _common(item):
            continue
        for form in (item.root, item.lemma.removesuffix("mek").removesuffix("mak")):
            found.add(lower_turkish(form or ""))
    return frozenset(form for form in found if len(form) > 1)


def analyze_turkish(words: Iterable[str]) -> list[GoldWord]:
    """Cut Turkish words into their morphs by zeyrek.

    Args:
        words: Words; those without an analysis are left out.

    Returns:
        One analysis a word: of those that spell it, the one of most morphs, the first of these.
        (It is the gold one for 259 of the 341 bundled words; some analysis is, for 285.)

    Raises:
        ModuleNotFoundError: If zeyrek is not installed.
    """
    out = []
    for word in words:
        found = []
        for parse in _zeyrek()._parse(lower_turkish(word)):  # noqa: SLF001 - see the module's text
            if parse is None:
                continue
            parts = [(surface, morpheme.id_) for morpheme, surface in parse.morphemes if surface]
            morphs = tuple(surface for surface, _ in parts)
            if "".join(morphs) == lower_turkish(word):
                spelled = _as_written(word, morphs)
                found.append(GoldWord(word, spelled, tuple(tag for _, tag in parts)))
        if found:
            out.append(max(found, key=lambda gold: len(gold.morphs)))
    return out


def _as_written(word: str, morphs: tuple[str, ...]) -> tuple[str, ...]:
    out, start = [], 0
    for morph in morphs:
        out.append(word[start : start + len(morph)])
        start += len(morph)
    return tuple(out)


KOREAN_SYMBOLS: Final = ("SF", "SP", "SS", "SE", "SO", "SW")
"""Tags of punctuation, which is no morph."""


def analyze_korean(words: Iterable[str]) -> list[GoldWord]:
    """Cut Korean words (eojeol) into their morphs by Kiwi.

    Args:
        words: Words without white space.

    Returns:
        One analysis a word. Where morphs share a syllable block (갔 is 가 and 았) they do not spell
        the word, so it has no gold cuts (`GoldWord.concatenates`).

    Raises:
        ModuleNotFoundError: If kiwipiepy is not installed.
    """
    out = []
    for word in words:
        tokens = [t for t in _kiwi().tokenize(word) if t.tag not in KOREAN_SYMBOLS]
        if tokens:
            morphs = tuple(token.form for token in tokens)
            out.append(GoldWord(word, morphs, tuple(token.tag for token in tokens)))
    return out
