"""Smaller vocabularies: they load, cut the same where they must, and coverage is counted."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.studies import vocabulary_trimming as study
from workbench.studies.verdicts import COLUMNS
from workbench.vocabulary.pruning import prune

NAMES = ("workbench-bpe", "workbench-unigram", "workbench-wordpiece", "mistral-v3", "tekken")


@pytest.fixture(scope="module")
def groups():
    return study.documents_by(
        wb.load_corpus("prose"), groups=["eng_Latn", "hin_Deva"], most_characters=6000
    )


@pytest.fixture(scope="module", params=NAMES)
def pruning(request, groups):
    return study.smaller(wb.load_tokenizer(request.param), groups["eng_Latn"])


def test_it_loads_and_cuts_what_it_was_made_from_as_before(pruning, groups):
    learnt = [t for i, t in enumerate(groups["eng_Latn"]) if i % 5 != 4]
    checks = study.same_where_kept(pruning, learnt)
    assert checks["kept"].all()
    assert checks["same"].all()
    assert checks["decoded"].all()
    assert len(pruning.trimmed.ids()) < len(pruning.tokenizer.ids())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_text_of_kept_tokens_is_cut_as_before(pruning, groups, data):
    words = sorted({w for text in groups["eng_Latn"] for w in text.split()})
    mixed = st.lists(st.sampled_from(words) | st.text(max_size=4), max_size=6)
    text = " ".join(data.draw(mixed))
    row = study.same_where_kept(pruning, [text]).row(0, named=True)
    assert row["same"] == row["kept"]


@pytest.mark.parametrize("name", NAMES)
def test_coverage_is_what_is_counted(name, groups):
    tok = wb.load_tokenizer(name)
    table = study.coverage([tok], groups, [1, 3])
    for row in table.to_dicts():
        pruning = study.smaller(tok, groups[row["group"]], row["min_count"])
        less = pruning.trimmed
        held = [t for i, t in enumerate(groups[row["group"]]) if i % 5 == 4]
        before = [tok.encode(text) for text in held]
        after = [less.encode(text) for text in held]
        ids, made = [i for one in before for i in one], [i for one in after for i in one]
        assert row["covered"] == pytest.approx(sum(i in pruning.new_ids for i in ids) / len(ids))
        assert row["share_kept"] == len(pruning.new_ids) / len(tok.ids())
        assert row["length"] == len(made) / len(ids)
        assert row["held_out"] == len(held)
        same = [
            [tok.piece(i) for i in old] == [less.piece(i) for i in new]
            for old, new in zip(before, after, strict=True)
        ]
        assert row["unchanged"] == sum(same) / len(held)
        decoded = [tok.decode(o) == less.decode(n) for o, n in zip(before, after, strict=True)]
        assert row["decoded"] == sum(decoded) / len(held)
        assert row["unknown_before"] == ids.count(tok.unk_id) / len(ids)
        assert row["unknown"] == made.count(less.unk_id) / len(made)
        # What is spelled in bytes is never lost; then texts only grow.
        if row["unknown"] == row["unknown_before"] and row["decoded"] == 1:
            assert row["length"] >= 1
    by = {(r["group"], r["min_count"]): r for r in table.to_dicts()}
    for group in groups:
        assert by[group, 3]["entries"] <= by[group, 1]["entries"]
        assert by[group, 3]["covered"] <= by[group, 1]["covered"]
        assert by[group, 3]["floor"] == by[group, 1]["floor"] <= by[group, 3]["entries"]


def test_the_interval_resamples_held_out_sentences(groups):
    tok = wb.load_tokenizer("workbench-bpe")
    texts = groups["eng_Latn"]
    row = study.coverage([tok], {"en": texts}, [2], seed=5).row(0, named=True)
    kept = study.smaller(tok, texts, 2).new_ids
    held = [tok.encode(text) for i, text in enumerate(texts) if i % 5 == 4]
    inside = np.array([sum(i in kept for i in ids) for ids in held])
    tokens = np.array([len(ids) for ids in held])
    drawn = np.random.default_rng(5).multinomial(
        len(held), np.full(len(held), 1 / len(held)), size=1000
    )
    low, high = np.quantile(drawn @ inside / (drawn @ tokens), [0.025, 0.975])
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high))
    assert low < row["covered"] < high
    one = study.coverage([tok], {"en": texts[:5]}, [1]).row(0, named=True)
    assert one["ci_low"] is None


@pytest.mark.parametrize("name", ["workbench-wordpiece", "workbench-unigram"])
def test_text_that_turns_unknown_is_shorter_and_lost(name):
    tok = wb.load_tokenizer(name)
    texts = study.documents_by(wb.load_corpus("parallel"), groups=["jpn_Jpan"])
    table = study.coverage([tok], texts, [1])
    row = table.row(0, named=True)
    assert row["unknown"] > row["unknown_before"]
    assert row["decoded"] < 1
    said = study.verdict(table, study.same_where_kept(study.smaller(tok, ["a"] * 10), []))
    assert f"{row['unknown']:.1%} of tokens become unknown" in said["verdict"][0]
    assert "no longer" not in said["verdict"][0]


def test_the_floor_is_kept_whatever_a_group_uses(groups):
    tok = wb.load_tokenizer("mistral-v3")
    row = study.coverage([tok], groups, [10**9]).row(0, named=True)
    assert row["entries"] == row["floor"] == len(prune(tok, ["", ""]).new_ids)


def test_groups_are_of_like_size_and_whole_sentences(groups):
    for texts in groups.values():
        assert 6000 <= sum(map(len, texts)) < 7500
        assert all(text.strip() for text in texts)
    named = study.documents_by(wb.load_corpus("prose"), "domain", most_characters=2000)
    assert len(named) >= 1
    untagged = wb.load_corpus(pl.DataFrame({"text": ["One. Two! Three?"] * 4}))
    assert list(study.documents_by(untagged, groups=["eng_Latn"])) == ["(no language)"]


def sentences_of(text, **options):
    corpus = wb.load_corpus(pl.DataFrame({"text": [text]}))
    return study.documents_by(corpus, **options)["(no language)"]


@pytest.mark.parametrize(
    ("sentences", "between"),
    [
        (["早上好！", "您要咖啡还是茶？", "火车7点45分开。"], ""),
        (["おはようございます。", "彼は「はい。」と言った。", "本当ですか！？"], ""),
        (["朝です。", "夜です。"], " "),
        (["صباح الخير.", "هل ترغب في القهوة؟", "نعم!"], " "),
        (["یہ ایک کتاب ہے۔", "کیا یہ کتاب ہے؟"], " "),
        (["ባቡሩ ይነሳል።", "ቡና ይፈልጋሉ፧", "አዎ፡፡", "ደህና።"], " "),
        (["อรุณสวัสดิ์", "คุณอยากดื่มกาแฟหรือชา", "รถไฟออกเวลา 7:45 น."], " "),
        (["यह एक किताब है।", "क्या यह किताब है?"], " "),
        (["It costs 3.50.", "Does it?", "Yes!"], " "),
        (["One line", "and another"], "\n"),
    ],
)
def test_sentences_end_where_their_script_ends_them(sentences, between):
    assert sentences_of(between.join(sentences * 5)) == sentences * 5


def test_published_sentences_are_found_again_once_they_are_joined(oracles):
    for language, between in {
        "zho_Hans": "",
        "jpn_Jpan": "",
        "amh_Ethi": " ",
        "arb_Arab": " ",
    }.items():
        lines = (oracles / "flores200" / f"{language}.dev").read_text("utf-8").splitlines()[:200]
        found = sentences_of(between.join(line.strip() for line in lines))
        assert 195 <= len(found) <= 225, language


def test_unseen_text_is_covered_as_published(oracles):
    # Entries used on dev cover devtest: "Llama-2, German 14.3% for 95.2%, Russian 8.1% for 99.0%".
    tok = wb.load_tokenizer(oracles / "tokenizers" / "phi-3-medium.json")
    for language, share, covered in [("deu_Latn", 0.143, 0.952), ("rus_Cyrl", 0.081, 0.990)]:
        flores = oracles / "flores200" / language
        dev, unseen = (
            flores.with_suffix(part).read_text("utf-8").splitlines()
            for part in (".dev", ".devtest")
        )
        used = {i for ids in tok.encode_batch(dev) for i in ids}
        ids = [i for one in tok.encode_batch(unseen) for i in one]
        assert len(used) / len(tok.ids()) == pytest.approx(share, abs=5e-4)
        assert sum(i in used for i in ids) / len(ids) == pytest.approx(covered, abs=5e-4)
        # Merge ancestors and bytes come on top, and cover a little more.
        kept = prune(tok, dev, keep=dev).new_ids
        assert used < set(kept)
        assert share < len(kept) / len(tok.ids()) < share + 0.03
        assert covered - 5e-4 < sum(i in kept for i in ids) / len(ids) < covered + 0.01


def a_row(**values):
    row = {
        "tokenizer": "t", "group": "g", "min_count": 1, "share_kept": 0.25, "covered": 0.9,
        "ci_low": 0.8, "ci_high": 0.95, "length": 1.0, "unknown_before": 0.0, "unknown": 0.0,
        "decoded": 1.0, "held_out": 20,
    }  # fmt: skip
    return row | values


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "texts no longer"),
        ({"length": 1.125}, "texts 12.5% longer: something is lost"),
        (
            {"length": 0.9, "unknown": 0.25, "decoded": 0.5},
            "25.0% of tokens become unknown, 50.0% of texts decode differently: text is lost",
        ),
        (
            {"unknown": 0.25, "unknown_before": 0.125},
            "25.0% of tokens become unknown (12.5% were): text is lost",
        ),
        ({"unknown": 0.25, "unknown_before": 0.25}, "texts no longer"),
        ({"length": 0.5, "decoded": 0.75}, "25.0% of texts decode differently: text is lost"),
    ],
)
def test_the_verdict_says_what_happens_to_texts(values, said):
    table = pl.DataFrame([a_row(**values), a_row(min_count=2, covered=0.1)])
    checks = pl.DataFrame({"kept": [True, True, False], "same": [True, False, False]})
    first, second = study.verdict(table, checks).to_dicts()
    assert first["measure"] == "share of held-out tokens covered, g, t"
    assert (first["value"], first["ci_low"], first["ci_high"]) == (0.9, 0.8, 0.95)
    assert first["verdict"] == f"25.0% of the entries is kept; {said}"
    assert (second["value"], second["ci_low"], second["ci_high"]) == (0.5, None, None)
    assert second["measure"] == "share of 2 such texts"
    assert second["verdict"] == "does not hold"


def test_the_verdict_says_what_is_lost(groups, pruning):
    table = study.coverage([pruning.tokenizer], groups, [1])
    checks = study.same_where_kept(pruning, groups["eng_Latn"])
    verdict = study.verdict(table, checks)
    assert verdict.columns == list(COLUMNS)
    assert verdict["verdict"].to_list()[-1] == "holds"
    assert verdict.height == 3


def test_mistakes_are_named():
    corpus = wb.load_corpus("prose")
    with pytest.raises(ValueError, match="'language' or 'domain'"):
        study.documents_by(corpus, "text")
    with pytest.raises(ValueError, match="ten are the least") as told:
        study.documents_by(corpus, groups=["eng_Latn"], most_characters=100)
    assert "Choose other groups with `groups`, or give more text" in str(told.value)
    with pytest.raises(ValueError, match="prose has no domain 'law': choose among "):
        study.documents_by(corpus, "domain", ["law"])
    with pytest.raises(wb.TokenizerError, match="a rule, not a vocabulary"):
        study.smaller(wb.load_tokenizer("bytes"), ["a"] * 10)
    with pytest.raises(ValueError, match="not one text"):
        study.smaller(wb.load_tokenizer("workbench-bpe"), "one string")


def test_bad_input_of_coverage_is_named():
    tok = wb.load_tokenizer("workbench-bpe")
    with pytest.raises(ValueError, match="not one text: pass"):
        study.coverage([tok], {"g": "one string"})
    for tokenizers, groups, counts in [
        ([tok], {"g": ["a"] * 10}, []),
        ([tok], {}, [1]),
        ([], {}, [1]),
    ]:
        with pytest.raises(ValueError, match="one of `min_counts`"):
            study.coverage(tokenizers, groups, counts)
    with pytest.raises(ValueError, match=r"'g' that are held out.*give texts that are not empty"):
        study.coverage([tok], {"g": ["a", "b", "c", "d", ""] * 2})


def test_a_group_that_nobody_named_may_be_too_small():
    few = [("Ein Satz.", "de")] * 9
    rows = [("A sentence.", "en")] * 10 + few
    corpus = wb.load_corpus(
        pl.DataFrame(rows, schema=["text", "language"], orient="row"), name="mixed"
    )
    for groups in ([], ["all"]):
        texts, notes = study.choose_documents(corpus, groups=groups)
        assert texts == {"en": ["A sentence."] * 10}
        assert [note.partition("; ")[0] for note in notes] == [
            "de is left out: it has 9 sentences in mixed"
        ]
    assert list(study.documents_by(corpus)) == ["en"]
    with pytest.raises(ValueError, match="'de' has 9 sentences in mixed; ten are the least"):
        study.choose_documents(corpus, groups=["en", "de"])
    small = wb.load_corpus(pl.DataFrame(few, schema=["text", "language"], orient="row"))
    with pytest.raises(ValueError, match=r"'de' has 9 .*Choose other groups"):
        study.choose_documents(small)


def test_the_usual_languages_are_chosen_where_the_corpus_has_them():
    texts, notes = study.choose_documents(wb.load_corpus("prose"), most_characters=3000)
    assert (set(texts), notes) == (set(study.SHOWN), [])
    domains, _ = study.choose_documents(wb.load_corpus("prose"), "domain", most_characters=3000)
    assert list(domains) == list(
        study.documents_by(wb.load_corpus("prose"), "domain", most_characters=3000)
    )
