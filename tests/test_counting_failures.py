"""Kill tests: nothing is lost, nothing counts double, and what failed is named."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

import workbench as wb
from workbench.counting import CountingError, Plan, count_corpus, frame_shards
from workbench.counting.plan import FrameShard

WORKER = Path(__file__).with_name("counting_worker.py")
SHARDS = 16
PLAN = Plan(frozenset(("characters", "words")), sample=5)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A Parquet file of 16 shards, and what it counts to."""
    rng = random.Random(3)
    words = ["to", "be", "or", "not", "the", "cat", "sat", "on", "a", "mat", "naïve", "漢字", "42"]
    texts = [" ".join(rng.choices(words, k=20)) for _ in range(400)]
    frame = pl.DataFrame({"doc_id": [str(i) for i in range(400)], "text": texts})
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    frame.write_parquet(path)
    return path


@pytest.fixture(scope="module")
def expected(corpus):
    tokenizers = [wb.load_tokenizer(name) for name in ("workbench-bpe", "words")]
    frame = pl.read_parquet(corpus)
    counted = count_corpus(tokenizers, frame, PLAN, cache=False, engine="library")
    return [counts.digest() for counts in counted.counts.values()]


def start(corpus, folder, log, *more):
    command = [sys.executable, str(WORKER), str(corpus), str(folder), str(log), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.split(), error


def reads(log):
    return Counter(log.read_text().split()) if log.exists() else Counter()


def test_a_process_killed_at_any_moment_loses_and_doubles_nothing(corpus, expected, tmp_path):
    log, cache = tmp_path / "log", tmp_path / "cache"
    after = random.Random().randrange(3, SHARDS - 2)  # any moment must do
    process = start(corpus, cache, log)
    while sum(reads(log).values()) < after and process.poll() is None:
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    begun = reads(log)
    assert 0 < len(begun) < SHARDS
    log.unlink()
    digests, _ = finish(start(corpus, cache, log))
    assert digests == expected
    # Every shard but the one under way when the process died was finished, and is not read again.
    assert len(begun.keys() & reads(log).keys()) <= 1


def test_two_runs_at_once_on_one_cache_share_the_work(corpus, expected, tmp_path):
    cache = tmp_path / "cache"
    logs = [tmp_path / "a", tmp_path / "b"]
    both = [start(corpus, cache, log) for log in logs]
    assert [finish(process)[0] for process in both] == [expected, expected]
    together = reads(logs[0]) + reads(logs[1])
    assert len(together) == SHARDS
    assert set(together.values()) == {1}, "a shard was counted by both"


def test_a_full_disk_costs_the_cache_and_not_the_result(corpus, expected, tmp_path):
    log, cache = tmp_path / "log", tmp_path / "cache"
    digests, error = finish(start(corpus, cache, log, "700"))
    assert digests == expected
    assert "cannot keep counts" in error
    assert "results are complete" in error
    assert not list(cache.rglob("*.tmp"))
    assert finish(start(corpus, cache, log))[0] == expected


def test_a_folder_that_cannot_be_written_is_said_and_survived(corpus, expected, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    tokenizers = [wb.load_tokenizer(name) for name in ("workbench-bpe", "words")]
    with pytest.warns(UserWarning, match="cannot"):
        counted = count_corpus(
            tokenizers, pl.read_parquet(corpus), PLAN, cache=blocked / "x", engine="library"
        )
    assert [counts.digest() for counts in counted.counts.values()] == expected


def test_a_corrupt_file_is_named_and_the_others_are_kept(corpus, tmp_path):
    frame = pl.read_parquet(corpus)
    for i in range(3):
        frame.slice(i * 100, 100).write_parquet(tmp_path / f"{i}.parquet")
    shards = [wb.load_corpus(str(tmp_path / f"{i}.parquet")).shards()[0] for i in range(3)]
    data = bytearray((tmp_path / "1.parquet").read_bytes())
    data[4:400] = bytes(396)
    (tmp_path / "1.parquet").write_bytes(data)
    tokenizers = [wb.load_tokenizer("words")]
    with pytest.raises(CountingError, match=r"1 of 3 shards .*1\.parquet"):
        count_corpus(tokenizers, shards, PLAN, cache=tmp_path / "cache")
    with pytest.warns(UserWarning, match=r"1\.parquet"):
        counted = count_corpus(tokenizers, shards, PLAN, cache=tmp_path / "cache", errors="skip")
    rest = pl.concat([frame.slice(0, 100), frame.slice(200, 100)])
    alone = count_corpus(tokenizers, rest, PLAN, cache=False)
    assert counted.counts["words"].total.total("tokens") == alone.counts["words"].total.total(
        "tokens"
    )


@pytest.fixture(scope="module")
def cluster():
    import dask
    from distributed import Client, LocalCluster

    with dask.config.set({"distributed.scheduler.allowed-failures": 10}):
        cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        )
        with cluster, Client(cluster) as client:
            yield client


def test_a_cluster_counts_the_same_bits(cluster, corpus, tmp_path):
    tokenizers = [wb.load_tokenizer(name) for name in ("mistral-v1", "workbench-bpe", "words")]
    shards = frame_shards(pl.read_parquet(corpus), 4000)
    here = count_corpus(tokenizers, shards, PLAN, cache=False)
    there = count_corpus(tokenizers, shards, PLAN, cache=tmp_path, client=cluster)
    assert there.counts == here.counts
    assert there.sample == here.sample
    assert [e.engine for e in there.engines] == ["library", "library", "column"]
    fast = count_corpus(
        tokenizers[:1], shards, PLAN, cache=False, client=cluster, engine="gigatoken"
    )
    assert fast.engines[0].engine == "gigatoken"
    assert fast.counts["mistral-v1"] == here.counts["mistral-v1"]


class KillsItsWorker(FrameShard):
    """Whoever reads it first dies of it."""

    def read(self):
        try:
            Path(self.name).touch(exist_ok=False)
        except FileExistsError:
            return super().read()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


def test_a_worker_killed_in_mid_run_changes_nothing(cluster, corpus, tmp_path):
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    tokenizers = [wb.load_tokenizer(name) for name in ("workbench-bpe", "words")]
    shards = frame_shards(pl.read_parquet(corpus), 1000)
    here = count_corpus(tokenizers, shards, PLAN, cache=False, engine="library")
    deadly = len(shards) // 2
    grave = tmp_path / "grave"
    shards[deadly] = KillsItsWorker(str(grave), shards[deadly].checksum, shards[deadly].frame)
    there = count_corpus(tokenizers, shards, PLAN, cache=tmp_path, client=cluster, engine="library")
    assert grave.exists()
    assert there.counts == here.counts
    assert there.shards == len(shards)


def test_a_broken_shard_on_the_cluster_is_named(cluster, corpus, tmp_path):
    path = tmp_path / "gone.parquet"
    pl.read_parquet(corpus).write_parquet(path)
    shards = wb.load_corpus(str(path)).shards()
    path.unlink()
    with pytest.raises(CountingError, match=r"1 of 1 shards.*gone"):
        count_corpus([wb.load_tokenizer("words")], shards, PLAN, cache=False, client=cluster)
