"""Compare: the table, the differences, and what is refused."""

import math
from functools import cache

import numpy as np
import polars as pl
import pytest

import workbench as wb
from workbench import metrics
from workbench.compare import SCHEMA, clustered, comparison, differences
from workbench.compare.rarefaction import default_sizes, expected_types, thin
from workbench.counting import TokenHistogram
from workbench.metrics import DocumentView, Metric, SumsVariant, pooled
from workbench.metrics.gini import gini

compare = wb.compare
LANGUAGES = ["eng_Latn", "deu_Latn", "rus_Cyrl", "hin_Deva", "zho_Hans"]


@cache
def parallel():
    return wb.load_corpus("parallel", languages=LANGUAGES)


@cache
def made():
    names = ["mistral-v1", "mistral-v3", "workbench-bpe", "bytes", "words"]
    return comparison(names, parallel(), by="language", cache=False, sample=40)


def one(table, **where):
    kept = table.filter(**where)
    assert len(kept) == 1, kept
    return kept.row(0, named=True)


def test_bytes_per_token_of_a_sentence():
    table = compare("words", pl.DataFrame({"text": ["to be or not"]}), ["compression.bytes"])
    row = one(table)
    assert row["value"] == 12 / 4
    assert row["unit"] == "bytes per token"
    assert row["n"] == 1
    assert row["ci_low"] is None  # one document says nothing about its spread
    assert table.schema == SCHEMA


def test_every_number_states_what_it_is():
    table = made().table
    assert table.schema == SCHEMA
    assert table["special_tokens"].unique().to_list() == ["none added, none read"]
    assert table.select("tokenizer", "group", "metric", "variant").is_duplicated().sum() == 0
    types = table.filter(metric="utilisation")
    assert types["ci_low"].null_count() == len(types)
    assert set(types["vocabulary"]) == {"declared", "observed"}
    ratio = table.filter(metric="compression", variant="bytes", tokenizer="workbench-bpe")
    assert (ratio["ci_low"] < ratio["value"]).all()
    assert (ratio["value"] < ratio["ci_high"]).all()


def test_values_are_those_of_a_plain_loop():
    tok = wb.load_tokenizer("workbench-bpe")
    documents = parallel().scan().collect()
    table = made().table.filter(tokenizer="workbench-bpe")
    texts = {
        language: dict(documents.filter(language=language).select("doc_id", "text").iter_rows())
        for language in LANGUAGES
    }
    for language in LANGUAGES:
        tokens = {i: len(tok.encode(t)) for i, t in texts[language].items()}
        reference = {i: len(tok.encode(t)) for i, t in texts["eng_Latn"].items()}
        mine = table.filter(group=language)
        size = sum(len(t.encode()) for t in texts[language].values())
        value = one(mine, metric="compression", variant="bytes")["value"]
        assert value == size / sum(tokens.values())
        premium = one(mine, metric="premium")["value"]
        assert premium == sum(tokens.values()) / sum(reference.values())
        parity = one(mine, metric="parity")["value"]
        assert parity == pytest.approx(np.mean([tokens[i] / reference[i] for i in tokens]))
        words = [tokens[i] / len(t.split()) for i, t in texts[language].items()]
        fertility = one(mine, metric="fertility", variant="whitespace_mean")["value"]
        assert fertility == pytest.approx(np.mean(words), abs=1e-9)


def test_the_reference_against_itself_is_one_without_doubt():
    for metric in ("premium", "parity"):
        row = one(made().table, tokenizer="words", group="eng_Latn", metric=metric)
        assert (row["value"], row["ci_low"], row["ci_high"]) == (1.0, 1.0, 1.0)


def test_what_does_not_exist_is_null_and_never_zero():
    table = made().table
    assert (
        one(table, tokenizer="words", group="deu_Latn", metric="utilisation", variant="declared")[
            "value"
        ]
        is None
    )
    empty = compare("bytes", pl.DataFrame({"text": ["", ""]}), ["compression", "fertility"])
    assert empty.filter(pl.col("metric") == "compression")["value"].null_count() == len(
        empty.filter(pl.col("metric") == "compression")
    )


def test_the_interval_narrows_with_the_corpus():
    rng = np.random.default_rng(0)
    texts = [" ".join(["ab", "c", "defg"][i] for i in rng.integers(0, 3, 20)) for _ in range(900)]
    few, many = (
        one(compare("words", pl.DataFrame({"text": texts[:n]}), ["compression.bytes"], cache=False))
        for n in (30, 900)
    )
    ratio = (few["ci_high"] - few["ci_low"]) / (many["ci_high"] - many["ci_low"])
    assert 3 < ratio < 9  # √30 = 5.5


def test_the_seed_gives_the_same_table():
    frame = pl.DataFrame({"text": [f"{'ab ' * (i % 7)}c" for i in range(60)]})
    tables = [
        compare("words", frame, ["compression.bytes"], seed=seed, cache=False) for seed in (1, 1, 2)
    ]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (None, {"all"}),
        ("language", set(LANGUAGES)),
        ("script", {"Latn", "Cyrl", "Deva", "Hans"}),
        (["script", "domain"], None),
        (lambda language, _domain: language[:1], {"e", "d", "r", "h", "z"}),
    ],
)
def test_groups(by, groups):
    table = compare("bytes", parallel(), ["compression.bytes"], by=by, cache=False)
    found = set(table["group"])
    assert found == groups if groups else all(" · " in name for name in found)


def test_special_tokens_are_named_where_they_count():
    frame = pl.DataFrame({"text": ["a b"] * 3})
    table = compare("mistral-v1", frame, ["compression.bytes"], add_special_tokens=True)
    assert table["special_tokens"][0] == "1 added to each document"


# --- differences ----------------------------------------------------------------------------------


def test_differences_are_paired():
    table = differences(made(), "bytes")
    row = one(
        table, tokenizer="workbench-bpe", group="eng_Latn", metric="compression", variant="bytes"
    )
    assert row["difference"] == row["value"] - row["baseline_value"]
    assert row["relative"] == pytest.approx(row["difference"] / row["baseline_value"])
    assert row["ci_low"] < row["difference"] < row["ci_high"]
    assert row["p_holm"] >= row["p"]
    assert not set(table["metric"]) & {"utilisation"}


def test_pairing_makes_the_interval_narrower_than_two_alone():
    rng = np.random.default_rng(5)
    texts = ["a" * int(n) + " b" for n in rng.lognormal(4, 1, 300)]
    texts = [t + "é" * (i % 3) for i, t in enumerate(texts)]
    table = compare(
        ["bytes", "characters"], pl.DataFrame({"text": texts}), ["compression.lines"], cache=False
    )
    alone = one(table, tokenizer="bytes")
    paired = one(differences(table, "characters"))
    assert paired["ci_high"] - paired["ci_low"] < 0.1 * (alone["ci_high"] - alone["ci_low"])


def test_tokenizers_that_segment_alike_do_not_differ():
    table = differences(made(), "mistral-v1").filter(tokenizer="mistral-v3")
    assert (table["difference"] == 0).all()
    assert (table["p_holm"] == 1).all()


def test_a_table_that_was_changed_cannot_be_resampled():
    with pytest.raises(ValueError, match="just as compare returned it"):
        differences(made().table.filter(pl.col("n") > 0))
    with pytest.raises(ValueError, match="baseline 'gpt' is not in this comparison"):
        differences(made(), "gpt")


# --- equity ---------------------------------------------------------------------------------------


def test_money_and_context_follow_the_premium():
    table = made().equity(price=10, window=1000)
    row = one(table, tokenizer="bytes", group="rus_Cyrl")
    assert (
        row["premium"]
        == one(made().table, tokenizer="bytes", group="rus_Cyrl", metric="premium")["value"]
    )
    assert row["cost"] == pytest.approx(10 * row["premium"])
    assert row["extra_cost"] == pytest.approx(10 * (row["premium"] - 1))
    assert row["window"] == pytest.approx(1000 / row["premium"])
    worst = table.filter(pl.col("tokenizer") == "bytes").sort("rank")
    assert worst["premium"].is_sorted(descending=True)


def test_inequality_stands_beside_its_maximum():
    table = made().inequality()
    assert (table["maximum"] == 1 - 1 / len(LANGUAGES)).all()
    row = one(table, tokenizer="workbench-bpe", variant="per_document")
    counts = made().measured.groups["workbench-bpe"]
    costs = [g.total("tokens") / g.total("documents") for g in counts.values()]
    plain = sum(abs(a - b) for a in costs for b in costs) / (2 * 25 * np.mean(costs))
    assert row["gini"] == pytest.approx(plain)
    assert row["ci_low"] < row["gini"] < row["ci_high"]


def test_the_lorenz_curve_ends_in_all_and_its_area_is_the_gini():
    curve = made().lorenz().filter(pl.col("tokenizer") == "bytes")
    assert curve.row(0)[2:] == (0.0, 0.0)
    assert curve["languages"][-1] == 1
    assert curve["tokens"][-1] == pytest.approx(1)
    assert (curve["tokens"] <= curve["languages"] + 1e-9).all()
    steps = np.diff(curve["languages"])
    heights = (curve["tokens"].to_numpy()[1:] + curve["tokens"].to_numpy()[:-1]) / 2
    row = one(made().inequality(), tokenizer="bytes", variant="per_document")
    assert 1 - 2 * (steps * heights).sum() == pytest.approx(row["gini"])


def test_equity_without_a_reference_says_what_to_do():
    plain = comparison("bytes", parallel(), ["compression"], cache=False)
    with pytest.raises(ValueError, match="by='language', reference="):
        plain.equity()
    with pytest.raises(ValueError, match="price is a positive number"):
        made().equity(price=0)


def test_one_who_pays_all_is_the_maximum():
    assert gini(np.array([0.0, 0.0, 0.0, 8.0])) == 1 - 1 / 4


# --- rarefaction ----------------------------------------------------------------------------------


def test_drawing_tokens_gives_the_expected_number_of_types():
    rng = np.random.default_rng(3)
    counts = rng.zipf(1.6, 300).clip(max=5000)
    histogram = TokenHistogram(np.arange(300), counts)
    draws = [len(thin(histogram, 200, rng).ids) for _ in range(200)]
    assert np.mean(draws) == pytest.approx(expected_types(counts, 200), rel=0.02)
    assert expected_types(counts, int(counts.sum())) == pytest.approx(300)
    with pytest.raises(ValueError, match="cannot draw"):
        expected_types(counts, int(counts.sum()) + 1)


def test_a_curve_of_types_grows_and_holds_its_estimate():
    curve = made().rarefaction(["utilisation.used"], [100, 500]).filter(tokenizer="workbench-bpe")
    for group in LANGUAGES:
        values = curve.filter(group=group).sort("tokens")["value"]
        assert values[0] < values[1]
    whole = made().measured.groups["workbench-bpe"]["eng_Latn"].histogram
    row = one(curve, group="eng_Latn", tokens=500)
    assert row["value"] == pytest.approx(expected_types(whole.counts, 500), rel=0.05)
    small = one(curve, group="eng_Latn", tokens=100)
    assert abs(small["half_a"] - small["half_b"]) < 30
    assert default_sizes(0) == []


def test_ratios_are_not_rarefied():
    with pytest.raises(ValueError, match="compression: rarefaction is for type counts"):
        made().rarefaction(["compression"])


# --- agreement ------------------------------------------------------------------------------------


def test_tokenizers_that_segment_alike_are_one():
    classes = made().alike()
    assert ["mistral-v1", "mistral-v3"] in classes
    assert len(classes) == 4
    folded = made().folded().filter(metric="compression", variant="bytes", group="eng_Latn")
    assert "mistral-v3" not in folded["tokenizer"]
    assert one(folded, tokenizer="mistral-v1")["like"] == ["mistral-v3"]
    declared = made().folded().filter(variant="declared", group="eng_Latn")
    assert "mistral-v3" in declared["tokenizer"]


def test_agreement_of_boundaries():
    table = made().agreement(["boundary_agreement"])
    assert len(table) == 2 * 6
    row = one(table, tokenizer="bytes", other="words", variant="kappa")
    assert row["value"] == pytest.approx(0, abs=1e-12)  # bytes cut everywhere: agreement is chance
    f1 = table.filter(pl.col("variant") == "f1")
    assert ((f1["ci_low"] <= f1["value"]) & (f1["value"] <= f1["ci_high"])).all()
    every = made().agreement(["boundary_agreement.f1"], fold=False)
    assert one(every, tokenizer="mistral-v1", other="mistral-v3")["value"] == 1
    with pytest.raises(ValueError, match="fertility measure one tokenizer"):
        made().agreement(["fertility"])


def test_clusters_put_neighbours_side_by_side():
    pairs = {("a", "b"): 0.9, ("c", "d"): 0.95, ("a", "c"): 0.1, ("a", "d"): 0.1}
    pairs |= {("b", "c"): 0.2, ("b", "d"): 0.1}
    table = pl.DataFrame(
        [
            {"tokenizer": a, "other": b, "variant": "f1", "value": value}
            for (a, b), value in pairs.items()
        ]
    )
    matrix = clustered(table)
    assert len(matrix) == 16
    cluster = dict(matrix.select("tokenizer", "cluster").unique().iter_rows())
    assert cluster["a"] == cluster["b"] != cluster["c"] == cluster["d"]
    place = dict(matrix.select("tokenizer", "row").unique().iter_rows())
    assert abs(place["a"] - place["b"]) == abs(place["c"] - place["d"]) == 1
    with pytest.raises(ValueError, match="no variant 'jaccard'"):
        clustered(table, "jaccard")


# --- metrics of one's own, and errors -------------------------------------------------------------


def count_vowels(view: DocumentView):
    return {"vowels": sum(c in "aeiou" for c in view.text), "tokens": len(view.ids)}


VOWELS = Metric(
    name="vowels",
    title="Vowels",
    summary="Vowels for a token.",
    source="this test",
    probe=count_vowels,
    variants=(pooled("pooled", "vowels.vowels", "vowels.tokens", unit="vowels per token"),),
)


def test_a_metric_of_ones_own():
    frame = pl.DataFrame({"text": ["banana ok"] * 30})
    row = one(compare("words", frame, [VOWELS], sample=10, cache=False))
    assert row["value"] == 4 / 2
    assert row["n"] == 10


def test_a_probe_that_fails_is_named():
    def fails(view):
        raise RuntimeError("no")

    metric = Metric(
        name="bad",
        title="Bad",
        summary="Fails.",
        source="this test",
        probe=fails,
        variants=(pooled("x", "bad.a", "bad.b", unit="none"),),
    )
    with pytest.raises(RuntimeError, match=r"metric 'bad' failed on document '0' under 'words'"):
        compare("words", pl.DataFrame({"text": ["a"]}), [metric], cache=False)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"metrics": ["fertilty"]}, KeyError, "did you mean fertility"),
        ({"metrics": ["fertility.mean"]}, KeyError, "no variant 'mean'"),
        ({"metrics": [3]}, TypeError, "asked for by name"),
        ({"metrics": ["premium"]}, ValueError, "needs a reference group"),
        ({"metrics": ["compression.tokens_per_character_mean"]}, ValueError, "over groups"),
        ({"by": "country"}, ValueError, "by is 'language'"),
        ({"reference": "tlh"}, ValueError, "'tlh' is not among the groups"),
        ({"sample": 0}, ValueError, "at least 1"),
        ({"method": "normal", "metrics": ["compression.bytes"]}, ValueError, "method is"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(options, error, sentence):
    with pytest.raises(error, match=sentence):
        compare("bytes", pl.DataFrame({"text": ["a"] * 9}), cache=False, **options)


def test_no_tokenizers_and_no_documents():
    with pytest.raises(ValueError, match="at least one tokenizer"):
        compare([], pl.DataFrame({"text": ["a"]}))
    with pytest.raises(ValueError, match="holds no documents"):
        compare("bytes", pl.DataFrame({"text": []}, schema={"text": pl.String}), cache=False)
    with pytest.raises(ValueError, match="two tokenizers are called 'bytes'"):
        compare(["bytes", "bytes"], pl.DataFrame({"text": ["a"]}))


def test_a_metric_that_nobody_can_compute_is_refused():
    with pytest.raises(ValueError, match="nobody counts"):
        Metric(
            name="m",
            title="",
            summary="",
            source="",
            variants=(pooled("x", "syllables", "tokens", unit=""),),
        )
    with pytest.raises(ValueError, match="has no probe"):
        Metric(
            name="m",
            title="",
            summary="",
            source="",
            variants=(pooled("x", "m.a", "tokens", unit=""),),
        )
    with pytest.raises(ValueError, match="only a RelativeVariant"):
        Metric(
            name="m",
            title="",
            summary="",
            source="",
            variants=(pooled("x", "paired", "tokens", unit=""),),
        )


def test_the_description_of_every_metric_is_complete():
    table = metrics.describe_metrics()
    text = [c for c in table.columns if c not in {"vocabulary", "better"}]
    assert (table.select(pl.col(text).str.len_chars().min()).row(0)) > (0,) * len(text)
    assert table.select("metric", "variant").is_duplicated().sum() == 0


def test_formulas_hold_for_every_shape():
    for metric in metrics.all_metrics().values():
        for variant in metric.variants:
            if isinstance(variant, SumsVariant):
                sums = {need: np.full((3, 4), 6.0) for need in variant.needs}
                assert np.shape(variant.value(sums)) == (3, 4), (metric.name, variant.name)
                zero = variant.value({need: np.zeros(2) for need in variant.needs})
                assert np.isnan(zero).all(), (metric.name, variant.name)
                scalar = variant.value({need: np.array(6.0) for need in variant.needs})
                assert math.isfinite(float(scalar)) or np.isnan(scalar)
