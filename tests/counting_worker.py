"""A run of its own process for the kill tests: counts shards slowly enough to be hit.

python counting_worker.py CORPUS.parquet CACHE LOG [file size limit]
"""

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import polars as pl

import workbench as wb
from workbench.counting import Plan, count_corpus, frame_shards
from workbench.counting.plan import FrameShard


class Slow(FrameShard):
    """A shard that says when it is read, and takes its time."""

    log = ""

    def read(self):
        with Path(self.log).open("a") as file:
            file.write(f"{self.name}\n")
        end = time.perf_counter() + 0.05
        while time.perf_counter() < end:
            pass
        return super().read()


def main(corpus, cache, log, limit=""):
    Slow.log = log
    shards = [
        Slow(s.name, s.checksum, s.frame) for s in frame_shards(pl.read_parquet(corpus), 2000)
    ]
    tokenizers = [wb.load_tokenizer(name) for name in ("workbench-bpe", "words")]
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    plan = Plan(frozenset(("characters", "words")), sample=5)
    counted = count_corpus(tokenizers, shards, plan, cache=cache, engine="library", progress=False)
    sys.stdout.write(" ".join(counts.digest() for counts in counted.counts.values()))


if __name__ == "__main__":
    main(*sys.argv[1:])
