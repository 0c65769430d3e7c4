"""Words with their morphs: gold segmentations, from files or from analysers.

Three layouts of tab-separated text are read: this project's own (a header `word segmentation tags
concatenative`, morphs joined by +), UniMorph's and MorphyNet's segmentations (`lemma form features
morph|morph`) and the SIGMORPHON 2022 shared task (`word morph @@morph category`). Where the morphs
do not spell the word when written one after another (sing+ed for sang) there are no places in the
word to compare, so such words have no gold cuts; scores of segments still use them. A first line of
column names is skipped in every layout.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Final, Literal

Layout = Literal["workbench", "unimorph", "sigmorphon"]

BUNDLED: Final = ("eng_Latn", "tur_Latn", "kor_Hang")
"""Languages whose gold words come with the workbench (data/morphology)."""


@dataclass(frozen=True)
class GoldWord:
    """A word and its morphs.

    Attributes:
        word: As written.
        morphs: In order; as they appear in the word, or underlying ones.
        tags: One label a morph, or none at all.

    Raises:
        ValueError: If the word is empty, or it has no morph, or an empty one.
    """

    word: str
    morphs: tuple[str, ...]
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.word or not self.morphs or not all(self.morphs):
            raise ValueError(
                f"A gold word is not empty and has one morph at least, none of them empty: "
                f"{self.word!r} has {self.morphs!r}. A word of one morph has itself."
            )

    @property
    def concatenates(self) -> bool:
        """Whether the morphs, written one after another, spell the word."""
        return "".join(self.morphs) == self.word

    @property
    def cuts(self) -> tuple[int, ...]:
        """Byte offsets where morphs meet; none where they do not spell the word.

        Example:
            >>> GoldWord("cats", ("cat", "s")).cuts
            (3,)
        """
        if not self.concatenates:
            return ()
        return tuple(accumulate(len(morph.encode()) for morph in self.morphs))[:-1]


def read_gold(path: str | Path, layout: Layout | None = None) -> list[GoldWord]:
    """Read a file of segmented words.

    Args:
        path: Tab-separated UTF-8.
        layout: "workbench", "unimorph" or "sigmorphon"; None tells by the content.

    Returns:
        The words, each once per different analysis, in the order of the file.

    Raises:
        ValueError: If the file is not UTF-8, a line does not fit the layout (its number is named),
            morphs are set apart by a sign that the layout does not know, or nothing is there.
        OSError: If the file cannot be read.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 (byte {error.start} is 0x{error.object[error.start]:02X}): save "
            "it as UTF-8"
        ) from None
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    named = bool(lines) and _is_header(lines[0][1])
    rest = lines[1:] if named else lines
    if not rest:
        raise ValueError(f"{path} holds no words")
    chosen = _layout_of(line for _, line in rest) if layout is None else layout
    if chosen not in _SHAPES:
        raise ValueError(f"layout is 'workbench', 'unimorph' or 'sigmorphon', not {layout!r}")
    found: dict[GoldWord, int] = {}
    rows = csv.reader((line for _, line in rest), delimiter="\t", quoting=csv.QUOTE_NONE)
    for (number, line), cells in zip(rest, rows, strict=True):
        try:
            found.setdefault(_word(cells, chosen), number)
        except (IndexError, ValueError):
            raise ValueError(
                f"{path}, line {number}: {line[:80]!r} is not a line of the layout {chosen!r}. "
                "Expected tab-separated " + _SHAPES[chosen]
            ) from None
    _check_separators(path, found, chosen)
    return list(found)


def _check_separators(path: str | Path, found: Mapping[GoldWord, int], layout: Layout) -> None:
    """Refuse morphs that spell their word but for signs between them that the layout has not."""
    spelled = any(word.concatenates for word in found)
    for word, number in found.items():
        written = "".join(word.morphs)
        foreign = [sign for sign in " -+|" if sign in written and sign not in word.word]
        alike = written.translate({ord(sign): None for sign in foreign}) == word.word
        if foreign and (alike or not spelled):
            raise ValueError(
                f"{path}, line {number}: the morphs of {word.word!r} are set apart by "
                f"{foreign[0]!r}, which the layout {layout!r} does not know. Expected "
                "tab-separated " + _SHAPES[layout]
            )


_SHAPES: Final[dict[str, str]] = {
    "workbench": "word, morphs joined by +, tags joined by + (may be missing), 1 or 0",
    "unimorph": "lemma, form, features, morphs joined by |",
    "sigmorphon": "word, morphs set off by ' @@', category (may be missing)",
}


_WORD_COLUMNS: Final = frozenset({"word", "form", "lemma", "surface"})
_MORPH_COLUMNS: Final = frozenset(
    {"segmentation", "segments", "morphs", "morphemes", "analysis", "form", "word"}
)


def _is_header(line: str) -> bool:
    one, other = ([cell.strip().casefold() for cell in line.split("\t")] + ["", ""])[:2]
    return one != other and one in _WORD_COLUMNS and other in _MORPH_COLUMNS


def _layout_of(lines: Iterable[str]) -> Layout:
    """The layout of the first line that only one of them can have; ours where none tells."""
    for line in lines:
        cells = line.split("\t")
        if len(cells) >= 4 and ("|" in cells[3] or cells[3] in {cells[1], "-"}):
            return "unimorph"
        if len(cells) >= 2 and " @@" in cells[1]:
            return "sigmorphon"
        if len(cells) >= 2 and "+" in cells[1]:
            return "workbench"
    return "workbench"


def _word(cells: Sequence[str], layout: Layout) -> GoldWord:
    """The word of a line; an IndexError or a ValueError where it does not fit the layout."""
    if layout == "workbench":
        tags = tuple(cells[2].split("+")) if len(cells) > 2 and cells[2] else ()
        return GoldWord(cells[0], tuple(cells[1].split("+")), tags)
    if layout == "unimorph":
        morphs = cells[3] if cells[3] != "-" else cells[1]  # "-": not segmented
        return GoldWord(cells[1], tuple(morphs.split("|")), tuple(cells[2].split("|")))
    return GoldWord(cells[0], tuple(cells[1].strip().split(" @@")), tuple(cells[2:3]))


@lru_cache(maxsize=8)
def bundled_gold(language: str) -> tuple[GoldWord, ...]:
    """The gold words that come with the workbench.

    Args:
        language: One of `BUNDLED`.

    Returns:
        Some 350 words; regular, frequent patterns, no sample of running text.

    Raises:
        ValueError: If there is none for the language.

    Example:
        >>> bundled_gold("eng_Latn")[0]
        GoldWord(word='cats', morphs=('cat', 's'), tags=('N', 'PL'))
    """
    from workbench.tokenizers import data_dir

    if language not in BUNDLED:
        raise ValueError(
            f"there are gold words for {', '.join(BUNDLED)}, not for {language!r}: read your own "
            "with read_gold"
        )
    return tuple(read_gold(data_dir() / "morphology" / f"{language}.tsv", "workbench"))


def as_gold(gold: str | Path | Iterable[GoldWord]) -> list[GoldWord]:
    """Gold words from whatever names them.

    Args:
        gold: A bundled language ("eng_Latn"), a path, or words.

    Returns:
        The words.

    Raises:
        ValueError: As `read_gold` and `bundled_gold`, or if there is no word.
    """
    if isinstance(gold, str) and gold in BUNDLED:
        return list(bundled_gold(gold))
    if isinstance(gold, str | Path):
        if not Path(gold).is_file():
            raise ValueError(
                f"no gold words at {str(gold)!r}: give a file, words, or a bundled language "
                f"({', '.join(BUNDLED)})"
            )
        return read_gold(gold)
    found = list(gold)
    if not found:
        raise ValueError("there are no gold words to compare with")
    return found
