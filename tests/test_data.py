"""The small texts, word lists and gold segmentations that ship in data/."""

import csv
import importlib.util
import json
import shutil
import sys
import unicodedata
from pathlib import Path

import pytest
import regex

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
PARALLEL = sorted((DATA / "parallel").glob("*.txt"))
PROSE = sorted((DATA / "prose").glob("*.txt"))
WORDS = sorted((DATA / "words").glob("*.tsv"))
MORPHOLOGY = sorted((DATA / "morphology").glob("*.tsv"))
SCRIPTS = (
    "Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Han Hangul Hebrew "
    "Hiragana Katakana Latin Tamil Telugu Thai"
)
ISO_15924 = {
    "Arab": "Arabic", "Armn": "Armenian", "Beng": "Bengali", "Cyrl": "Cyrillic",
    "Deva": "Devanagari", "Ethi": "Ethiopic", "Geor": "Georgian", "Grek": "Greek",
    "Hang": "Hangul", "Hans": "Han", "Hebr": "Hebrew", "Jpan": "Hiragana", "Latn": "Latin",
    "Taml": "Tamil", "Telu": "Telugu", "Thai": "Thai",
}  # fmt: skip


def script_module(name):
    """Import a file of scripts/, which is no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def lines(path):
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return text.removesuffix("\n").split("\n")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


# --- every file is described, and is what its description says -----------------------------


def test_the_recorded_checksums_hold():
    checksums = script_module("checksums")
    recorded = json.loads((DATA / "checksums.json").read_text(encoding="utf-8"))
    assert checksums.differences(recorded, checksums.describe(DATA)) == []


def test_every_entry_has_a_source_a_licence_and_a_note():
    recorded = json.loads((DATA / "checksums.json").read_text(encoding="utf-8"))
    assert len(recorded) > 60
    for name, entry in recorded.items():
        assert set(entry) == {"sha256", "source", "licence", "note"}, name
        assert all(entry.values()), name
        assert regex.fullmatch(r"[0-9a-f]{64}", entry["sha256"]), name


def test_word_lists_keep_the_licence_of_wordfreq():
    recorded = json.loads((DATA / "checksums.json").read_text(encoding="utf-8"))
    licences = {name.split("/")[0]: entry["licence"] for name, entry in recorded.items()}
    assert licences["words"] == "CC-BY-SA-4.0"
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for credit in ("CC BY-SA 4.0", "Robyn Speer", "SUBTLEX", "OpenSubtitles"):
        assert credit in readme


@pytest.fixture
def small_data(tmp_path):
    (tmp_path / "parallel").mkdir()
    shutil.copy(DATA / "parallel" / "eng_Latn.txt", tmp_path / "parallel")
    (tmp_path / "sources.toml").write_text(
        '[[source]]\npath = "parallel/*.txt"\nsource = "us"\nlicence = "MIT"\nnote = "n"\n'
    )
    return tmp_path


def test_a_changed_byte_is_noticed(small_data, capsys):
    checksums = script_module("checksums")
    arguments = ["--data", str(small_data)]
    assert checksums.main([*arguments, "--check"]) == 1  # nothing recorded yet
    assert "parallel/eng_Latn.txt is not recorded." in capsys.readouterr().err
    assert checksums.main(arguments) == 0
    assert checksums.main([*arguments, "--check"]) == 0
    with (small_data / "parallel" / "eng_Latn.txt").open("ab") as file:
        file.write(b" ")
    assert checksums.main([*arguments, "--check"]) == 1
    assert "differs from its record in sha256" in capsys.readouterr().err


def test_a_missing_file_is_noticed(small_data, capsys):
    checksums = script_module("checksums")
    shutil.copy(small_data / "parallel" / "eng_Latn.txt", small_data / "parallel" / "two.txt")
    assert checksums.main(["--data", str(small_data)]) == 0
    (small_data / "parallel" / "two.txt").unlink()
    assert checksums.main(["--data", str(small_data), "--check"]) == 1
    assert "parallel/two.txt is recorded but missing." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        ("", "matches 2 sources"),
        (
            '[[source]]\npath = "none/*"\nsource = "x"\nlicence = "x"\nnote = "x"\n',
            "matches no file",
        ),
        ('[[source]]\npath = "parallel/*"\nsource = "x"\nnote = "x"\n', "has no licence"),
    ],
)
def test_sources_that_do_not_fit_are_refused(small_data, sources, sentence):
    checksums = script_module("checksums")
    path = small_data / "sources.toml"
    entry = path.read_text()
    path.write_text(entry + (sources or entry))
    with pytest.raises(checksums.SourcesError, match=sentence):
        checksums.describe(small_data)


def test_a_file_without_a_source_is_refused(small_data):
    checksums = script_module("checksums")
    (small_data / "stray.txt").write_text("x\n")
    with pytest.raises(checksums.SourcesError, match=r"stray\.txt matches 0 sources"):
        checksums.describe(small_data)


# --- parallel sentences --------------------------------------------------------------------


@pytest.mark.parametrize("path", PARALLEL, ids=lambda path: path.stem)
def test_parallel_files_are_forty_clean_lines(path):
    raw = path.read_bytes()
    assert b"\r" not in raw
    assert not raw.startswith(b"\xef\xbb\xbf")
    sentences = lines(path)
    assert len(sentences) == 40
    assert len(set(sentences)) == 40
    for sentence in sentences:
        assert sentence
        assert sentence == sentence.strip()
        assert "  " not in sentence
        assert unicodedata.is_normalized("NFC", sentence)
        assert not regex.search(r"[\p{Cc}\p{Co}\p{Cn}\p{Zl}\p{Zp}\uFFFD]", sentence)


@pytest.mark.parametrize("path", PARALLEL, ids=lambda path: path.stem)
def test_parallel_files_are_in_the_script_their_name_says(path):
    script = ISO_15924[path.stem.split("_")[1]]
    text = path.read_text(encoding="utf-8").replace("office@example.org", "")
    allowed = {"Jpan": "Hiragana Katakana Han"}.get(path.stem.split("_")[1], script).split()
    wanted = "".join(rf"\p{{Script={name}}}" for name in allowed)
    assert regex.search(rf"\p{{Script={script}}}", text)
    # A letter of another script is a slip of the keyboard; letters common to scripts are not.
    assert regex.findall(rf"[\p{{L}}--[{wanted}\p{{Script=Common}}]]", text, regex.V1) == []


def test_parallel_covers_many_languages_and_scripts():
    assert len(PARALLEL) >= 24
    assert DATA / "parallel" / "eng_Latn.txt" in PARALLEL
    text = "".join(path.read_text(encoding="utf-8") for path in PARALLEL)
    present = [s for s in SCRIPTS.split() if len(regex.findall(rf"\p{{Script={s}}}", text)) > 50]
    assert len(present) >= 12
    assert present == SCRIPTS.split()


def test_a_line_is_the_same_sentence_everywhere():
    # Things that every translation must carry over, whatever its digits are.
    def digits(sentence):
        values = (str(unicodedata.digit(c)) for c in sentence if unicodedata.category(c) == "Nd")
        return "".join(values)

    for path in PARALLEL:
        sentences = lines(path)
        assert [i for i, s in enumerate(sentences) if "office@example.org" in s] == [32], path.stem
        assert "12480" in digits(sentences[2]), path.stem
        assert "5990" in digits(sentences[3]), path.stem
        assert "100" in digits(sentences[12]), path.stem
        assert "14" in digits(sentences[19]), path.stem
        assert digits(sentences[31]) == "352", path.stem
        assert "1897" in digits(sentences[33]), path.stem


def test_english_sentences_have_eight_to_twentyfive_words():
    counts = [len(s.split()) for s in lines(DATA / "parallel" / "eng_Latn.txt")]
    assert min(counts) >= 8
    assert max(counts) <= 25


def test_the_caveat_stands_where_people_look():
    readme = " ".join((DATA / "README.md").read_text(encoding="utf-8").split())
    assert "not professionally translated" in readme.lower()
    assert "too small to rank languages" in readme
    recorded = json.loads((DATA / "checksums.json").read_text(encoding="utf-8"))
    for path in PARALLEL:
        note = recorded[f"parallel/{path.name}"]["note"]
        assert "Not professionally translated" in note
        assert "too few to rank" in note


# --- prose -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "least"),
    [("eng_Latn", 12_000), ("deu_Latn", 1500), ("tur_Latn", 1500), ("hin_Deva", 1500)],
)
def test_prose_is_long_enough(language, least):
    words = sum(len(p.read_text(encoding="utf-8").split()) for p in PROSE if language in p.name)
    assert words >= least


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.stem)
def test_prose_is_clean_text(path):
    assert b"\r" not in path.read_bytes()
    for line in lines(path):
        assert line == line.rstrip()
        assert unicodedata.is_normalized("NFC", line)
        assert not regex.search(r"[\p{Cc}\p{Co}\p{Cn}\uFFFD]", line)


def test_english_prose_has_the_words_of_english():
    text = " ".join(p.read_text(encoding="utf-8") for p in PROSE if "eng_Latn" in p.name)
    words = regex.findall(r"\p{L}+", text.lower())
    counts = {word: words.count(word) for word in ("the", "of", "and", "a", "to")}
    assert max(counts, key=counts.get) == "the"
    assert 0.04 < counts["the"] / len(words) < 0.09  # about 0.06 in running English
    assert regex.search(r"\ndef \w+\(", text)  # a code snippet
    assert len(regex.findall(r"\d+", text)) > 300


# --- word lists ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.stem)
def test_word_lists_are_a_thousand_words_by_frequency(path):
    table = rows(path)
    words = [row["word"] for row in table]
    assert len(words) == len(set(words)) == 1000
    zipfs = [float(row["zipf"]) for row in table]
    assert zipfs == sorted(zipfs, reverse=True)
    script = ISO_15924[path.stem.split("_")[1]]
    for word in words:
        assert unicodedata.is_normalized("NFC", word)
        assert regex.fullmatch(rf"[\p{{Script={script}}}\p{{M}}]+", word)
        assert len(regex.findall(r"\X", word)) >= 2


def test_word_lists_are_what_the_script_makes():
    build = script_module("build_word_lists")
    for code in ("eng_Latn", "deu_Latn", "ell_Grek"):
        committed = (DATA / "words" / f"{code}.tsv").read_text(encoding="utf-8")
        assert committed == build.render(build.frequent_words(code))


def test_word_lists_are_spelled_as_people_spell():
    words = {path.stem: {row["word"] for row in rows(path)} for path in WORDS}
    assert {"außerdem", "straße", "dass", "wasser"} <= words["deu_Latn"]
    assert not any(word.endswith("σ") for word in words["ell_Grek"])
    assert {"the", "because"} <= words["eng_Latn"]


def test_word_lists_are_not_padded_beyond_wordfreq():
    build = script_module("build_word_lists")
    with pytest.raises(ValueError, match=r"has only \d+ usable words for 'hin_Deva'"):
        build.frequent_words("hin_Deva", 1_000_000)


# --- gold segmentations --------------------------------------------------------------------


@pytest.mark.parametrize("path", MORPHOLOGY, ids=lambda path: path.stem)
def test_gold_morphs_spell_their_word(path):
    table = rows(path)
    words = [row["word"] for row in table]
    assert len(words) == len(set(words))
    for row in table:
        morphs = row["segmentation"].split("+")
        assert all(morphs), row
        assert len(morphs) >= 2, row
        assert len(morphs) == len(row["tags"].split("+")), row
        assert row["concatenative"] in {"0", "1"}
        assert ("".join(morphs) == row["word"]) == (row["concatenative"] == "1"), row
        assert all(unicodedata.is_normalized("NFC", value) for value in row.values())
        assert all(regex.fullmatch(r"[A-Z0-9;:.]+", tag) for tag in row["tags"].split("+")), row


@pytest.mark.parametrize(
    ("code", "least"), [("eng_Latn", 300), ("tur_Latn", 250), ("kor_Hang", 200)]
)
def test_gold_sets_are_large_enough(code, least):
    table = rows(DATA / "morphology" / f"{code}.tsv")
    assert sum(row["concatenative"] == "1" for row in table) >= least


def test_gold_sets_hold_the_words_a_reader_would_try():
    def gold(code):
        return {r["word"]: r["segmentation"] for r in rows(DATA / "morphology" / f"{code}.tsv")}

    assert gold("eng_Latn")["unhappiness"] == "un+happi+ness"
    assert gold("tur_Latn")["evlerimizdekilerden"] == "ev+ler+imiz+de+ki+ler+den"
    assert gold("kor_Hang")["학교에서는"] == "학교+에서+는"
    assert gold("kor_Hang")["갔다"] == "가+았+다"  # fused: marked as not concatenative
