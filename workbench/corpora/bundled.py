"""The texts that ship with the workbench, and FLORES-200 where the user has it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.corpora.corpus import Corpus
from workbench.corpora.fields import CorpusError, Fields, near
from workbench.corpora.shards import Piece
from workbench.corpora.textfiles import FileRange
from workbench.corpora.wholefiles import TextFile, WholeFiles

SPLITS = ("dev", "devtest", "both")


def recorded(folder: Path) -> dict[str, dict[str, str]]:
    """Return what `checksums.json` says of each data file.

    Args:
        folder: the data directory.

    Returns:
        Path relative to `folder` -> sha256, source, licence, note.

    Raises:
        CorpusError: If the record is missing or no JSON.
    """
    path = folder / "checksums.json"
    try:
        table: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} cannot be read ({error}): restore the data folder") from error
    return table


def _checked(folder: Path, path: Path, table: dict[str, Any]) -> str:
    """Return a data file's SHA-256 after comparing it with the record."""
    name = path.relative_to(folder).as_posix()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 != table.get(name, {}).get("sha256"):
        raise CorpusError(
            f"{path} is not the file that data/checksums.json records; restore it, or, if the "
            "change is meant, run: python scripts/checksums.py"
        )
    return sha256


def choose(asked: Sequence[str] | None, known: Sequence[str], where: str) -> list[str]:
    """Return the languages asked for, in that order, or all.

    Raises:
        CorpusError: If one is unknown, or named twice.

    Example:
        >>> choose(["deu"], ["deu_Latn"], "parallel")
        Traceback (most recent call last):
        workbench.corpora.fields.CorpusError: parallel has no language 'deu': did you mean ...
    """
    if asked is None:
        return list(known)
    if not asked:
        raise CorpusError(f"languages=[] leaves nothing of {where}; name one, or leave it out")
    for one in asked:
        if one not in known:
            raise CorpusError(f"{where} has no language {one!r}: {near(one, known)}")
        if list(asked).count(one) > 1:
            raise CorpusError(f"languages= names {one!r} twice")
    return list(asked)


def load_parallel(folder: Path, languages: Sequence[str] | None) -> Corpus:
    """Load the forty sentences in many languages.

    Args:
        folder: the data directory.
        languages: FLORES-200 codes such as "eng_Latn"; None for all.

    Returns:
        A corpus whose `doc_id` ("01" to "40") is shared by all languages.

    Raises:
        CorpusError: If a language is unknown or a file is not as recorded.
    """
    files = {path.stem: path for path in sorted((folder / "parallel").glob("*.txt"))}
    table = recorded(folder)
    pieces: list[Piece] = []
    for code in choose(languages, list(files), "parallel"):
        path = files[code]
        sha256 = _checked(folder, path, table)
        fields = Fields(language=code, domain="everyday", width=2)
        size = path.stat().st_size
        pieces.append(FileRange(str(path), code, "text", size, fields, sha256=sha256))
    entry = table.get("parallel/eng_Latn.txt", {})
    return Corpus(
        "parallel",
        "bundled",
        pieces,
        source=entry.get("source", ""),
        licence=entry.get("licence"),
        note=(
            "40 sentences a language, not professionally translated: a demonstration, not a "
            "ranking of languages or tokenizers."
        ),
        demonstration=True,
    )


def load_prose(folder: Path, languages: Sequence[str] | None) -> Corpus:
    """Load the short original prose; each file is a document.

    Args:
        folder: the data directory.
        languages: FLORES-200 codes; None for all.

    Returns:
        A corpus with domain "prose"; the texts are not parallel.

    Raises:
        CorpusError: If a language is unknown or a file is not as recorded.
    """
    files: dict[str, list[TextFile]] = {}
    table = recorded(folder)
    first = ""
    for path in sorted((folder / "prose").glob("*.txt")):
        code = re.match(r"[a-z]{3}_[A-Z][a-z]{3}", path.name)
        if code is None:
            raise CorpusError(f"the name of {path} does not begin with a language like eng_Latn")
        _checked(folder, path, table)
        first = first or path.relative_to(folder).as_posix()
        text = TextFile(str(path), path.stem, path.stat().st_size)
        files.setdefault(code[0], []).append(text)
    pieces: list[Piece] = [
        WholeFiles(tuple(files[code]), Fields(language=code, domain="prose"))
        for code in choose(languages, list(files), "prose")
    ]
    entry = table.get(first, {})
    return Corpus(
        "prose",
        "bundled",
        pieces,
        source=entry.get("source", ""),
        licence=entry.get("licence"),
        note=(
            "A few short original texts a language, different in each: a demonstration, not a "
            "ranking of languages or tokenizers."
        ),
        demonstration=True,
    )


def flores_files(path: str | Path) -> dict[str, dict[str, Path]]:
    """Find the files of a FLORES-200 folder, flat or in the published layout.

    Args:
        path: a folder with `eng_Latn.dev` and so on, or with subfolders `dev/` and `devtest/`.

    Returns:
        Language code -> split -> file.

    Raises:
        CorpusError: If there is no such folder, or nothing of FLORES in it.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise CorpusError(
            f"there is no folder {str(folder)!r}; give the unpacked FLORES-200 folder as path="
        )
    found: dict[str, dict[str, Path]] = {}
    for split in ("dev", "devtest"):
        for here in (folder, folder / split):
            for file in sorted(here.glob(f"*.{split}")):
                found.setdefault(file.stem, {})[split] = file
    if not found:
        raise CorpusError(
            f"{folder} holds no FLORES-200 file (eng_Latn.dev, or dev/eng_Latn.dev); give the "
            "folder of the unpacked archive as path="
        )
    return dict(sorted(found.items()))


def load_flores(path: str | Path | None, languages: Sequence[str] | None, split: str) -> Corpus:
    """Load FLORES-200 from a folder; the text is parallel, and so is `doc_id`.

    Args:
        path: the folder.
        languages: codes such as "eng_Latn"; None for all that are there.
        split: "dev" (997 sentences), "devtest" (1,012) or "both".

    Returns:
        A corpus with ids "dev-0001" to "dev-0997", "devtest-0001" to "devtest-1012".

    Raises:
        CorpusError: If folder, language or split is not there, or the files of two languages do
            not have the same number of lines.
    """
    if path is None:
        raise CorpusError(
            'load_corpus("flores") needs path= the folder of FLORES-200 (CC-BY-SA 4.0), which does '
            'not ship with the workbench; "parallel" is a small text that does'
        )
    if split not in SPLITS:
        raise CorpusError(f"split={split!r} is unknown: {near(split, SPLITS)}")
    files = flores_files(path)
    pieces: list[Piece] = []
    lines: dict[str, tuple[int, Path]] = {}
    for code in choose(languages, list(files), f"the FLORES-200 folder {path}"):
        for part in ("dev", "devtest") if split == "both" else (split,):
            file = files[code].get(part)
            if file is None:
                raise CorpusError(f"{path} has no {code}.{part}; choose another split or language")
            data = file.read_bytes()
            count = data.count(b"\n") + (not data.endswith(b"\n"))
            expected, first = lines.setdefault(part, (count, file))
            if count != expected:
                raise CorpusError(
                    f"{file} has {count} lines and {first} has {expected}: the texts are not "
                    "parallel; fetch both again"
                )
            fields = Fields(language=code, domain="flores", prefix=f"{part}-", width=4)
            sha256 = hashlib.sha256(data).hexdigest()
            pieces.append(FileRange(str(file), file.name, "text", len(data), fields, sha256=sha256))
    return Corpus(
        "flores" if split == "both" else f"flores-{split}",
        "files",
        pieces,
        source=f"FLORES-200, {split}",
        licence="CC-BY-SA-4.0",
        note=(
            "Sentence by sentence; Petrov et al. count one joined string a language "
            "(petrov_text), which gives other numbers."
        ),
    )


def petrov_text(path: str | Path, language: str) -> str:
    r"""Return a language's text as Petrov et al. (2023) counted it.

    The recipe of "Language Model Tokenizers Introduce Unfairness Between Languages"
    (arXiv 2305.15425) is `' '.join(dev.split('\n') + devtest.split('\n'))`, over both splits of
    FLORES-200. The empty string after each last line end stays, so the text has two spaces in the
    middle and one at its end. Counted so, cl100k_base differs from the sum over sentences by -1.55%
    on Chinese and +0.35% on Turkish: name the recipe beside the number.

    Args:
        path: the FLORES-200 folder.
        language: a code such as "eng_Latn".

    Returns:
        One string.

    Raises:
        CorpusError: If the folder, the language or a split is missing, or the text is no UTF-8.

    Example:
        >>> len(petrov_text("flores200", "eng_Latn"))  # doctest: +SKIP
        259170
    """
    files = flores_files(path)
    choose([language], list(files), f"the FLORES-200 folder {path}")
    lines: list[str] = []
    for split in ("dev", "devtest"):
        file = files[language].get(split)
        if file is None:
            raise CorpusError(f"{path} has no {language}.{split}; the recipe joins both splits")
        try:
            lines += file.read_bytes().decode().split("\n")
        except UnicodeDecodeError as error:
            raise CorpusError(f"{file} is not valid UTF-8 ({error}); fetch it again") from error
    return " ".join(lines)
