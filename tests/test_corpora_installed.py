"""Corpora built from what is installed: real, licensed, the same each time, and kept."""

import sysconfig
from pathlib import Path

import polars as pl
import pytest

from workbench.corpora import CorpusError, installed, load_corpus


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


def test_code_is_the_standard_library_to_the_byte():
    corpus = load_corpus("code")
    assert (corpus.languages, corpus.domains) == (("Python",), ("code",))
    frame = corpus.scan().collect()
    text = frame.filter(pl.col("doc_id") == "json/decoder.py")["text"].item()
    root = Path(sysconfig.get_path("stdlib"))
    assert text.encode() == (root / "json/decoder.py").read_bytes()
    assert frame["doc_id"].is_sorted()
    assert frame["doc_id"].n_unique() == frame.height > 300
    assert not any("test" in Path(one).parts for one in frame["doc_id"])
    assert corpus.licence == "PSF-2.0"
    assert pl.concat([shard.read() for shard in corpus.shards(1 << 20)]).equals(frame)


def test_licences_come_once_each():
    corpus = load_corpus("legal")
    frame = corpus.scan().collect()
    assert frame["text"].n_unique() == frame.height > 50
    assert frame["doc_id"].n_unique() == frame.height
    assert set(frame["domain"]) == {"legal"}
    assert frame["text"].str.contains("(?i)permission is hereby granted").any()
    assert corpus.skipped["duplicate"] > 0
    assert "duplicate" in repr(corpus)


def test_documentation_has_readmes_and_docstrings():
    corpus = load_corpus("docs")
    assert corpus.domains == ("docstring", "readme")
    frame = corpus.scan().collect()
    rows = dict(frame.select("doc_id", "text").rows())
    assert len(rows) == frame.height
    readme = rows["polars/README"]
    assert "Polars" in readme
    import inspect
    import json

    line = inspect.getsourcelines(json.dumps)[1]
    assert rows[f"json/__init__.py:dumps@{line}"] == inspect.getdoc(json.dumps)


def test_cldr_names_are_parallel_over_a_hundred_locales():
    corpus = load_corpus("cldr")
    assert len(corpus.languages) >= 100
    assert corpus.demonstration
    frame = corpus.scan().collect()
    per_locale = frame.group_by("language").len()["len"].unique()
    assert per_locale.len() == 1
    assert per_locale.item() > 200
    names = {
        (language, name): text
        for name, text, language in frame.select("doc_id", "text", "language").iter_rows()
    }
    assert names["de", "territory/FR"] == "Frankreich"
    assert names["en", "month/1"] == "January"
    assert names["ja", "weekday/0"] == "月曜日"
    assert set(corpus.domains) == {"territory", "language", "month", "weekday"}
    two = load_corpus("cldr", languages=["tr", "el"])
    assert two.languages == ("tr", "el")
    with pytest.raises(CorpusError, match=r"no language 'de_DE'.*'de'"):
        load_corpus("cldr", languages=["de_DE"])


@pytest.mark.parametrize("name", ["legal", "cldr"])
def test_a_built_corpus_is_kept_and_recalled_unchanged(name, cache, monkeypatch):
    first = load_corpus(name)
    assert installed.recall(name) is not None
    assert load_corpus(name).checksum == first.checksum
    assert load_corpus(name).skipped == first.skipped
    monkeypatch.setattr(installed, "RECIPE", -1)
    assert installed.recall(name) is None


def test_building_again_gives_the_same_documents_without_a_cache_too(monkeypatch, tmp_path, cache):
    first = load_corpus("legal").checksum
    (kept,) = cache.rglob("legal-*.parquet")
    kept.write_bytes(b"broken")
    assert load_corpus("legal").checksum == first
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert load_corpus("legal").checksum == first


def test_filters_reach_installed_corpora():
    only = load_corpus("docs").filter(domain="readme")
    assert only.domains == ("readme",)
    with pytest.raises(CorpusError, match="no language 'fra_Latn'"):
        load_corpus("legal", languages=["fra_Latn"])
