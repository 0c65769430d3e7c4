"""Item sets on disk: one Parquet file that carries its recipe and its checksum.

The same recipe gives the same bytes on every machine that has the locked versions: the rows are
drawn from named streams, the file is written uncompressed in one row group at a time with no
time, host or path in it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import LENGTHS, build_items
from workbench.character_tasks.wordlists import wordfreq_words

FORMAT = "workbench-items-1"


def items_checksum(items: pl.DataFrame) -> str:
    """SHA-256 (hex) of the rows and columns of a set, whatever file or memory holds them.

    Null differs from the empty string, and the order of the rows counts.
    """
    digest = hashlib.sha256()
    for name in items.columns:
        column = items[name]
        digest.update(f"\x1d{name}\x1f{column.dtype}".encode())
        flat = (
            column.cast(pl.List(pl.String)).list.join("\x1c") if column.dtype == pl.List else column
        )
        text = flat.cast(pl.String).fill_null("\x00null").str.join("\x1e")
        digest.update(text[0].encode() if items.height else b"")
    return digest.hexdigest()


def words_checksum(words: list[str]) -> str:
    """SHA-256 (hex) of the sorted distinct words."""
    return hashlib.sha256("\n".join(sorted(set(words))).encode()).hexdigest()


def make_items(recipe: Mapping[str, Any]) -> pl.DataFrame:
    """The item set that a recipe describes.

    Args:
        recipe: `builder` (`charbench`, `cute` or `langgame`), `language` (of `wordfreq`, default
            `en`), `title_case`, `most_common` (words to draw from, default all), and the builder's
            own arguments (`tasks`, `per_cell`, `seed`, `lengths`, `unit`; `per_task` for the other
            two).

    Raises:
        CharacterTaskError: If the builder or an argument is unknown.

    Example:
        >>> make_items({"builder": "charbench", "per_cell": 5, "most_common": 20_000}).height
        140
    """
    from workbench.character_tasks.cute import build_cute
    from workbench.character_tasks.langgame import build_langgame

    given = dict(recipe)
    builder = given.pop("builder", "charbench")
    allowed = {
        "charbench": {"tasks", "per_cell", "seed", "lengths", "unit"},
        "cute": {"tasks", "per_task", "seed"},
        "langgame": {"tasks", "per_task", "seed"},
    }
    if builder not in allowed:
        raise CharacterTaskError(f"Unknown builder {builder!r}: use {', '.join(allowed)}.")
    words = wordfreq_words(
        given.pop("language", "en"),
        given.pop("most_common", {"cute": 2000, "langgame": 1000}.get(builder)),
        title_case=given.pop("title_case", False),
    )
    unknown = sorted(set(given) - allowed[builder])
    if unknown:
        raise CharacterTaskError(
            f"A {builder} recipe knows no {', '.join(unknown)}. It knows: language, most_common, "
            f"title_case, {', '.join(sorted(allowed[builder]))}."
        )
    if builder == "charbench":
        given.setdefault("lengths", LENGTHS)
        return build_items(words, **given)
    return build_cute(words, **given) if builder == "cute" else build_langgame(words, **given)


def save_items(items: pl.DataFrame, path: str | Path, recipe: Mapping[str, Any]) -> Path:
    """Write a set with its recipe and checksum inside; the write is atomic.

    Args:
        items: The set.
        path: Where to; ends in `.parquet`.
        recipe: How the set was made, JSON values only. For words that no recipe can name, give
            their source and `words_checksum(words)`.

    Returns:
        The path.

    Raises:
        CharacterTaskError: If the recipe is not JSON.
    """
    target = Path(path)
    try:
        told = json.dumps(dict(recipe), sort_keys=True, ensure_ascii=False)
    except TypeError as error:
        raise CharacterTaskError(f"The recipe is not JSON: {error}.") from error
    metadata = {"format": FORMAT, "recipe": told, "checksum": items_checksum(items)}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    items.rechunk().write_parquet(
        partial,
        compression="uncompressed",
        statistics=False,
        row_group_size=2**16,
        metadata=metadata,
    )
    partial.replace(target)
    return target


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The recipe and checksum inside a set: keys `recipe`, `checksum`, `format`.

    Raises:
        CharacterTaskError: If the file is no item set of this project.
    """
    try:
        metadata = pl.read_parquet_metadata(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CharacterTaskError(f"{path} cannot be read as Parquet: {error}.") from error
    if metadata.get("format") != FORMAT:
        raise CharacterTaskError(
            f"{path} is no item set of this project (format {metadata.get('format')!r}, expected "
            f"{FORMAT!r}): write it with save_items, or give its frame to score() as it is."
        )
    return {
        "format": FORMAT,
        "recipe": json.loads(metadata["recipe"]),
        "checksum": metadata["checksum"],
    }


def load_items(path: str | Path) -> pl.DataFrame:
    """A set from its file, its checksum verified.

    Raises:
        CharacterTaskError: If the file is no item set, or its rows are not those that were saved.
    """
    told = read_recipe(path)
    try:
        items = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CharacterTaskError(f"{path} cannot be read as Parquet: {error}.") from error
    found = items_checksum(items)
    if found != told["checksum"]:
        raise CharacterTaskError(
            f"{path} was changed after it was saved: its rows have the checksum {found[:12]}…, "
            f"the file says {told['checksum'][:12]}…. Make it again from its recipe: "
            f"{json.dumps(told['recipe'], ensure_ascii=False)}."
        )
    return items
