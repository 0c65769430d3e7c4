"""Notebooks run on small parameters: what they compute is what can be known beforehand."""

from pathlib import Path

import polars as pl
import pytest

from workbench.reports import ReportRequest, render_reports

ROOT = Path(__file__).resolve().parent.parent.parent

SMALL = {
    "02_character_tasks": {
        "per_cell": 10,
        "tokenizers": ["workbench-bpe", "characters"],
        "lab_per_cell": 10,
    },
    "03_tokenizer_comparison": {
        "tokenizers": ["bytes", "characters", "workbench-bpe"],
        "languages": ["eng_Latn", "ell_Grek"],
        "texts": ["prose"],
        "sample": 12,
    },
    "04_vocabulary_audit": {
        "tokenizers": ["workbench-bpe"],
        "beside": [],
        "documents": 40,
    },
}
PRESENT = {
    name: values for name, values in SMALL.items() if (ROOT / f"notebooks/{name}.ipynb").is_file()
}


class Tables:
    """The tables of one run by name."""

    def __init__(self, result):
        assert result.error is None, result.error
        self.paths = {path.stem: path for path in result.tables}

    def __getattr__(self, name):
        return pl.read_parquet(self.paths[name])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Every small run, twice, in folders of their own: the second must give the same bytes."""
    requests = [ReportRequest(name, values) for name, values in PRESENT.items()]
    made = []
    for turn in ("first", "second"):
        folder = tmp_path_factory.mktemp(turn)
        results = render_reports(requests, output_dir=folder, jobs=2)
        made.append(dict(zip(PRESENT, results, strict=True)))
    return made


@pytest.fixture
def tables(runs):
    return lambda name: Tables(runs[0][name])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PRESENT)
def test_two_runs_give_the_same_files_to_the_byte(runs, name):
    first, second = (
        {
            path.name: path.read_bytes()
            for table in run[name].tables
            for path in (table, table.with_suffix(".csv"))
        }
        for run in runs
    )
    assert first.keys() == second.keys()
    assert [table for table in first if first[table] != second[table]] == []


def test_character_tasks_ask_what_was_asked_for(tables):
    made = tables("02_character_tasks")
    # Four tasks, words of 4 to 10 letters, ten items in each cell.
    assert made.golds.group_by("task").agg(pl.col("n").sum())["n"].to_list() == [70] * 4
    accuracy = made.accuracy
    assert accuracy["accuracy"].is_between(0, 1).all()
    assert (accuracy["ci_low"] <= accuracy["accuracy"]).all()
    assert (accuracy["accuracy"] <= accuracy["ci_high"]).all()
    # Who always says one is right exactly where the answer is one.
    ones = made.golds.filter(pl.col("answer") == 1).select("task", share=pl.col("n") / 70)
    said = accuracy.filter((pl.col("model") == "always one") & (pl.col("parser") == "strict"))
    both = said.join(ones, on="task", how="left").with_columns(pl.col("share").fill_null(0))
    assert both.height == 4
    assert both["accuracy"].to_list() == pytest.approx(both["share"].to_list())
    assert both["always_one"].to_list() == pytest.approx(both["share"].to_list())


def test_the_laboratory_tells_every_arm_beside_its_baseline(tables):
    made = tables("02_character_tasks")
    accuracy = made.laboratory_accuracy
    assert accuracy["arm"].n_unique() == 6
    assert set(accuracy["kind"]) == {"known", "rare token"}
    # Seven lengths, ten items each, known or not.
    items = accuracy.filter(arm="characters").group_by("task").agg(pl.col("items").sum())
    assert items["items"].to_list() == [70] * 4
    assert (accuracy["value"] >= accuracy["ci_low"]).all()
    verdict = made.laboratory_verdict
    assert verdict["verdict"].null_count() == 0
    assert made.laboratory_training.height == 18


def test_a_comparison_counts_bytes_and_characters_as_one_each(tables):
    made = tables("03_tokenizer_comparison")
    metrics = made.metrics.filter(metric="compression", aggregation="pooled")

    def of(tokenizer, variant):
        rows = metrics.filter(tokenizer=tokenizer, variant=variant)
        return rows.filter(pl.col("group").is_in(["eng_Latn", "ell_Grek"]))["value"].to_list()

    assert of("bytes", "bytes") == [1.0, 1.0]
    assert of("characters", "characters") == [1.0, 1.0]
    # A Greek letter has two bytes, an English one has one.
    greek = metrics.filter(tokenizer="bytes", variant="characters", group="ell_Grek")[
        "value"
    ].item()
    english = metrics.filter(tokenizer="bytes", variant="characters", group="eng_Latn")["value"]
    assert 0.5 < greek < 0.65
    assert 0.97 < english.item() <= 1.0
    assert set(made.metrics["tokenizer"]) == {"bytes", "characters", "workbench-bpe"}


def test_an_audit_counts_every_entry_once(tables):
    import workbench as wb

    made = tables("04_vocabulary_audit")
    size = wb.load_tokenizer("workbench-bpe").vocab_size
    for table in (made.classes, made.status):
        assert table["entries"].sum() == size
        assert table["percent"].sum() == pytest.approx(100)
    pruning = made.pruning.sort("min_count")
    assert pruning["entries"].is_sorted(descending=True)
    assert pruning["covered"].is_between(0, 1).all()


@pytest.mark.timeout(300)
def test_a_reader_compares_on_a_text_file_that_names_no_language(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text(
        "\n".join(f"Line {i} of a text of mine.\n" for i in range(90)), encoding="utf-8"
    )
    given = {"tokenizers": ["workbench-bpe", "bytes"], "corpus": str(mine)}
    requests = [
        ReportRequest("01_token_boundaries", given),
        ReportRequest("03_tokenizer_comparison", given | {"texts": ["prose"]}),
    ]
    first, second = render_reports(requests, output_dir=tmp_path / "out", jobs=2)
    assert Tables(first).premium["language"].n_unique() == 31  # the bundled sentences stand in
    assert "mine.txt has no two languages that say the same" in first.html.read_text("utf-8")
    metrics = Tables(second).metrics
    assert set(metrics["group"]) == {"(no language)"}
    assert not set(metrics["metric"]) & {"premium", "parity", "gini"}
    lengths = metrics.filter(tokenizer="bytes", metric="compression", variant="bytes")
    assert lengths["value"].item() == 1
    assert lengths["n"].item() == 179  # every line, though 60 are the most of each of several
    assert "The languages of mine.txt do not all say the same" in second.html.read_text("utf-8")
