"""Merging what is frequent in a batch: the authors' example, a naive twin, and what stays put."""

import itertools
import pickle
from collections import Counter

import polars as pl
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import dynamic_tokenization as study
from workbench.studies.dynamic_tokenizer import word_index

NAMES = ["workbench-bpe", "workbench-wordpiece", "workbench-unigram", "mistral-v1", "tekken"]
BATCH = [
    "The unbelievable weather made the weather report unbelievable.",
    "Weather reports are reported; 123 reports, 123 weathers!",
]


@pytest.fixture(params=NAMES)
def tok(request):
    return wb.load_tokenizer(request.param)


def test_the_example_of_the_readme_token_for_token():
    base = wb.load_tokenizer("mistral-v1")
    merged = study.dynamic_tokenizer(study.README_BATCH, base, 10)
    pieces = [wb.segment(t, merged).to_frame()["piece"].to_list() for t in study.README_BATCH]
    # Spelt with Ġ in the README, whose hypernetwork has a byte-level tokenizer of its own.
    assert pieces == [
        ["▁Ribonucleoprotein", "▁particles", "▁regulate", "▁mRNA", "▁stability", "."],
        ["▁mRNA", "▁stability", "▁is", "▁mod", "ulated", "▁by", "▁rib", "onucleoprotein",
         "▁factors", "."],
    ]  # fmt: skip
    table = study.readme_example()
    assert (table["as_counted"][0], table["as_counted"][-1]) == (36, 20)
    assert table.height == 11


def naive_merges(words, merges):
    """The method on lists of spellings, word by word and occurrence by occurrence."""
    out = []
    for _ in range(merges):
        pairs = Counter()
        for word in words:
            pairs.update(itertools.pairwise(word))
        if not pairs:
            break
        best = max(pairs, key=lambda p: pairs[p])
        out.append((*best, pairs[best]))
        for number, word in enumerate(words):
            new, at = [], 0
            while at < len(word):
                if tuple(word[at : at + 2]) == best:
                    new.append(word[at] + word[at + 1])
                    at += 2
                else:
                    new.append(word[at])
                    at += 1
            words[number] = new
    return out, words


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab ", max_size=15), min_size=1, max_size=4), st.integers(0, 8))
def test_a_naive_twin_agrees(texts, merges):
    merged = study.dynamic_tokenizer(texts, wb.load_tokenizer("bytes"), merges)
    words = []
    for text in texts:
        parts = text.split(" ")
        words += [list(parts[0])] if parts[0] else []
        # A single space belongs to the word after it; more spaces stand alone.
        words_here, blank = [], 0
        for part in parts[1:]:
            blank += 1
            if part:
                if blank > 1:
                    words_here.append([" "] * (blank - 1))
                words_here.append([" ", *part])
                blank = 0
        if blank:
            words_here.append([" "] * blank)
        words += words_here
    spelt = [[f"0x{ord(c):02X}" for c in word] for word in words]
    expected, _ = naive_merges(spelt, merges)
    assert [(m.left, m.right, m.count) for m in merged.merges] == expected


@pytest.mark.parametrize("step", [0, 3, 12])
def test_it_is_a_tokenizer_like_any_other(tok, step):
    merged = study.dynamic_tokenizer(BATCH, tok, 12)
    merged = merged.at(min(step, len(merged.merges)))
    for text in BATCH:
        ids = merged.encode(text)
        seg, plain = wb.segment(text, merged), wb.segment(text, tok)
        assert seg.ids == ids
        assert merged.decode(ids) == tok.decode(tok.encode(text))
        assert set(seg.boundaries.tolist()) <= set(plain.boundaries.tolist())
        assert b"".join(map(merged.token_bytes, ids)) == b"".join(
            map(tok.token_bytes, tok.encode(text))
        )
        frame = seg.to_frame()
        assert [merged.id_of(p) for p in frame["piece"]] == ids
        covered = sum(frame["byte_end"] - frame["byte_start"])
        assert covered + sum(d.byte_end - d.byte_start for d in seg.dropped) == len(text.encode())
    again = pickle.loads(pickle.dumps(merged))
    assert again.encode(BATCH[0]) == merged.encode(BATCH[0])
    assert again.fingerprint == merged.fingerprint
    assert merged.vocab_size == len(merged.ids())


def test_the_counts_add_up_at_every_step(tok):
    merged = study.dynamic_tokenizer(BATCH, tok, 15)
    table = merged.merge_frame()
    for step in (1, 5, table.height):
        after = merged.at(step)
        assert sum(len(after.encode(t)) for t in BATCH) == table["tokens"][step - 1]
    drops = -table["tokens"].diff().drop_nulls()
    assert (drops <= table["count"][1:]).all()  # overlapping pairs (aaa) merge fewer times
    assert (drops > 0).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=25), min_size=1, max_size=3), st.sampled_from(NAMES[:4]))
def test_merges_never_leave_a_word(texts, name):
    base = wb.load_tokenizer(name)
    merged = study.dynamic_tokenizer(texts, base, 10_000)
    first_new = max(base.ids()) + 1
    for text in texts:
        seg = wb.segment(text, merged)
        for token in seg.tokens:
            inner = text.encode()[token.byte_start : token.byte_end].decode("utf-8", "replace")
            if token.id >= first_new and not regex.fullmatch(r"\s+", inner):
                assert not regex.search(r"\s", inner[1:])
        # With merges to spare, what lies in one word is one token.
        words = word_index(text, seg.alignment)
        assert all(a != b or a < 0 for a, b in itertools.pairwise(words))


def test_the_story_starts_whole_and_shows_each_change():
    base = wb.load_tokenizer("mistral-v1")
    merged = study.dynamic_tokenizer(study.README_BATCH, base, 10)
    story = study.merge_story(study.README_BATCH[1], merged)
    lengths = [len(seg) for seg in story]
    assert lengths == sorted(set(lengths), reverse=True)
    assert (lengths[0], lengths[-1]) == (17, 10)
    assert [len(s) for s in study.merge_story(study.README_BATCH[1], merged, [0, 10])] == [17, 10]


def test_length_against_merges_by_language():
    base = wb.load_tokenizer("mistral-v1")
    languages = ["eng_Latn", "deu_Latn", "hin_Deva"]
    curve = study.length_curve(
        wb.load_corpus("parallel"), base, [0, 10, 60], languages=languages, batches=2
    )
    assert curve["language"].unique(maintain_order=True).to_list() == languages
    for language in languages:
        part = curve.filter(pl.col("language") == language)
        assert part["ratio"][0] == 1.0
        assert part["ratio"].is_sorted(descending=True)
        assert part["ratio"][-1] < 1
    saved = {r["language"]: r["ratio"] for r in curve.filter(pl.col("merges") == 60).to_dicts()}
    assert saved["hin_Deva"] < saved["eng_Latn"]
    table = study.premiums(curve, "eng_Latn")
    assert set(table["language"]) == {"deu_Latn", "hin_Deva"}
    rows = study.verdict(curve, "eng_Latn")
    assert rows["verdict"][0] == "reproduced"
    assert rows.height == 4


def test_several_tokenizers_and_a_text_that_names_no_language(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("the cat sat on the mat\n" * 25)
    toks = [wb.load_tokenizer(name) for name in ("mistral-v1", "bytes")]
    curve = study.length_curve(str(path), toks, [0, 5], languages=["eng_Latn"])
    assert curve["language"].unique().to_list() == ["(no language)"]
    assert curve["tokenizer"].unique(maintain_order=True).to_list() == ["mistral-v1", "bytes"]
    saved = study.verdict(curve).filter(pl.col("measure").str.contains("M = 5"))
    ratios = curve.filter(pl.col("merges") == 5).sort("tokenizer")
    assert saved.sort("measure")["value"].to_list() == pytest.approx(
        (1 - ratios["ratio"]).to_list()
    )
    assert (saved["ci_low"] <= saved["value"]).all()
    assert saved["measure"].str.contains("(no language)", literal=True).all()


def closeness(before, after):
    frame = pl.DataFrame(
        {
            "tokenizer": "t",
            "language": ["ref", "a", "b"] * 2,
            "merges": [0] * 3 + [50] * 3,
            "tokens": [100, *before, 100, *after],
            "ratio": [1.0] * 6,
            "ci_low": [1.0] * 6,
            "ci_high": [1.0] * 6,
            "batches": 4,
            "applied": [0.0] * 6,
        }
    )
    return study.verdict(frame, "ref")


def test_coming_closer_is_measured_from_either_side():
    above = closeness([400, 410], [200, 205])
    below = closeness([25, 26], [50, 52])
    for rows in (above, below):
        assert rows["verdict"][-1] == "holds"
        assert rows["value"][-1] == pytest.approx(-1)  # half as far, on a scale of doublings
    past = closeness([200, 210], [25, 26])
    assert past["verdict"][-1] == "the opposite"
    assert "nothing is left to merge" in above["verdict"].to_list()


def test_refusals_are_sentences():
    base = wb.load_tokenizer("mistral-v1")
    with pytest.raises(ValueError, match="0 or more"):
        study.dynamic_tokenizer(BATCH, base, -1)
    with pytest.raises(ValueError, match="open vocabulary"):
        study.dynamic_tokenizer(BATCH, wb.load_tokenizer("words"), 1)
    with pytest.raises(ValueError, match="not among the 1 merges"):
        study.dynamic_tokenizer(BATCH, base, 1).at(2)
    with pytest.raises(ValueError, match="no language 'xxx'"):
        study.length_curve("parallel", base, [0], languages=["xxx"])
