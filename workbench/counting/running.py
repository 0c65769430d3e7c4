"""A corpus counted shard by shard: here, or on a cluster by the same path.

Shards run in an executor. Without a client it is this process, where the engines use all cores by
threads; with a Dask client it is the cluster's own. Results merge by shard, so one that ran twice
because a worker died counts once.
"""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import polars as pl

from workbench.counting.cache import Cache, default_folder
from workbench.counting.counts import TokenCounts
from workbench.counting.engines import (
    CHECKED_BYTES,
    CHECKED_DOCUMENTS,
    EngineReport,
    choose_engine,
)
from workbench.counting.plan import FrameShard, Plan, Shard
from workbench.counting.samples import CorpusSample
from workbench.counting.shards import ShardCounts, count_shard
from workbench.tokenizers.base import Tokenizer

FRAME_SHARD = 32 << 20
"""Bytes of text in a shard cut from a frame."""

CHECKED_SHARDS = 32
"""From at most how many shards the documents come on which engines are compared."""

CHECKED_READING = 64 << 20
"""Bytes after which no further shard is read for that."""


class CountingError(RuntimeError):
    """Some shards could not be counted; the message names each. The others are in the cache."""


class CountingWarning(UserWarning):
    """Shards were left out because `errors="skip"` asked for it."""


@dataclass(frozen=True)
class CorpusCounts:
    """A corpus counted.

    Attributes:
        counts: By tokenizer's name.
        sample: Documents and words kept for probes.
        engines: Who counted, and on what evidence.
        failures: Shards left out, by name, with the error of each.
        shards: How many shards were counted.
        size: Bytes of text.
        seconds: Counting time, loading and checking engines apart (see `engines`).
        folder: The cache; None where nothing was kept.
    """

    counts: Mapping[str, TokenCounts]
    sample: CorpusSample
    engines: tuple[EngineReport, ...]
    failures: Mapping[str, str]
    shards: int
    size: int
    seconds: float
    folder: Path | None = None

    def engine_table(self) -> pl.DataFrame:
        """Who counted, as a table: one row per tokenizer, the fields of `EngineReport`."""
        return pl.DataFrame(list(self.engines))


class InlineExecutor(Executor):
    """Runs a task in this process when its result is awaited, one after another."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run at once; an error goes into the future, an interrupt to the caller."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - this is what an executor does with any error
            future.set_exception(error)
        return future


def frame_shards(frame: pl.DataFrame | pl.LazyFrame, size: int = FRAME_SHARD) -> list[FrameShard]:
    """Cut a frame into shards.

    Args:
        frame: A column text; doc_id (row numbers if missing), language, domain if it has them.
        size: Bytes of text in a shard.

    Returns:
        The shards.

    Raises:
        ValueError: If there is no column text, or a text is null.
    """
    whole = frame.lazy().collect()
    if "text" not in whole.columns:
        raise ValueError(
            f"a frame to count has a column 'text'; this one has {whole.columns}: rename yours"
        )
    if "doc_id" not in whole.columns:
        whole = whole.with_row_index("doc_id")
    whole = whole.select(
        pl.col(name).cast(pl.String)
        if name in whole.columns
        else pl.lit(None, pl.String).alias(name)
        for name in ("doc_id", "text", "language", "domain")
    )
    nulls = whole.select(pl.col("doc_id", "text").null_count()).row(0)
    if any(nulls):
        raise ValueError(
            f"{nulls[1]} texts and {nulls[0]} ids of the frame are null: drop these rows "
            "(frame.drop_nulls('text')), or fill them"
        )
    number = whole["text"].str.len_bytes().cast(pl.Int64).cum_sum() // size
    parts = whole.with_columns(number.alias("part")).partition_by("part", include_key=False)
    out = []
    for index, part in enumerate(parts):
        digest = hashlib.sha256()
        for column in part.columns:
            values = part[column]
            lengths = values.str.len_bytes().cast(pl.Int64).fill_null(-1)
            digest.update(lengths.to_numpy().tobytes())
            digest.update("".join(values.fill_null("")).encode())
        out.append(FrameShard(f"frame[{index}]", digest.hexdigest(), part))
    return out


def shards_of(corpus: Any) -> list[Shard]:
    """The shards of a corpus or a frame.

    Args:
        corpus: A `workbench.Corpus`, a polars frame, or shards.

    Returns:
        The shards.

    Raises:
        TypeError: If it is none of these.
    """
    if isinstance(corpus, pl.DataFrame | pl.LazyFrame):
        return list(frame_shards(corpus))
    if hasattr(corpus, "shards"):
        return list(corpus.shards(FRAME_SHARD))
    if isinstance(corpus, Sequence) and corpus and all(hasattr(s, "checksum") for s in corpus):
        return list(corpus)
    raise TypeError(
        f"a corpus is what workbench.load_corpus gives, or a polars frame with a column 'text', "
        f"not {type(corpus).__name__}"
    )


def count_corpus(
    tokenizers: Iterable[Tokenizer],
    corpus: Any,
    plan: Plan | None = None,
    *,
    client: Any = None,
    cache: str | Path | bool | None = None,
    engine: str | None = None,
    errors: str = "raise",
    progress: bool | None = None,
) -> CorpusCounts:
    """Count a corpus under tokenizers.

    Finished shards are kept in the cache, so an interrupted run, a second metric or one more
    tokenizer repeats nothing. A shard that fails is named; the others finish first.

    Args:
        tokenizers: With different names.
        corpus: A `workbench.Corpus`, or a polars frame with a column text.
        plan: What to count; None counts tokens, bytes and characters.
        client: A `dask.distributed.Client` to count on; None counts here.
        cache: A folder; None or True is the user's cache; False keeps nothing.
        engine: "library" or "gigatoken" to ask for one; None chooses by speed and agreement.
        errors: "raise" after all others are finished, or "skip": warn and go on without.
        progress: A bar with rate and time left; None shows it on a terminal.

    Returns:
        The counts: the same to the bit for any sharding, order, engine and number of machines.

    Raises:
        CountingError: If shards failed and `errors` is "raise".
        ValueError: If tokenizers share a name, or an option is unknown.

    Example:
        >>> import polars as pl, workbench as wb
        >>> frame = pl.DataFrame({"text": ["to be or not", "to be"]})
        >>> counted = count_corpus([wb.load_tokenizer("words")], frame, cache=False)
        >>> counted.counts["words"].total.total("tokens")
        6
    """
    chosen = list(tokenizers)
    names = [tokenizer.name for tokenizer in chosen]
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"give tokenizers, each with a name of its own, not {names}")
    if errors not in {"raise", "skip"}:
        raise ValueError(f"errors is 'raise' or 'skip', not {errors!r}")
    if engine not in {None, "library", "gigatoken"}:
        raise ValueError(f"engine is 'library', 'gigatoken' or None, not {engine!r}")
    plan = plan or Plan(frozenset(("bytes", "characters")))
    folder = _folder(cache)
    shards = shards_of(corpus)
    check, size = _AgreementSample(shards), _size(shards)
    reports = tuple(
        choose_engine(tokenizer, check.texts, check.key, Cache(folder), engine, size)
        for tokenizer in chosen
    )
    jobs = tuple(
        (tokenizer, report.engine) for tokenizer, report in zip(chosen, reports, strict=True)
    )
    start = time.perf_counter()
    merged: dict[str, TokenCounts] = {}
    sample = CorpusSample(plan.sample, {}, {})
    failures: dict[str, str] = {}
    counted = 0
    with _Bar(shards, progress) as bar:
        for shard, result in _results(shards, jobs, plan, folder, client):
            if isinstance(result, BaseException):
                failures[shard.name] = f"{type(result).__name__}: {result}"
                bar.advance(shard, 0)
                continue
            for name, counts in result.counts.items():
                merged[name] = merged[name] + counts if name in merged else counts
            sample = sample + result.sample
            counted += result.size
            bar.advance(shard, result.size)
    if failures:
        _report(failures, len(shards), errors)
    for tokenizer in chosen:
        if tokenizer.name not in merged:
            merged[tokenizer.name] = TokenCounts(
                tokenizer.name, tokenizer.fingerprint, tokenizer.vocab_size, {}
            )
    return CorpusCounts(
        {name: merged[name] for name in names},
        sample,
        reports,
        failures,
        len(shards) - len(failures),
        counted,
        time.perf_counter() - start,
        folder,
    )


def _results(
    shards: list[Shard], jobs: Any, plan: Plan, folder: Path | None, client: Any
) -> Iterator[tuple[Shard, ShardCounts | BaseException]]:
    """Each shard with its counts or its error, as they finish; few are under way at a time."""
    executor, jobs, window = _executor(jobs, client)
    waiting = list(reversed(shards))
    running: dict[Future[ShardCounts], Shard] = {}
    try:
        while waiting or running:
            while waiting and len(running) < window:
                shard = waiting.pop()
                running[executor.submit(count_shard, shard, jobs, plan, folder)] = shard
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                shard = running.pop(future)
                error = future.exception()
                yield shard, error if error is not None else future.result()
    finally:
        for future in running:
            future.cancel()
        executor.shutdown(wait=not running)


def executor_of(client: Any) -> Executor:
    """Where tasks run.

    Args:
        client: A `dask.distributed.Client`, or None for this process.

    Returns:
        The one executor that all work goes through.
    """
    return InlineExecutor() if client is None else client.get_executor(pure=False, retries=2)


def _executor(jobs: Any, client: Any) -> tuple[Executor, Any, int]:
    """Where shards run, the tokenizers as they travel there, and how many run at a time."""
    if client is None:
        return executor_of(None), jobs, 1
    threads = sum(client.nthreads().values())
    with warnings.catch_warnings():
        # Vocabularies are megabytes: they go once, as a task that a new worker can repeat.
        warnings.filterwarnings("ignore", message=".*[Ll]arge graph.*")
        travelling = client.submit(_same, jobs, pure=False)
    return executor_of(client), travelling, max(2, 2 * threads)


def _same(jobs: Any) -> Any:
    return jobs


def _folder(cache: str | Path | bool | None) -> Path | None:
    if cache is False:
        return None
    return default_folder() if cache is None or cache is True else Path(cache).absolute()


def _report(failures: Mapping[str, str], shards: int, errors: str) -> None:
    listed = "; ".join(f"{name}: {error}" for name, error in sorted(failures.items()))
    message = (
        f"{len(failures)} of {shards} shards could not be counted: {listed}. The other "
        f"{shards - len(failures)} are finished and kept in the cache"
    )
    if errors == "raise":
        raise CountingError(
            f"{message}: mend these and run again, or pass errors='skip' to go on without them"
        )
    warnings.warn(f"{message}; the numbers leave these out", CountingWarning, stacklevel=3)


def _size(shards: list[Shard]) -> int | None:
    """Bytes of all shards; None where one does not know."""
    sizes = [getattr(shard, "size", None) for shard in shards]
    return None if None in sizes else sum(size or 0 for size in sizes)


class _AgreementSample:
    """Documents spread over the corpus, read when somebody asks and once for all tokenizers."""

    def __init__(self, shards: list[Shard]) -> None:
        step = max(1, len(shards) // CHECKED_SHARDS)
        self.shards = shards[::step][:CHECKED_SHARDS]
        self.key = hashlib.sha256("".join(s.checksum for s in self.shards).encode()).hexdigest()
        self._texts: pl.Series | None = None

    def texts(self) -> pl.Series:
        """The documents."""
        if self._texts is None:
            parts, read = [pl.Series("text", [], pl.String)], 0
            for shard in self.shards:
                try:
                    texts = shard.read()["text"]
                except Exception:  # noqa: BLE001, S112 - counting this shard will name the error
                    continue
                parts.append(self._spread(texts))
                read += int(texts.str.len_bytes().sum())
                if read > CHECKED_READING and len(parts) > 4:
                    break
            self._texts = pl.concat(parts)
        return self._texts

    def _spread(self, texts: pl.Series) -> pl.Series:
        documents = max(1, CHECKED_DOCUMENTS // len(self.shards))
        chosen = texts.gather_every(max(1, -(-len(texts) // documents)))
        sizes = chosen.str.len_bytes().cast(pl.Int64).cum_sum()
        limit = CHECKED_BYTES // len(self.shards)
        return chosen.filter((sizes <= limit) | (pl.int_range(len(chosen), eager=True) == 0))


class _Bar:
    """A progress bar in bytes where the shards know their size, else in shards."""

    def __init__(self, shards: list[Shard], progress: bool | None) -> None:
        size = _size(shards)
        self.in_bytes = size is not None
        self.total = len(shards) if size is None else size
        self.shown = sys.stderr.isatty() if progress is None else progress
        self.bar: Any = None

    def __enter__(self) -> Self:
        if self.shown:
            from tqdm import tqdm

            unit = {"unit": "B", "unit_scale": True} if self.in_bytes else {"unit": "shard"}
            self.bar = tqdm(total=self.total, desc="counting", **unit)
        return self

    def advance(self, shard: Shard, size: int) -> None:
        """One shard is finished."""
        if self.bar is not None:
            self.bar.update(getattr(shard, "size", 0) if self.in_bytes else 1)
            self.bar.set_postfix_str(f"{shard.name}" if size else f"{shard.name} failed")

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
