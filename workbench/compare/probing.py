"""What only the text itself can tell: probes run on a sample of documents, once and kept.

A probe looks at single documents under one tokenizer (does it come back?), a pair probe under two
(do they cut at the same places?). Each returns whole numbers, which are summed by block like
everything else and so get the same intervals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from workbench import metrics as metric_folder
from workbench.counting import BLOCKS, Cache, Group
from workbench.counting.cache import Arrays, array_text, text_array
from workbench.counting.samples import SampledDocument
from workbench.metrics._base import DocumentView, IntArray, Metric
from workbench.tokenizers.base import Tokenizer

Documents = tuple[tuple[Group, tuple[SampledDocument, ...]], ...]
"""Sampled documents by group."""

BlockSums = dict[Group, dict[str, IntArray]]
"""By group and statistic ("metric.key"), int64 (BLOCKS,)."""


class ProbeError(RuntimeError):
    """A metric's probe failed; the message names the metric, the tokenizer and the document."""


@cache
def _probe_code() -> str:
    """A hash of all metrics' sources: a changed probe never finds what the old one counted."""
    digest = hashlib.sha256()
    for folder in metric_folder.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def documents_digest(documents: Documents) -> str:
    """SHA-256 of the sampled documents.

    Args:
        documents: By group.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for group, members in documents:
        digest.update(repr((group, [(d.doc_id, len(d.text)) for d in members])).encode())
        digest.update("".join(d.text for d in members).encode())
    return digest.hexdigest()


def views_of(tokenizer: Tokenizer, documents: Documents) -> Iterator[tuple[Group, DocumentView]]:
    """The sampled documents as a probe sees them.

    Args:
        tokenizer: Under which.
        documents: By group.

    Yields:
        Each document with its group.
    """
    for group, members in documents:
        for document in members:
            yield (
                group,
                DocumentView(
                    document.text,
                    tokenizer,
                    document.doc_id,
                    group[0],
                    group[1],
                    document.hash & 0x7FFFFFFF,
                ),
            )


def _summed(rows: Sequence[tuple[Group, int, Mapping[str, int]]], metric: Metric) -> BlockSums:
    """Sum by group and block what a probe returned for each document."""
    keys = list(rows[0][2]) if rows else []
    out: BlockSums = {}
    for group, hashed, found in rows:
        if list(found) != keys:
            raise ProbeError(
                f"the probe of {metric.name!r} returned {list(found)} for one document and {keys} "
                "for another: a probe returns the same keys always"
            )
        sums = out.setdefault(
            group, {f"{metric.name}.{key}": np.zeros(BLOCKS, dtype=np.int64) for key in keys}
        )
        for key, value in found.items():
            sums[f"{metric.name}.{key}"][hashed % BLOCKS] += value
        if "documents" not in found:
            default = np.zeros(BLOCKS, dtype=np.int64)
            sums.setdefault(f"{metric.name}.documents", default)[hashed % BLOCKS] += 1
    return out


def probe_tokenizer(
    tokenizer: Tokenizer,
    chosen: tuple[str | Metric, ...],
    documents: Documents,
    folder: Path | None,
) -> BlockSums:
    """Run the probes of metrics on the sampled documents under one tokenizer.

    Args:
        tokenizer: The tokenizer.
        chosen: Metrics with a probe: by name where the workbench knows them.
        documents: By group.
        folder: The cache; None keeps nothing. A metric of one's own is never kept: nothing tells
            that its code has changed.

    Returns:
        Sums by group, statistic and block.

    Raises:
        ProbeError: If a probe fails.
    """
    store = Cache(folder)
    shared: list[tuple[Group, DocumentView]] = []
    out: BlockSums = {group: {} for group, members in documents if members}
    for item in chosen:
        metric = metric_folder.get_metric(item) if isinstance(item, str) else item

        def compute(metric: Metric = metric) -> Arrays:
            if not shared:
                shared.extend(views_of(tokenizer, documents))
            rows = []
            for (group, view), hashed in zip(shared, _hashes(documents), strict=True):
                rows.append((group, hashed, _call(metric, tokenizer.name, view.doc_id, view)))
            return _packed(_summed(rows, metric), documents)

        key = {
            "kind": "probe",
            "metric": metric.name,
            "probes": _probe_code(),
            "fingerprint": tokenizer.fingerprint,
            "documents": documents_digest(documents),
        }
        found = store.get(key, compute) if isinstance(item, str) else compute()
        for group, sums in _unpacked(found, documents).items():
            out[group].update(sums)
    return out


def _hashes(documents: Documents) -> Iterator[int]:
    return (document.hash for _, members in documents for document in members)


def _call(metric: Metric, tokenizer: str, doc_id: str, *views: DocumentView) -> Mapping[str, int]:
    probe = metric.probe if len(views) == 1 else metric.pair_probe
    assert probe is not None
    try:
        return probe(*views)
    except Exception as error:
        raise ProbeError(
            f"metric {metric.name!r} failed on document {doc_id!r} under {tokenizer!r} "
            f"({type(error).__name__}: {error})"
        ) from error


def _packed(sums: BlockSums, documents: Documents) -> Arrays:
    groups = [group for group, members in documents if members]
    names = sorted(next(iter(sums.values()))) if sums else []
    table = np.array([[sums[g][n] for n in names] for g in groups], dtype=np.int64)
    return {"table": table.reshape(len(groups), len(names), BLOCKS), **text_array(names)}


def _unpacked(found: Arrays, documents: Documents) -> BlockSums:
    groups = [group for group, members in documents if members]
    names = array_text(found["data"], found["ends"])
    return {
        group: dict(zip(names, rows, strict=True))
        for group, rows in zip(groups, found["table"], strict=True)
    }


def probe_tokenizers(
    tokenizers: Sequence[Tokenizer],
    chosen: Sequence[Metric],
    documents: Documents,
    executor: Executor,
    folder: Path | None,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, BlockSums]:
    """Run the probes under every tokenizer, one task each.

    Args:
        tokenizers: With different names.
        chosen: Metrics with a probe.
        documents: By group.
        executor: Where the tasks run.
        folder: The cache.
        tick: Called as each tokenizer is done.

    Returns:
        Sums by tokenizer's name.
    """
    known = metric_folder.all_metrics()
    names = tuple(metric.name if known.get(metric.name) is metric else metric for metric in chosen)
    tasks = {
        tokenizer.name: executor.submit(probe_tokenizer, tokenizer, names, documents, folder)
        for tokenizer in tokenizers
    }
    out: dict[str, BlockSums] = {}
    for name, task in tasks.items():
        out[name] = task.result()
        tick()
    return out


def probe_pairs(
    tokenizers: Sequence[Tokenizer], metric: Metric, documents: Documents
) -> dict[tuple[str, str], BlockSums]:
    """Run a pair probe over every pair of tokenizers; each document is segmented once by each.

    Args:
        tokenizers: With different names.
        metric: With a pair probe.
        documents: By group.

    Returns:
        Sums by the names of the pair, in the order of `tokenizers`.
    """
    rows: dict[tuple[str, str], list[tuple[Group, int, Mapping[str, int]]]] = {}
    streams: list[Any] = [views_of(tokenizer, documents) for tokenizer in tokenizers]
    for hashed, *views in zip(_hashes(documents), *streams, strict=True):
        for (group, left), (_, right) in combinations(views, 2):
            pair = (left.tokenizer.name, right.tokenizer.name)
            found = _call(metric, " and ".join(pair), left.doc_id, left, right)
            rows.setdefault(pair, []).append((group, hashed, found))
    return {pair: _summed(found, metric) for pair, found in rows.items()}
