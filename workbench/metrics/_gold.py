"""Words with their morphs: gold segmentations, from files or from analysers.

Three layouts of tab-separated text are read: this project's own (a header `word segmentation tags
concatenative`, morphs joined by +), UniMorph's and MorphyNet's segmentations (`lemma form features
morph|morph`) and the SIGMORPHON 2022 shared task (`word morph @@morph category`). Where the morphs
do not spell the word when written one after another (sing+ed for sang) there are no places in the
word to compare, so such words have no gold cuts; scores of segments still use them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
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
    """

    word: str
    morphs: tuple[str, ...]
    tags: tuple[str, ...] = ()

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
        ValueError: If a line does not fit the layout (its number is named), or nothing is there.
        OSError: If the file cannot be read.
    """
    text = Path(path).read_text("utf-8-sig")
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ValueError(f"{path} holds no words")
    chosen = _layout_of(lines[0][1]) if layout is None else layout
    if chosen not in {"workbench", "unimorph", "sigmorphon"}:
        raise ValueError(f"layout is 'workbench', 'unimorph' or 'sigmorphon', not {layout!r}")
    if chosen == "workbench" and lines[0][1].split("\t")[:2] == ["word", "segmentation"]:
        lines = lines[1:]
    found: dict[GoldWord, None] = {}
    rows = csv.reader((line for _, line in lines), delimiter="\t", quoting=csv.QUOTE_NONE)
    for (number, line), cells in zip(lines, rows, strict=True):
        word = _word(cells, chosen)
        if word is None or not word.word or not all(word.morphs):
            raise ValueError(
                f"{path}, line {number}: {line[:80]!r} is not a line of the layout {chosen!r}. "
                "Expected tab-separated " + _SHAPES[chosen]
            )
        found[word] = None
    return list(found)


_SHAPES: Final[dict[str, str]] = {
    "workbench": "word, morphs joined by +, tags joined by + (may be missing), 1 or 0",
    "unimorph": "lemma, form, features, morphs joined by |",
    "sigmorphon": "word, morphs set off by ' @@', category (may be missing)",
}


def _layout_of(line: str) -> Layout:
    cells = line.split("\t")
    if cells[:2] == ["word", "segmentation"]:
        return "workbench"
    if len(cells) >= 4 and ("|" in cells[3] or cells[3] in {cells[1], "-"}):
        return "unimorph"
    if len(cells) >= 2 and ("@@" in cells[1] or cells[1] == cells[0]):
        return "sigmorphon"
    return "workbench"


def _word(cells: Sequence[str], layout: Layout) -> GoldWord | None:
    if layout == "workbench":
        if len(cells) < 2:
            return None
        tags = tuple(cells[2].split("+")) if len(cells) > 2 and cells[2] else ()
        return GoldWord(cells[0], tuple(cells[1].split("+")), tags)
    if layout == "unimorph":
        if len(cells) < 4:
            return None
        morphs = cells[3] if cells[3] != "-" else cells[1]  # "-": not segmented
        return GoldWord(cells[1], tuple(morphs.split("|")), tuple(cells[2].split("|")))
    if len(cells) < 2:
        return None
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
