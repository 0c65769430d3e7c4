"""Each study's notebook, run in this process on small parameters: what it computes is checked."""

import ast
import re

import nbformat
import polars as pl
import pytest
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer

import workbench as wb
from workbench.studies.documents import documents_of
from workbench.studies.verdicts import COLUMNS
from workbench.views.charts import Figure

SMALL = {
    "byte_probabilities": {
        "tokenizers": ["workbench-bpe"],
        "texts": 3,
        "cuts_per_text": 3,
        "learn": 60,
        "prompts": 10,
        "seeds": [0],
    },
    "dynamic_tokenization": {
        "tokenizers": ["mistral-v1"],
        "languages": ["eng_Latn", "hin_Deva"],
        "merges": [0, 10],
    },
    "stochastok": {
        "tokenizers": ["workbench-bpe"],
        "ps": [0.1],
        "most": 10,
        "lab_per_cell": 5,
    },
    "supertokens": {
        "beside": [],
        "sizes": [300, 500],
        "tokenizers": ["bytes"],
        "most_characters": 20_000,
    },
    "boundary_stability": {
        "tokenizers": ["mistral-v3"],
        "kinds": ["characters", "case"],
        "paragraphs": 10,
        "size": 600,
    },
    "morphology": {"tokenizers": ["mistral-v3"], "gold": ["tur_Latn"], "folds": 2, "size": 400},
    "over_segmentation": {
        "tokenizers": ["mistral-v3", "bytes"],
        "languages": ["eng_Latn", "hin_Deva", "deu_Latn"],
        "documents": 8,
    },
    "transplant": {
        "tokenizers": ["workbench-bpe", "workbench-unigram"],
        "beside": [],
        "dimensions": 16,
        "model_tokenizer": "workbench-bpe",
        "model_words": 50,
    },
    "vocabulary_trimming": {
        "tokenizers": ["workbench-bpe"],
        "groups": ["eng_Latn", "hin_Deva"],
        "min_counts": [1, 2],
    },
    "word_pooling": {
        "tokenizers": ["workbench-bpe"],
        "languages": ["eng_Latn", "tha_Thai"],
        "rates": [0.05],
    },
    "theory": {
        "sizes": [4, 16],
        "length": 5_000,
        "seeds": [0, 1],
        "tokenizers": ["workbench-bpe"],
        "entries": [300],
    },
    "token_scores": {"tokenizers": ["workbench-bpe", "characters"], "texts": 4},
}


def read(root, name):
    return nbformat.read(root / "notebooks" / "studies" / f"{name}.ipynb", as_version=4)


def run(notebook, parameters):
    """Execute the code cells; the values that a cell would show are kept, drawn and returned."""
    space, shown = {}, []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "cell", "exec"), space)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), space)
            shown.append(value)
            if hasattr(value, "_repr_html_"):
                assert value._repr_html_()
        if "parameters" in cell.metadata.get("tags", ()):
            assert set(parameters) <= set(space), "a small parameter is not one of the notebook"
            space.update(parameters)
    return space, shown


@pytest.mark.parametrize("name", SMALL)
def test_it_runs_on_small_parameters_and_ends_in_a_verdict(root, name, monkeypatch):
    monkeypatch.delenv("WORKBENCH_REPORT_DIR", raising=False)
    space, shown = run(read(root, name), SMALL[name])
    verdict = space["verdict"]
    assert isinstance(verdict, pl.DataFrame)
    assert verdict.columns == list(COLUMNS)
    assert verdict.height >= 2
    assert verdict["value"].is_finite().all()
    inside = verdict.drop_nulls("ci_low")
    assert (inside["ci_low"] <= inside["value"]).all()
    assert (inside["value"] <= inside["ci_high"]).all()
    figures = [value for value in shown if isinstance(value, Figure)]
    assert figures, "a study shows a chart"
    assert all(f.to_svg().startswith("<svg") for f in figures)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A reader's own things: two tokenizer.json files, and texts.

    The one is a file of one sentence a line, which names no language; the other names German and
    Turkish, as readers write them.
    """
    folder = tmp_path_factory.mktemp("own")
    lines = " ".join(documents_of("prose", "eng_Latn")[:4]).split(". ")
    text = folder / "mine.txt"
    text.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    tagged = folder / "mine.jsonl"
    shared = wb.load_corpus("parallel", languages=["deu_Latn", "tur_Latn"]).scan().collect()
    german = pl.DataFrame({"text": documents_of("prose", "deu_Latn")}).select(
        doc_id=pl.format("prose {}", pl.int_range(pl.len())), text="text", language=pl.lit("de")
    )
    short = shared.with_columns(pl.col("language").str.head(2)).select(german.columns)
    pl.concat([short, german]).write_ndjson(tagged)
    files = []
    for name, size in (("first-of-mine", 900), ("second-of-mine", 700)):
        library = Library(models.BPE())
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        library.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        library.train_from_iterator(
            lines, BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        )
        (folder / name).mkdir()
        files.append(folder / name / "tokenizer.json")
        library.save(str(files[-1]))
    toks = [str(path) for path in files]
    return {
        "no language": {"tokenizers": toks, "corpus": str(text)},
        "no English": {"tokenizers": toks, "corpus": str(tagged)},
    }


@pytest.mark.parametrize("kind", ["no language", "no English"])
@pytest.mark.parametrize("name", SMALL)
def test_it_works_with_the_readers_own_tokenizers_and_text(root, name, kind, own, monkeypatch):
    monkeypatch.delenv("WORKBENCH_REPORT_DIR", raising=False)
    # What tells of languages stays as it is: the text has none or others, and nobody is asked.
    theirs = {"languages", "groups", "gold"}
    small = {key: value for key, value in SMALL[name].items() if key not in theirs}
    space, shown = run(read(root, name), small | own[kind])
    assert space["verdict"].height >= 2
    assert space["verdict"]["value"].is_finite().all()
    tables = [value for value in (*space.values(), *shown) if isinstance(value, pl.DataFrame)]
    words = {str(cell) for table in tables for row in table.rows() for cell in row}
    assert any("first-of-mine" in word for word in words), "the tokenizers are not in a table"
    assert any("second-of-mine" in word for word in words)


@pytest.mark.parametrize("name", SMALL)
def test_it_reads_like_prose_and_carries_no_output(root, name):
    notebook = read(root, name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0].metadata.tags == ["parameters"]
    for line in code[0].source.splitlines():
        assert re.fullmatch(r"\w+: [\w\[\]]+ = .+  # .+", line), line
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert all(len(cell.source.splitlines()) <= 15 for cell in code)
    opening = notebook.cells[0].source
    for word in ("# ", "**Claim", "**Method**", "**What this can show**", "**What it cannot**"):
        assert word in opening
    assert "?" in opening.splitlines()[0]
