"""Counting: what a reader would try first, then exactness under any sharding."""

from functools import cache, reduce
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.counting import (
    BLOCKS,
    CountingError,
    CountingWarning,
    Plan,
    TokenCounts,
    count_corpus,
    document_hash,
    frame_shards,
)
from workbench.counting.cache import Cache
from workbench.counting.counts import FIXED
from workbench.counting.engines import GigatokenEngine, LibraryEngine, choose_engine, disagreements
from workbench.counting.plan import FrameShard
from workbench.counting.shards import count_shard

STATISTICS = frozenset(
    (
        *("bytes", "characters", "graphemes", "words", "lines", "units", "alone_words"),
        *("words_letters", "words_digits", "words_other"),
        *("mean:tokens/words", "count:tokens/words", "mean:bytes/tokens", "count:bytes/tokens"),
    )
)
TEXTS = [
    "The cat sat on the mat.",
    "",
    "naïve café, don't! 42 apples",
    "漢字 and ไทย",
    "नमस्ते दुनिया",
    "a\nb\n\n  c",
    "<s> is text here, and so is </s>",
    "👨‍👩‍👧 family",
]


@cache
def tokenizer(name):
    return wb.load_tokenizer(name)


def frame(texts=TEXTS, languages=("x", "y")):
    return pl.DataFrame(
        {
            "doc_id": [f"d{i}" for i in range(len(texts))],
            "text": texts,
            "language": [languages[i % len(languages)] for i in range(len(texts))],
            "domain": [None] * len(texts),
        },
        schema_overrides={"domain": pl.String},
    )


def count(names, corpus, **options):
    options = {"cache": False, "plan": Plan(STATISTICS)} | options
    return count_corpus([tokenizer(n) for n in names], corpus, **options)


def test_the_words_of_a_sentence_are_counted():
    counted = count(["words", "bytes"], pl.DataFrame({"text": ["to be or not", "to be"]}))
    assert counted.counts["words"].total.total("tokens") == 6
    assert counted.counts["bytes"].total.total("tokens") == len("to be or not" + "to be")
    assert counted.counts["bytes"].total.total("documents") == 2


@pytest.mark.parametrize(
    "name",
    [
        "mistral-v1",
        "deepseek-v4",
        "workbench-bpe",
        "workbench-wordpiece",
        "workbench-unigram",
        "workbench-char-bpe",
        "bytes",
        "characters",
        "words",
    ],
)
def test_every_number_is_what_encoding_one_by_one_gives(name):
    tok = tokenizer(name)
    counts = count([name], frame()).counts[name]
    ids = [tok.encode(text) for text in TEXTS]
    for language, start in (("x", 0), ("y", 1)):
        group = counts.groups[language, None]
        mine, texts = ids[start::2], TEXTS[start::2]
        flat = sorted(i for row in mine for i in row)
        histogram = group.histogram
        assert np.repeat(histogram.ids, histogram.counts).tolist() == flat
        assert group.total("tokens") == len(flat)
        assert group.total("unknown") == (0 if tok.unk_id is None else flat.count(tok.unk_id))
        assert group.total("bytes") == sum(len(t.encode()) for t in texts)
        pairs = zip(mine, texts, strict=True)
        shares = [len(row) / len(t.split()) for row, t in pairs if t.split()]
        assert group.total("mean:tokens/words") / FIXED == pytest.approx(sum(shares), abs=1e-8)
        assert group.total("count:tokens/words") == len(shares)


def test_blocks_hold_the_documents_of_their_hash():
    group = count(["bytes"], frame(languages=("x",))).counts["bytes"].groups["x", None]
    expected = np.zeros(BLOCKS, dtype=int)
    for i, text in enumerate(TEXTS):
        expected[document_hash(f"d{i}") % BLOCKS] += len(text.encode())
    assert group.sums["tokens"].tolist() == expected.tolist()
    even = sum(len(t.encode()) for i, t in enumerate(TEXTS) if document_hash(f"d{i}") % 2 == 0)
    assert int(group.halves[0].counts.sum()) == even


def test_words_are_encoded_alone():
    tok = tokenizer("workbench-bpe")
    counted = count(["workbench-bpe"], pl.DataFrame({"text": ["the cat, the unbelievable 42"]}))
    group = counted.counts["workbench-bpe"].total
    lengths = [len(tok.encode(w)) for w in ("the", "cat", "the", "unbelievable", "42")]
    assert group.total("alone_words") == 5
    assert group.total("alone_tokens") == sum(lengths)
    assert group.total("alone_continued") == sum(n > 1 for n in lengths)


def test_special_tokens_count_only_when_asked_for():
    plain = count(["mistral-v1"], frame()).counts["mistral-v1"]
    plan = Plan(STATISTICS, add_special_tokens=True)
    added = count(["mistral-v1"], frame(), plan=plan).counts["mistral-v1"]
    tok = tokenizer("mistral-v1")
    assert added.added == len(tok.encode("a", add_special_tokens=True)) - len(tok.encode("a")) > 0
    assert added.total.total("tokens") == plain.total.total("tokens") + len(TEXTS) * added.added
    bos = min(set(tok.encode("a", add_special_tokens=True)) - set(tok.encode("a")))
    histogram = added.total.histogram
    assert histogram.counts[histogram.ids == bos].tolist() == [len(TEXTS)]


# --- any sharding gives the same bits -------------------------------------------------------------

documents = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.text(st.characters(codec="utf-8"), max_size=12),
        st.sampled_from(["x", "y", None]),
    ),
    min_size=1,
    max_size=12,
)


def shard_of(rows, name):
    columns = list(zip(*rows, strict=True))
    part = pl.DataFrame(
        dict(zip(("doc_id", "text", "language"), columns, strict=True)),
        schema={"doc_id": pl.String, "text": pl.String, "language": pl.String},
    ).with_columns(domain=pl.lit(None, pl.String))
    return FrameShard(name, name, part)


@settings(max_examples=40, deadline=None)
@given(documents, st.data())
def test_any_sharding_in_any_order_gives_the_same_bits(rows, data):
    jobs = ((tokenizer("workbench-bpe"), "library"), (tokenizer("words"), "column"))
    plan = Plan(STATISTICS, sample=3, word_types=True)
    whole = count_shard(shard_of(rows, "whole"), jobs, plan, None)
    order = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=4)) | {0, len(rows)})
    parts = [count_shard(shard_of(order[a:b], f"{a}"), jobs, plan, None) for a, b in pairwise(cuts)]
    for name in ("workbench-bpe", "words"):
        merged = reduce(TokenCounts.__add__, [part.counts[name] for part in parts])
        backwards = reduce(TokenCounts.__add__, [part.counts[name] for part in reversed(parts)])
        assert merged == backwards == whole.counts[name]
    samples = [part.sample for part in parts]
    assert reduce(lambda a, b: a + b, samples) == whole.sample


@settings(max_examples=20, deadline=None)
@given(documents, documents, documents)
def test_merging_is_associative(a, b, c):
    jobs, plan = ((tokenizer("bytes"), "column"),), Plan(STATISTICS)
    x, y, z = (
        count_shard(shard_of(rows, n), jobs, plan, None).counts["bytes"]
        for n, rows in (("a", a), ("b", b), ("c", c))
    )
    assert (x + y) + z == x + (y + z)
    assert x + y == y + x


def test_counts_that_differ_by_one_token_are_not_equal():
    one = count(["bytes"], pl.DataFrame({"text": ["ab"]})).counts["bytes"]
    other = count(["bytes"], pl.DataFrame({"text": ["ac"]})).counts["bytes"]
    assert one != other


def test_counts_of_different_tokenizers_do_not_add_up():
    counted = count(["bytes", "characters"], frame())
    with pytest.raises(ValueError, match="different tokenizers"):
        counted.counts["bytes"] + counted.counts["characters"]


def test_counts_of_different_statistics_do_not_add_up():
    more = count(["bytes"], frame()).counts["bytes"]
    less = count(["bytes"], frame(), plan=Plan(frozenset())).counts["bytes"]
    with pytest.raises(ValueError, match="different statistics"):
        more + less


# --- engines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mistral-v1", "mistral-v3", "tekken", "deepseek-v4"])
def test_the_fast_engine_counts_what_the_reference_counts(name, tmp_path):
    nasty = [*TEXTS, "<|endoftext|>", "[INST] x [/INST]", "  \t\r\n ", "1234567", "\x00", "ﬁ ½ Å"]
    fast = count([name], frame(nasty), cache=tmp_path, engine="gigatoken")
    assert [report.engine for report in fast.engines] == ["gigatoken"]
    slow = count([name], frame(nasty), engine="library")
    assert fast.counts[name] == slow.counts[name]


@pytest.mark.parametrize("file", ["cl100k_base", "o200k_base", "r50k_base"])
def test_openai_encodings_run_on_the_fast_engine(file, oracles):
    tok = wb.load_tokenizer(oracles / f"tokenizers/{file}.tiktoken")
    engine = GigatokenEngine(tok)
    assert (
        disagreements(tok, engine, pl.Series([*TEXTS, "<|endoftext|> x", "DON'T don't'LL"])) == []
    )


def test_the_evidence_is_stated(tmp_path):
    corpus = frame(TEXTS * 50)
    (report,) = count(["deepseek-v4"], corpus, cache=tmp_path, engine="gigatoken").engines
    assert report.checked == len(TEXTS) * 50
    assert report.bound == 3 / report.checked
    assert report.disagreed == 0
    assert f"{report.checked} documents of this corpus" in report.reason
    (again,) = count(["deepseek-v4"], corpus, cache=tmp_path, engine="gigatoken").engines
    assert (again.checked, again.reason) == (report.checked, report.reason)


def test_a_small_corpus_is_counted_at_once():
    (report,) = count(["deepseek-v4"], frame()).engines
    assert (report.engine, report.bound) == ("library", None)
    assert "a corpus this small" in report.reason
    big = pl.DataFrame({"text": ["to be or not to be, that is the question\n" * 100] * 600})
    assert count(["deepseek-v4"], big).engines[0].engine == "gigatoken"


def test_an_engine_that_disagrees_is_replaced_and_named(monkeypatch):
    class Wrong(LibraryEngine):
        name = "gigatoken"

        def encode(self, texts):
            flat, lengths = super().encode(texts)
            return flat + (flat == flat.max()), lengths

    tok = tokenizer("deepseek-v4")
    monkeypatch.setattr("workbench.counting.engines.make_engine", lambda *_: Wrong(tok))
    report = choose_engine(tok, lambda: pl.Series(["a b", "c zebra"]), "key", Cache(None))
    assert report.engine == "library"
    assert report.bound is None
    assert report.disagreed >= 1
    assert "differs on" in report.reason
    with pytest.raises(ValueError, match=r"asked for 'deepseek-v4'.*differs"):
        choose_engine(tok, lambda: pl.Series(["a"]), "key", Cache(None), "gigatoken")


def test_what_the_fast_engine_cannot_load_runs_on_the_reference():
    tok = tokenizer("workbench-wordpiece")
    report = choose_engine(tok, lambda: pl.Series(["a"]), "key", Cache(None))
    assert report.engine == "library"
    assert "WordPiece" in report.reason
    with pytest.raises(ValueError, match="WordPiece"):
        count(["workbench-wordpiece"], frame(), engine="gigatoken")


def test_disagreements_are_found_whatever_their_lengths():
    tok = tokenizer("bytes")

    class Longer(LibraryEngine):
        def encode(self, texts):
            return super().encode(pl.Series([t + "!" if "b" in t else t for t in texts]))

    assert disagreements(tok, Longer(tok), pl.Series(["a", "b", "ab"])) == [1, 2]


@pytest.mark.parametrize("name", ["bytes", "characters", "words"])
def test_baselines_over_columns_agree_on_every_kind_of_white_space(name):
    every = [chr(i) for i in range(0x110000) if chr(i).isspace()]
    texts = ["a" + space + "b" for space in every] + ["", " ", "a"]
    tok = tokenizer(name)
    report = choose_engine(tok, lambda: pl.Series(texts), "key", Cache(None))
    assert report.engine == "column"


# --- samples --------------------------------------------------------------------------------------


def test_parallel_documents_are_sampled_in_every_language():
    texts = [f"text {i}" for i in range(300)]
    corpus = pl.concat(
        pl.DataFrame(
            {"doc_id": [str(i) for i in range(300)], "text": texts, "language": [language] * 300}
        )
        for language in ("x", "y")
    )
    sample = count(["bytes"], corpus, plan=Plan(frozenset(), sample=20)).sample
    x, y = ([d.doc_id for d in sample.documents[language, None]] for language in "xy")
    assert x == y
    assert len(x) == 20
    assert sorted(x, key=document_hash) == x


def test_word_types_are_all_there_with_their_occurrences():
    plan = Plan(frozenset(), word_types=True)
    words = count(["bytes"], pl.DataFrame({"text": ["a b a", "b a"]}), plan=plan).sample.words
    assert sorted((word, times) for _, word, times in words[None, None]) == [("a", 3), ("b", 2)]


# --- cache, shards, errors ------------------------------------------------------------------------


def test_a_second_run_reads_nothing(tmp_path):
    class Once(FrameShard):
        def read(self):
            raise AssertionError("read again")

    (shard,) = frame_shards(frame())
    plan = Plan(STATISTICS, sample=3, word_types=True)
    first = count(["mistral-v1", "words"], [shard], cache=tmp_path, plan=plan)
    closed = Once(shard.name, shard.checksum, shard.frame)
    second = count(["mistral-v1", "words"], [closed], cache=tmp_path, plan=plan)
    assert first.counts == second.counts
    assert first.sample == second.sample


def test_a_damaged_entry_is_made_again(tmp_path):
    first = count(["mistral-v1"], frame(), cache=tmp_path)
    for entry in tmp_path.rglob("*.npz"):
        entry.write_bytes(entry.read_bytes()[:-40])
    assert count(["mistral-v1"], frame(), cache=tmp_path).counts == first.counts


def test_changed_text_is_counted_anew(tmp_path):
    before = count(["bytes"], frame(["aa"]), cache=tmp_path).counts["bytes"].total
    after = count(["bytes"], frame(["ab"]), cache=tmp_path).counts["bytes"].total
    assert before.histogram.ids.tolist() != after.histogram.ids.tolist()


class Broken(FrameShard):
    def read(self):
        raise OSError("the disk under this shard is gone")


def test_one_broken_shard_is_named_and_the_others_finish(tmp_path):
    good = frame_shards(frame(), size=40)
    shards = [good[0], Broken("part-7", "broken", good[0].frame), *good[1:]]
    with pytest.raises(CountingError, match=r"1 of \d+ shards.*part-7: OSError: the disk under"):
        count(["bytes"], shards, cache=tmp_path)
    with pytest.warns(CountingWarning, match="part-7"):
        counted = count(["bytes"], shards, cache=tmp_path, errors="skip")
    assert list(counted.failures) == ["part-7"]
    assert counted.counts == count(["bytes"], good).counts


def test_an_interrupt_keeps_the_finished_shards(tmp_path):
    good = frame_shards(frame(), size=40)

    class Interrupts(FrameShard):
        def read(self):
            raise KeyboardInterrupt

    reached = []

    class Remembers(FrameShard):
        def read(self):
            reached.append(self.name)
            return super().read()

    stopped = Interrupts("stop", "stop", good[-1].frame)
    shards = [Remembers(s.name, s.checksum, s.frame) for s in good]
    with pytest.raises(KeyboardInterrupt):
        count(["mistral-v1"], [*shards, stopped], cache=tmp_path, engine="library")
    reached.clear()
    counted = count(["mistral-v1"], shards, cache=tmp_path, engine="library")
    assert reached == []
    assert counted.counts == count(["mistral-v1"], good).counts


def test_progress_shows_rate_and_time_left(capfd):
    shards = frame_shards(frame(), size=40)
    count(["bytes"], shards, progress=True)
    shown = capfd.readouterr().err
    assert "B/s" in shown
    assert "<" in shown  # elapsed<remaining
    count(["bytes"], shards, progress=False)
    assert capfd.readouterr().err == ""


def test_a_shard_too_big_for_memory_is_read_in_parts(monkeypatch):
    monkeypatch.setattr("workbench.counting.shards.LARGEST", 30)

    class Big(FrameShard):
        size = 10**9

        def batches(self, max_bytes):
            assert max_bytes == 30
            yield from (part.frame for part in frame_shards(self.frame, size=max_bytes))

        def read(self):
            return super().read()

    (whole,) = frame_shards(frame())
    big = Big(whole.name, whole.checksum, whole.frame)
    assert count(["mistral-v1"], [big]).counts == count(["mistral-v1"], [whole]).counts


def test_an_empty_corpus_has_counts_of_nothing():
    counted = count(["bytes"], frame().head(0))
    assert counted.counts["bytes"].groups == {}
    with pytest.raises(ValueError, match="no documents"):
        _ = counted.counts["bytes"].total


@pytest.mark.parametrize(
    ("corpus", "error", "sentence"),
    [
        (pl.DataFrame({"body": ["x"]}), ValueError, "column 'text'"),
        (
            pl.DataFrame({"text": ["x", None]}),
            ValueError,
            "1 texts and 0 ids of the frame are null",
        ),
        (["x"], TypeError, "not list"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_a_sentence(corpus, error, sentence):
    with pytest.raises(error, match=sentence):
        count(["bytes"], corpus)


def test_options_are_checked():
    with pytest.raises(ValueError, match="a name of its own"):
        count(["bytes", "bytes"], frame())
    with pytest.raises(ValueError, match="errors is 'raise' or 'skip'"):
        count(["bytes"], frame(), errors="ignore")
    with pytest.raises(ValueError, match="engine is"):
        count(["bytes"], frame(), engine="fast")
    with pytest.raises(ValueError, match="statistic 'syllables' is not counted"):
        Plan(frozenset(("syllables",)))


def test_a_corpus_of_the_workbench_is_counted_by_shards():
    corpus = wb.load_corpus("parallel", languages=["eng_Latn", "deu_Latn"])
    counts = count(["characters"], corpus).counts["characters"]
    texts = corpus.scan().collect()
    assert counts.total.total("tokens") == int(texts["text"].str.len_chars().sum())
    assert {language for language, _ in counts.groups} == {"eng_Latn", "deu_Latn"}
