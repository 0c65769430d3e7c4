"""Counting a corpus: the workbench beside the engines it may use, in one run.

Every measurement is a fresh process, because gigatoken remembers what it has split; the rounds of
all contenders alternate, and what is printed is the median of the ratios within a round. The text
is what is installed: Python sources, documentation and licences.

    python benchmarks/counting.py              # 100 MB, and 30 MB against two libraries
    python benchmarks/counting.py --memory     # also six tokenizers over 1 GB, resident memory
    python benchmarks/counting.py --quick      # a tenth of the text, one round
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SUFFIXES = {".py", ".md", ".rst", ".txt", ".pyi", ".json", ".js", ".html"}
MEGA = 1_000_000


def installed_text(size: int) -> list[str]:
    """Documents of at most 4,000 characters, cut at line ends, from installed files."""
    documents: list[str] = []
    have = 0
    roots = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    seen = set()
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.suffix not in SUFFIXES or path in seen or not path.is_file():
                continue
            seen.add(path)
            try:
                text = path.read_text(encoding="utf-8")
            except (UnicodeDecodeError, OSError):
                continue
            if len(text) > 400_000:  # data dressed as text
                continue
            while text:
                cut = text.rfind("\n", 0, 4000) + 1 if len(text) > 4000 else len(text)
                cut = cut or 4000
                documents.append(text[:cut])
                have += len(documents[-1].encode())
                text = text[cut:]
                if have >= size:
                    return documents
    return documents


# --- what is measured: each runs in a process of its own ------------------------------------------


def _frame(path: str) -> Any:
    import polars as pl

    return pl.read_parquet(path)


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def workbench_counts(path: str, name: str, statistics_: str = "") -> dict[str, float]:
    """`count_corpus`, choosing and checking the engine timed apart."""
    import workbench as wb
    from workbench.counting import Plan, count_corpus

    tokenizer, frame = wb.load_tokenizer(name), _frame(path)
    plan = Plan(frozenset(("bytes", *filter(None, statistics_.split(",")))))
    counted = count_corpus([tokenizer], frame, plan, cache=False, progress=False)
    check = sum(report.seconds for report in counted.engines)
    return {"seconds": counted.seconds, "check": check}


def bare_gigatoken(path: str, name: str) -> dict[str, float]:
    """`gigatoken.Tokenizer.encode_batch` on a list of texts; its result is dropped."""
    import workbench as wb
    from workbench.counting.engines import GigatokenEngine

    backend = GigatokenEngine(wb.load_tokenizer(name)).backend
    texts = _frame(path)["text"].to_list()
    backend.encode_batch(["a"])  # what it imports when first called is not its speed
    return {"seconds": _timed(lambda: backend.encode_batch(texts))}


def bare_tokenizers(path: str, name: str) -> dict[str, float]:
    """`tokenizers.Tokenizer.encode_batch_fast` with a histogram of its ids."""
    import numpy as np

    import workbench as wb

    backend = wb.load_tokenizer(name).backend
    texts = _frame(path)["text"].to_list()

    def work() -> None:
        encodings = backend.encode_batch_fast(texts, add_special_tokens=False)
        np.bincount(np.concatenate([e.ids for e in encodings]))

    return {"seconds": _timed(work)}


def bare_tiktoken(path: str, name: str) -> dict[str, float]:
    """`tiktoken.Encoding.encode_ordinary_batch` with a histogram of its ids."""
    import numpy as np

    import workbench as wb

    backend = wb.load_tokenizer(name).backend
    texts = _frame(path)["text"].to_list()

    def work() -> None:
        rows = backend.encode_ordinary_batch(texts, num_threads=os.cpu_count() or 1)
        np.bincount(np.concatenate([np.array(row, dtype=np.int64) for row in rows]))

    return {"seconds": _timed(work)}


def six_tokenizers(path: str, copies: str) -> dict[str, float]:
    """Six tokenizers over many copies of the text, streamed as shards."""
    import polars as pl

    import workbench as wb
    from workbench.counting import Plan, count_corpus

    class Copy:
        def __init__(self, number: int, part: int, parts: int) -> None:
            self.name = self.checksum = f"{number}-{part}"
            self.number, self.part, self.parts = number, part, parts

        def read(self) -> pl.DataFrame:
            scan = pl.scan_parquet(path)
            rows = scan.select(pl.len()).collect().item()
            step = -(-rows // self.parts)
            frame = scan.slice(self.part * step, step).collect()
            mark = pl.lit(f"{self.number}-") + pl.int_range(pl.len()).cast(pl.String)
            # A word of its own in every document, so that the copies are not one text to a cache.
            return frame.with_columns(doc_id=mark, text=pl.col("text") + " " + mark)

    names = ("deepseek-v4", "tekken", "mistral-v1", "mistral-v3", "bytes", "characters")
    shards = [Copy(n, p, 4) for n in range(int(copies)) for p in range(4)]
    counted = count_corpus(
        [wb.load_tokenizer(name) for name in names],
        shards,
        Plan(frozenset(("bytes", "characters"))),
        cache=False,
        progress=False,
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": counted.seconds, "bytes": counted.size, "peak": peak}


TASKS: dict[str, Callable[..., dict[str, float]]] = {
    f.__name__: f
    for f in (workbench_counts, bare_gigatoken, bare_tokenizers, bare_tiktoken, six_tokenizers)
}


def run(task: str, *arguments: str) -> dict[str, float]:
    """One measurement in a fresh process."""
    here = Path(__file__).resolve()
    environment = {**os.environ, "PYTHONPATH": str(here.parent.parent), "RAYON_NUM_THREADS": "2"}
    command = [sys.executable, str(here), "--child", task, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task} {arguments} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _spread(values: list[float]) -> str:
    middle = statistics.median(values)
    return f"{middle:6.2f}  ({min(values):.2f} to {max(values):.2f})"


def main(argv: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the text, one round")
    parser.add_argument("--memory", action="store_true", help="six tokenizers over 1 GB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        print(json.dumps(TASKS[options.child[0]](*options.child[1:])))
        return 0
    scale = 10 if options.quick else 1
    rounds = 1 if options.quick else options.rounds
    with tempfile.TemporaryDirectory() as folder:
        paths = _texts(Path(folder), scale)
        _speed(paths, rounds)
        _thirty(paths, rounds)
        if options.memory:
            found = run("six_tokenizers", str(paths[100]), "1" if options.quick else "10")
            print(
                f"\nSix tokenizers over {found['bytes'] / MEGA:,.0f} MB: {found['seconds']:.0f} s, "
                f"peak resident memory {found['peak'] / MEGA:,.0f} MB (target: 1,500)"
            )
    return 0


def _texts(folder: Path, scale: int) -> dict[int, Path]:
    import polars as pl

    documents = installed_text(100 * MEGA // scale)
    paths, sizes = {}, pl.Series(documents).str.len_bytes().cast(pl.Int64).cum_sum()
    for size in (100, 30, 10):
        kept = documents[: int((sizes <= size * MEGA // scale).sum())]
        paths[size] = folder / f"{size}.parquet"
        ids = [str(i) for i in range(len(kept))]
        columns = {"doc_id": ids, "text": kept, "language": [None] * len(kept)}
        pl.DataFrame(
            {**columns, "domain": ["code"] * len(kept)}, schema_overrides={"language": pl.String}
        ).write_parquet(paths[size])
    return paths


def _bytes(path: Path) -> int:
    import polars as pl

    return int(pl.read_parquet(path)["text"].str.len_bytes().sum())


def _speed(paths: dict[int, Path], rounds: int) -> None:
    big, small = str(paths[100]), str(paths[10])
    size, slice_ = _bytes(paths[100]), _bytes(paths[10])
    print(f"deepseek-v4, {size / MEGA:.0f} MB (slice for the slow one: {slice_ / MEGA:.0f} MB)")
    rows: dict[str, list[float]] = {}
    checks = []
    for _ in range(rounds):
        ours = run("workbench_counts", big, "deepseek-v4")
        bare = run("bare_gigatoken", big, "deepseek-v4")
        slow = run("bare_tokenizers", small, "deepseek-v4")
        full = run("workbench_counts", big, "deepseek-v4", "characters,words,graphemes")
        checks.append(ours["check"])
        rows.setdefault("workbench, MB/s", []).append(size / MEGA / ours["seconds"])
        rows.setdefault("bare gigatoken, MB/s", []).append(size / MEGA / bare["seconds"])
        rows.setdefault("encode_batch_fast, MB/s", []).append(slice_ / MEGA / slow["seconds"])
        rows.setdefault("workbench / bare, time (at most 1.5)", []).append(
            ours["seconds"] / bare["seconds"]
        )
        rows.setdefault("workbench / encode_batch_fast, speed (at least 15)", []).append(
            (size / ours["seconds"]) / (slice_ / slow["seconds"])
        )
        rows.setdefault("with characters, words, graphemes: extra s", []).append(
            full["seconds"] - ours["seconds"]
        )
    for label, values in rows.items():
        print(f"  {label:52s} {_spread(values)}")
    print(f"  {'loading and checking the engine, s (apart)':52s} {_spread(checks)}")


def _thirty(paths: dict[int, Path], rounds: int) -> None:
    path = str(paths[30])
    size = _bytes(paths[30]) / MEGA
    print(f"\n{size:.0f} MB, MB/s")
    for name, task in (("deepseek-v4", "bare_tokenizers"), ("tekken", "bare_tiktoken")):
        ours, theirs, ratio = [], [], []
        for _ in range(rounds):
            a, b = run("workbench_counts", path, name), run(task, path, name)
            ours.append(size / a["seconds"])
            theirs.append(size / b["seconds"])
            ratio.append(b["seconds"] / a["seconds"])
        print(f"  {name}: workbench {_spread(ours)}, {task[5:]} {_spread(theirs)}")
        print(f"  {name}: times as fast {_spread(ratio)}")


if __name__ == "__main__":
    sys.exit(main())
