"""Merging what is frequent in a batch: the authors' example, a naive twin, and what stays put."""

import itertools
import pickle
from collections import Counter

import numpy as np
import polars as pl
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import dynamic_tokenization as study
from workbench.studies.boundary_stability import train_bpe
from workbench.studies.dynamic_tokenizer import learn_merges, word_index

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
    beside = study.readme_tokens()
    for number, theirs in enumerate(pieces):
        part = beside.filter(sentence=number)
        assert part["after"].to_list() == part["published"].to_list() == theirs
        cut = [wb.segment(t, base).to_frame()["piece"].to_list() for t in study.README_BATCH]
        assert " ".join(part["before"]).split() == cut[number]


def test_another_tokenizer_stands_beside_the_published_tokens_too():
    beside = study.readme_tokens("workbench-wordpiece")
    assert beside.height > 16
    assert beside["published"].drop_nulls().len() == 16
    assert beside["after"].to_list() != beside["published"].to_list()


def words_in(text, name="bytes"):
    """The stretches of a text that lie in one word, by a tokenizer of bytes."""
    words = word_index(text, wb.load_tokenizer(name).align(text))
    groups = itertools.groupby(zip(words, text.encode(), strict=True), key=lambda pair: pair[0])
    return [bytes(byte for _, byte in group).decode() for _, group in groups]


def test_a_word_is_letters_with_their_marks_or_digits_or_signs():
    assert words_in("mRNA2 x7y") == ["mRNA", "2", " x", "7", "y"]
    assert words_in("well (so)?!") == ["well", " (", "so", ")?!"]
    assert words_in("हिन्दी में") == ["हिन्दी", " में"]  # GPT-2's own cuts them at their vowels
    assert words_in("e\u0301t\u00e9") == ["e\u0301t\u00e9"]


def test_a_line_end_is_in_no_word():
    assert words_in("one\ntwo\n\n three\tfour  five") == [
        "one", "\n", "two", "\n\n", " three", "\t", "four", " ", " five",
    ]  # fmt: skip
    assert words_in("end \n") == ["end", " \n"]
    merged = study.dynamic_tokenizer(["item\nAlpha\nAlpha\nAlpha"], "tekken", 5)
    assert not [m for m in merged.merges if "\n" in m.merged or "Ċ" in m.merged]


def test_a_token_is_known_by_its_spelling():
    base = wb.load_tokenizer("workbench-unigram")
    merged = study.dynamic_tokenizer(["then thenn thenn"], base, 3)
    spelt = [m.merged for m in merged.merges]
    assert "▁then" in spelt
    assert base.id_of("▁then") in merged.encode("thenn then")
    assert merged.id_of("▁then") == base.id_of("▁then")
    new = [piece for piece in dict.fromkeys(spelt) if base.id_of(piece) is None]
    assert len(new) < len(spelt)
    assert merged.vocab_size == base.vocab_size + len(new) == len(set(merged.ids()))
    assert merged.decode(merged.encode("then thenn")) == base.decode(base.encode("then thenn"))


@pytest.mark.parametrize("spelling", ["<0x41>", "<s>"])
def test_a_spelling_that_means_something_else_gets_an_id_of_its_own(spelling):
    base = wb.load_tokenizer("mistral-v1")
    taken = base.id_of(spelling)  # of a byte, of a special token
    # Letters and signs stand in no word together: the merges are written by hand.
    merges = [
        study.Merge(spelling[:end], spelling[end], spelling[: end + 1], 1, 1)
        for end in range(1, len(spelling))
    ]
    merged = study.DynamicTokenizer(base, merges)
    last = merged.ids()[-1]
    assert last != taken
    assert merged.piece(last) == spelling
    assert merged.token_bytes(last) == spelling.encode()


def test_a_continuing_piece_loses_its_sign_when_it_is_merged():
    base = wb.load_tokenizer("workbench-wordpiece")
    merged = study.dynamic_tokenizer(["ribonucleoprotein"], base, 50)
    assert merged.merges[-1].merged == "ribonucleoprotein"
    assert not any("#" in m.merged.removeprefix("##") for m in merged.merges)
    assert merged.join("##ul", "##ate") == "##ulate"


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
        wb.load_corpus("parallel"), base, [0, 10, 60], languages=languages, batches=2, batch_size=10
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
    assert rows["value"][0] == 16
    # Two values of M: saved, most in finely cut languages, closer.
    assert rows.height == 1 + 3 * 2
    assert rows["verdict"][1:].str.starts_with("too few batches to tell").all()
    # English goes through fewer merges than were to be made where its words are whole.
    assert (curve["applied"] <= curve["merges"]).all()
    again = [len(learn_merges(texts, base, 60).merges) for texts in batches("eng_Latn")]
    found = curve.filter(language="eng_Latn", merges=60)
    assert found["applied"].item() == np.mean(again)
    assert found["batch_tokens"].item().sum() == found["tokens"].item()
    assert found["batch_before"].item().sum() == found["tokens_before"].item()
    texts = [text for group in batches("eng_Latn") for text in group]
    assert found["tokens_per_character"].item() == pytest.approx(
        found["tokens_before"].item() / sum(map(len, texts))
    )


def batches(language):
    texts = wb.load_corpus("parallel", languages=[language]).scan().collect()["text"].to_list()
    return [texts[:10], texts[10:20]]


def test_merges_that_run_out_are_counted_at_every_m():
    curve = study.length_curve(
        "parallel", "mistral-v1", [0, 3, 5000], languages=["eng_Latn"], batch_size=10
    )
    none, few, all_of_them = curve["applied"].to_list()
    assert (none, few) == (0, 3)
    assert 3 < all_of_them < 5000


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


def synthetic(**tokens):
    """A curve of one M from the tokens of each language's batches, before and after."""
    rows = [
        {
            "tokenizer": "t",
            "language": language,
            "merges": m,
            "tokens": sum(counts),
            "applied": 0.0,
            "tokens_per_character": sum(before) / 1000,
            "batch_before": before,
            "batch_tokens": counts,
        }
        for language, (before, after) in tokens.items()
        for m, counts in ((0, before), (50, after))
    ]
    return pl.DataFrame(rows)


def closeness(before, after):
    ends = {
        language: ([start] * 8, [end] * 8)
        for language, start, end in zip("ab", before, after, strict=True)
    }
    return study.verdict(synthetic(ref=([100] * 8, [100] * 8), **ends), "ref")


def test_coming_closer_is_measured_from_either_side():
    above = closeness([400, 410], [200, 205])
    below = closeness([25, 26], [50, 52])
    for rows in (above, below):
        assert rows["verdict"][-1] == "holds; ref ran out at 0 merges a batch"
        assert rows["value"][-1] == pytest.approx(-1)  # half as far, on a scale of doublings
    # Wherever the reference stands in the curve.
    ends = {"a": ([400] * 8, [200] * 8), "ref": ([100] * 8,) * 2, "b": ([410] * 8, [205] * 8)}
    assert study.verdict(synthetic(**ends), "ref")["value"][-1] == pytest.approx(-1)
    past = closeness([200, 210], [25, 26])
    assert past["verdict"][-1].startswith("the opposite")
    assert "nothing is left to merge" in above["verdict"].to_list()


def judgement(rows, claim):
    return rows.filter(pl.col("claim").str.contains(claim)).row(0, named=True)


def test_batches_are_drawn_together_and_languages_not_at_all():
    # The languages differ much, but in every batch alike: an interval over batches has no width.
    rows = study.verdict(synthetic(a=([100] * 8, [90] * 8), b=([100] * 8, [20] * 8)))
    saved = judgement(rows, "shortens")
    assert (saved["ci_low"], saved["value"], saved["ci_high"]) == pytest.approx((0.45,) * 3)
    # What one language saves more in a batch the other saves less: together they do not vary.
    rows = study.verdict(synthetic(a=([100] * 8, [50, 60, 70, 80, 90, 60, 70, 80]),
                                   b=([100] * 8, [90, 80, 70, 60, 50, 80, 70, 60])))  # fmt: skip
    saved = judgement(rows, "shortens")
    assert (saved["ci_low"], saved["ci_high"]) == pytest.approx((0.3, 0.3))
    # Unequal numbers cannot be drawn together, and then it shows.
    uneven = [90, 80, 70, 70, 60, 50, 80, 70, 60]
    rows = study.verdict(synthetic(a=([100] * 8, [50, 60, 70, 80, 90, 60, 70, 80]),
                                   b=([100] * 9, uneven)))  # fmt: skip
    saved = judgement(rows, "shortens")
    assert saved["value"] == pytest.approx(0.3)
    assert saved["ci_low"] < 0.29
    assert saved["ci_high"] > 0.31
    assert "over 8 batches" in saved["measure"]


def test_finely_cut_languages_save_most_by_pairs_of_languages():
    three = {"a": ([100] * 8, [90] * 8), "b": ([200] * 8, [150] * 8), "c": ([300] * 8, [150] * 8)}
    found = judgement(study.verdict(synthetic(**three)), "finely")
    assert (found["value"], found["verdict"]) == (1, "holds")
    three["c"] = ([300] * 8, [300] * 8)  # the finest saves nothing: one pair of three is in order
    found = judgement(study.verdict(synthetic(**three)), "finely")
    assert found["value"] == pytest.approx(-1 / 3)
    assert found["verdict"] == "the opposite"


def test_few_batches_say_nothing_whatever_the_numbers():
    rows = study.verdict(synthetic(a=([100] * 4, [50] * 4), b=([300] * 4, [100] * 4)), "a")
    one = study.verdict(synthetic(a=([100], [50]), b=([300], [100])), "a")
    mixed = study.verdict(synthetic(a=([100], [50]), b=([300] * 6, [100] * 6)))
    assert judgement(mixed, "finely")["ci_low"] is None
    assert judgement(mixed, "finely")["verdict"] == "too few batches to tell"
    for found in (judgement(rows, "closer"), judgement(rows, "finely"), judgement(one, "closer")):
        assert found["verdict"].startswith("too few batches to tell")
    assert judgement(one, "closer")["ci_low"] is None


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
    with pytest.raises(ValueError, match="A list of texts is needed"):
        study.dynamic_tokenizer("mRNA stability", base)
    with pytest.raises(ValueError, match="no tokenizer 'no-such'"):
        study.dynamic_tokenizer(BATCH, "no-such")


@pytest.mark.parametrize("merges", [[], [-1, 10], [0, 5, 5]])
def test_values_of_m_are_checked(merges):
    with pytest.raises(ValueError, match="each once, not"):
        study.length_curve("parallel", "bytes", merges)


@pytest.mark.parametrize("sizes", [{"batches": 0}, {"batch_size": 0}, {"batch_size": -1}])
def test_batches_hold_a_document(sizes):
    with pytest.raises(ValueError, match="a document at least"):
        study.length_curve("parallel", "bytes", [5], **sizes)


def test_names_stand_for_tokenizers():
    by_name = study.length_curve("parallel", "bytes", [5], languages=["eng_Latn"], batches=1)
    loaded = study.length_curve(
        "parallel", [wb.load_tokenizer("bytes")], [5], languages=["eng_Latn"], batches=1
    )
    assert by_name.equals(loaded)
    assert study.readme_example("bytes").equals(study.readme_example(wb.load_tokenizer("bytes")))


def test_tokenizers_that_share_a_name_are_not_added_up():
    two = [train_bpe(BATCH, size, name="mine") for size in (257, 270)]
    with pytest.raises(ValueError, match="two tokenizers are called 'mine'"):
        study.length_curve("parallel", two, [5], languages=["eng_Latn"])
    curves = [study.length_curve("parallel", tok, [5], languages=["eng_Latn"]) for tok in two]
    both = pl.concat(curves)
    with pytest.raises(ValueError, match="tokenizer 'mine', language 'eng_Latn'"):
        study.premiums(both, "eng_Latn")
    with pytest.raises(ValueError, match="tokenizer 'mine', language 'eng_Latn'"):
        study.verdict(both)
    with pytest.raises(ValueError, match="no language 'hin_Deva' to compare with"):
        study.verdict(curves[0], "hin_Deva")
