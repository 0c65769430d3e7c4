"""Who turns a column of texts into ids: the fastest engine that was seen to agree.

`gigatoken` is 15 to 50 times faster than the libraries it imitates. It is trusted only for a
tokenizer that it loads and on a corpus on a sample of which every id was equal; n clean documents
then bound the rate of disagreement below 3 / n at 95% confidence (the rule of three). Otherwise the
library's own batch encoder runs, and the reason is kept.

gigatoken reads special tokens typed in a text whatever one says, so it gets the definition without
its `special: true` entries.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.counting.cache import Cache, array_text, text_array
from workbench.counting.ranks import json_of_ranks
from workbench.metrics._base import IntArray
from workbench.tokenizers.base import Tokenizer

Encoded = tuple[npt.NDArray[Any], IntArray]
"""All ids of a column of texts, flat, and how many belong to each text."""

# Patterns that gigatoken knows by name, by the SHA-256 of the pattern as tiktoken has it.
_PATTERNS = {
    "bf51d578af57187876ec1c8a34fb0ee2fb3025c50ce663ac154b633ae39de092": "gpt2",
    "f021c3d976978e62ee64cdad150cc3405c2e3d6e3b40407850bb9e8d9eb65899": "gpt4",
    "2d1b8dc11e89af71459b36004f698ab3693f59fd84f63e8ec2b49564ab857420": "o200k",
}

CHECKED_DOCUMENTS = 1000
"""On how many documents of the corpus a fast engine must agree with the reference."""

CHECKED_BYTES = 2_000_000
"""Enough text for that check, whatever the number of documents."""


class Engine(Protocol):
    """Turns texts into ids. It belongs to a process and does not travel."""

    name: str

    def encode(self, texts: pl.Series) -> Encoded:
        """Return the ids of all texts, flat, and the number of ids of each text."""


class LibraryEngine:
    """The library's own batch encoder: the reference."""

    name = "library"

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def encode(self, texts: pl.Series) -> Encoded:
        """Return the ids of all texts, flat, and the number of ids of each text."""
        rows = self.tokenizer.encode_batch(texts.to_list())
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(lengths.sum()))
        return flat, lengths


class ColumnEngine:
    """The baselines, over whole columns: bytes, characters, words."""

    name = "column"

    def __init__(self, tokenizer: Tokenizer) -> None:
        cut: dict[str, Callable[[pl.Series], Encoded]] = {
            "bytes": _bytes,
            "characters": _characters,
            "words": self._words,
        }
        if tokenizer.algorithm not in cut:
            raise ValueError(f"{tokenizer.name!r} is a {tokenizer.algorithm}, not a baseline")
        self.tokenizer = tokenizer
        self._cut = cut[tokenizer.algorithm]

    def encode(self, texts: pl.Series) -> Encoded:
        """Return the ids of all texts, flat, and the number of ids of each text."""
        return self._cut(texts)

    def _words(self, texts: pl.Series) -> Encoded:
        # Python's white space is Unicode's and the four information separators.
        cut = texts.str.extract_all(r"[\s\x1c-\x1f]*[^\s\x1c-\x1f]+|[\s\x1c-\x1f]+")
        lengths = cut.list.len().cast(pl.Int64).to_numpy()
        words = cut.explode(empty_as_null=False)
        distinct = words.unique()
        ids = [row[0] for row in self.tokenizer.encode_batch(distinct.to_list())]
        found = words.replace_strict(distinct, pl.Series(ids, dtype=pl.Int64))
        return found.to_numpy(), lengths


def _bytes(texts: pl.Series) -> Encoded:
    joined = "".join(texts.to_list()).encode()
    return np.frombuffer(joined, dtype=np.uint8), texts.str.len_bytes().cast(pl.Int64).to_numpy()


def _characters(texts: pl.Series) -> Encoded:
    joined = "".join(texts.to_list()).encode("utf-32-le")
    return np.frombuffer(joined, dtype="<u4"), texts.str.len_chars().cast(pl.Int64).to_numpy()


class GigatokenEngine:
    """`gigatoken`, from the definition without its special tokens."""

    name = "gigatoken"

    def __init__(self, tokenizer: Tokenizer, folder: Path | None = None) -> None:
        """Load the tokenizer.

        Args:
            tokenizer: A BPE of any library.
            folder: Where converted definitions are kept; None keeps none.

        Raises:
            ValueError: If gigatoken cannot load it; the sentence says why.
        """
        self.backend = _load_gigatoken(tokenizer, folder)

    def encode(self, texts: pl.Series) -> Encoded:
        """Return the ids of all texts, flat, and the number of ids of each text."""
        import awkward  # type: ignore[import-untyped]  # it ships no types

        if not len(texts):
            return np.empty(0, np.uint32), np.empty(0, np.int64)
        rows = self.backend.encode_batch(awkward.from_arrow(texts.rechunk().to_arrow()))
        offsets = np.asarray(rows.layout.offsets.data, dtype=np.int64)
        flat = np.asarray(rows.layout.content.data)
        return flat[offsets[0] : offsets[-1]], np.diff(offsets)


def _load_gigatoken(tokenizer: Tokenizer, folder: Path | None) -> Any:
    import gigatoken

    if tokenizer.algorithm != "BPE":
        raise ValueError(f"gigatoken runs BPE, and {tokenizer.name!r} is {tokenizer.algorithm}")
    try:
        if tokenizer.library == "tokenizers":
            return gigatoken.Tokenizer.from_json(_plain(tokenizer.backend.to_str()))
        if tokenizer.library == "sentencepiece":
            from gigatoken._load.sentencepiece import sentencepiece_to_tokenizer_json

            proto = tokenizer.backend.serialized_model_proto()
            return gigatoken.Tokenizer.from_json(_plain(sentencepiece_to_tokenizer_json(proto)))
        if tokenizer.library == "tiktoken":
            return _load_ranks(tokenizer, folder)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a Rust panic is no Exception; whatever it is: not this one
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)
        raise ValueError(f"gigatoken does not load {tokenizer.name!r}: {reason}") from error
    raise ValueError(f"gigatoken does not load what {tokenizer.library} runs")


def _plain(text: str | bytes) -> str:
    """A `tokenizer.json` that adds nothing, cuts nothing, and reads no special tokens."""
    spec = json.loads(text)
    spec["added_tokens"] = [t for t in spec.get("added_tokens") or [] if not t.get("special")]
    spec.update(post_processor=None, truncation=None, padding=None)
    return json.dumps(spec)


def _load_ranks(tokenizer: Any, folder: Path | None) -> Any:
    import gigatoken

    named = _PATTERNS.get(hashlib.sha256(tokenizer.pattern.encode()).hexdigest())
    if named is not None:
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "ranks.tiktoken"
            lines = (
                base64.b64encode(data) + f" {rank}\n".encode()
                for data, rank in sorted(tokenizer.ranks.items(), key=lambda item: item[1])
            )
            path.write_bytes(b"".join(lines))
            return gigatoken.Tokenizer.from_tiktoken(path, pretokenizer=named, special_tokens={})
    kept = folder / "converted" / f"{tokenizer.fingerprint}.json" if folder else None
    if kept is not None and kept.is_file():
        return gigatoken.Tokenizer.from_json(kept.read_text(encoding="utf-8"))
    text = json.dumps(json_of_ranks(tokenizer.ranks, tokenizer.pattern))
    if kept is not None:
        _keep(kept, text)
    return gigatoken.Tokenizer.from_json(text)


def _keep(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError:
        return  # it is only made again next time


@dataclass(frozen=True)
class EngineReport:
    """Which engine counts under a tokenizer, and why it may.

    Attributes:
        tokenizer: Its name.
        engine: "gigatoken", "column" (the baselines over whole columns) or "library".
        version: Of the engine: a library and its version.
        reason: A sentence: how it was chosen.
        checked: Documents of this corpus on which it was compared with the reference.
        disagreed: On how many of them an id differed.
        bound: With no disagreement, 3 / checked: at 95% confidence the rate is below this. None
            where the reference itself runs.
        seconds: What loading and checking took; not part of the counting time.
    """

    tokenizer: str
    engine: str
    version: str
    reason: str
    checked: int
    disagreed: int
    bound: float | None
    seconds: float


_LIBRARIES = {"tokenizers": "tokenizers", "tiktoken": "tiktoken", "sentencepiece": "sentencepiece"}


def engine_version(tokenizer: Tokenizer, engine: str) -> str:
    """The library that an engine runs, with its version.

    Args:
        tokenizer: The tokenizer.
        engine: "gigatoken", "column" or "library".

    Returns:
        Such as "gigatoken 0.10.0"; part of the key under which counts are kept.
    """
    package = "gigatoken" if engine == "gigatoken" else _LIBRARIES.get(tokenizer.library, "")
    return f"{package} {version(package)}" if package else "workbench"


@lru_cache(maxsize=64)
def make_engine(tokenizer: Tokenizer, engine: str, folder: Path | None) -> Engine:
    """Load an engine, once in a process.

    Args:
        tokenizer: The tokenizer.
        engine: "gigatoken", "column" or "library".
        folder: Where converted definitions are kept.

    Returns:
        The engine.

    Raises:
        ValueError: If it cannot run this tokenizer.
    """
    if engine == "gigatoken":
        return GigatokenEngine(tokenizer, folder)
    return ColumnEngine(tokenizer) if engine == "column" else LibraryEngine(tokenizer)


def disagreements(tokenizer: Tokenizer, engine: Engine, texts: pl.Series) -> list[int]:
    """The documents on which an engine's ids are not the reference's.

    Args:
        tokenizer: The tokenizer, whose own encoder is the reference.
        engine: The engine.
        texts: Documents.

    Returns:
        Their positions in `texts`.
    """
    reference, expected = LibraryEngine(tokenizer).encode(texts)
    flat, lengths = engine.encode(texts)
    if np.array_equal(lengths, expected):
        wrong = np.flatnonzero(flat != reference)
        return sorted(set(np.searchsorted(np.cumsum(lengths), wrong, side="right").tolist()))
    ours = np.split(flat, np.cumsum(lengths)[:-1])
    theirs = np.split(reference, np.cumsum(expected)[:-1])
    return [
        i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if not np.array_equal(a, b)
    ]


def choose_engine(
    tokenizer: Tokenizer,
    sample: Callable[[], pl.Series],
    sample_key: str,
    cache: Cache,
    only: str | None = None,
    size: int | None = None,
) -> EngineReport:
    """Choose the fastest engine that agrees with the reference on a sample of the corpus.

    Args:
        tokenizer: The tokenizer.
        sample: Gives documents of the corpus; called only if no earlier run has checked them.
        sample_key: What the sample depends on: the checksums of the shards it comes from.
        cache: Keeps the outcome by fingerprint, engine's version and sample.
        only: "library" or "gigatoken": ask for this engine; None chooses.
        size: Bytes of the corpus, where known: one that is no larger than the sample is counted by
            the reference at once.

    Returns:
        The choice with its evidence.

    Raises:
        ValueError: If the engine asked for does not load the tokenizer, or disagrees.
    """
    start = time.perf_counter()
    fast = "column" if tokenizer.library == "workbench" else "gigatoken"
    reference = engine_version(tokenizer, "library")
    problem = ""
    if only == "library":
        problem = "asked for"
    elif only is None and fast == "gigatoken" and size is not None and size <= CHECKED_BYTES:
        problem = "a corpus this small is counted sooner than a faster one is checked"
    else:
        try:
            engine = make_engine(tokenizer, fast, cache.folder)
        except ValueError as error:
            problem = str(error)
    checked = wrong = 0
    if not problem:
        key = {"kind": "agreement", "fingerprint": tokenizer.fingerprint, "sample": sample_key}
        key |= {"engine": engine_version(tokenizer, fast), "reference": reference}

        def check() -> dict[str, npt.NDArray[Any]]:
            texts = sample()
            wrong = disagreements(tokenizer, engine, texts)
            first = texts[wrong[0]][:200] if wrong else ""
            outcome = np.array([len(texts), len(wrong)], dtype=np.int64)
            return {"outcome": outcome, **text_array([first])}

        found = cache.get(key, check)
        checked, wrong = (int(number) for number in found["outcome"])
        if not wrong:
            bound = 3 / checked if checked else None
            return EngineReport(
                tokenizer.name,
                fast,
                engine_version(tokenizer, fast),
                f"equal ids on {checked:,} documents of this corpus, so at 95% confidence it "
                f"differs on fewer than {bound:.2%}"
                if bound
                else "there was nothing to check",
                checked,
                0,
                bound,
                time.perf_counter() - start,
            )
        (first,) = array_text(found["data"], found["ends"])
        problem = (
            f"{fast} differs on {wrong:,} of {checked:,} documents of this corpus, "
            f"first on {first[:60]!r}"
        )
    if only == "gigatoken":
        raise ValueError(f"engine='gigatoken' was asked for {tokenizer.name!r}, and {problem}")
    return EngineReport(
        tokenizer.name,
        "library",
        reference,
        f"the library's own encoder: {problem}",
        checked,
        wrong,
        None,
        time.perf_counter() - start,
    )
