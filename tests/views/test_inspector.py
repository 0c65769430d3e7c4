"""The inspector's half in the kernel: its state is data, its answers are exact and escaped."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
import traitlets

import workbench as wb
from workbench.studies.token_scores import ngram_surprisal
from workbench.views import inspector as module
from workbench.views.examples import EXAMPLES
from workbench.views.heat import SURPRISAL
from workbench.views.inspector import TokenInspector

HERE = Path(module.__file__).parent


class Page:
    """What a browser would hear; it checks that every message is JSON, and numbered as asked."""

    def __init__(self, widget):
        self.widget, self.heard, self.n = widget, [], 0
        widget.send = lambda content: self.heard.append(json.loads(json.dumps(content)))

    def say(self, kind, **more):
        self.n += 1
        self.heard.clear()
        self.widget._receive(self.widget, {"kind": kind, "n": self.n, **more}, None)
        for message in self.heard:
            if message["kind"] in {"view", "answer", "problem"}:
                assert message["n"] == self.n
        return self.heard

    def ask(self, what, **more):
        (answer,) = self.say("ask", what=what, **more)
        assert answer["kind"] == "answer"
        return answer.get("data", answer.get("error"))


def text_of(parts):
    return "".join(part[1] for part in parts)


@pytest.fixture
def widget():
    return TokenInspector("I love strawberry jam.", ["tekken", "mistral-v1", "bytes"])


@pytest.fixture
def page(widget):
    page = Page(widget)
    page.say("hello")
    return page


def test_state_is_data():
    widget = TokenInspector("strawberry", tokenizers=["tekken", "words"])
    assert widget.text == "strawberry"
    assert [tok.name for tok in widget.tokenizers] == ["tekken", "words"]
    assert [seg.ids for seg in widget.segmentations] == [
        wb.load_tokenizer(name).encode("strawberry") for name in ("tekken", "words")
    ]
    frame = widget.to_frame()
    assert frame.columns[:3] == ["tokenizer", "index", "id"]
    assert frame.filter(pl.col("tokenizer") == "words").height == 1
    assert "3</b> tokens" in widget.to_html()


def test_state_can_be_set_and_observed(widget):
    heard = []
    widget.observe(lambda change: heard.append(change["name"]), ["text", "tokenizers", "selection"])
    widget.text = "two words"
    widget.tokenizers = ["words"]
    widget.selection = {"tokenizer": "words", "index": 1}
    assert heard == ["text", "tokenizers", "selection"]
    assert len(widget.segmentations) == 1
    assert [t.data for t in widget.segmentations[0].tokens] == [b"two", b" words"]


def test_what_is_typed_in_the_browser_is_heard_in_python(widget, page):
    heard = []
    widget.observe(lambda change: heard.append(change["new"]), "text")
    (view,) = page.say("text", text="jam", caret=3)
    assert heard == ["jam"]
    assert view["text"] is None  # the browser has it already
    assert [row["count"] for row in view["rows"]] == [len(seg) for seg in widget.segmentations]


def test_what_is_set_in_python_is_drawn_in_the_browser(widget, page):
    page.heard.clear()
    widget.text = "from Python"
    (view,) = page.heard
    assert view["text"] == "from Python"
    assert view["n"] is None


def test_versions_follow_each_other_so_that_a_lost_patch_is_noticed(page):
    views = [page.say("text", text=text, caret=0)[0] for text in ("a", "ab", "abc")]
    assert [view["base"] for view in views[1:]] == [view["version"] for view in views[:-1]]


def test_a_reloaded_page_gets_everything_again(page):
    page.say("text", text="again", caret=0)
    welcome, view = page.say("hello")
    assert welcome["examples"] == EXAMPLES
    assert view["text"] == "again"
    for row in view["rows"]:
        assert row["patch"]["at"] == row["patch"]["remove"] == 0
        assert set(map(str, row["patch"]["insert"])) == set(row["looks"])


def test_a_tokenizer_is_added_and_removed(widget, page):
    (view,) = page.say("add", name=" words ")
    assert [row["name"] for row in view["rows"]] == ["tekken", "mistral-v1", "bytes", "words"]
    assert [tok.name for tok in widget.tokenizers][-1] == "words"
    (view,) = page.say("drop", row=view["rows"][0]["key"])
    assert [row["name"] for row in view["rows"]] == ["mistral-v1", "bytes", "words"]


@pytest.mark.parametrize("name", ["tekkn", "", "/no/such/file.json"])
def test_a_tokenizer_that_fails_says_why_and_changes_nothing(widget, page, name):
    (problem,) = page.say("add", name=name)
    assert problem["kind"] == "problem"
    assert problem["where"] == "add"
    assert len(problem["sentence"]) > 20
    assert len(widget.tokenizers) == 3


def test_a_lone_surrogate_is_refused_and_the_text_kept(widget, page):
    (problem,) = page.say("text", text="a\ud83d", caret=2)
    assert problem["kind"] == "problem"
    assert widget.text == "I love strawberry jam."
    with pytest.raises(ValueError, match="surrogate"):
        widget.text = "\ud83d"
    assert widget.text == "I love strawberry jam."
    assert len(widget.segmentations[0].text) == len(widget.text)


def test_an_unknown_argument_is_refused_with_the_near_one():
    with pytest.raises(TypeError, match=r"no argument 'tokenizer'\. Did you mean tokenizers"):
        TokenInspector("a", tokenizer=["bytes"])
    with pytest.raises(TypeError, match="It has text, tokenizers"):
        TokenInspector("a", colour="red")


def test_a_selection_must_be_real(widget):
    with pytest.raises(traitlets.TraitError, match="one of tekken, mistral-v1, bytes"):
        widget.selection = {"tokenizer": "gpt2", "index": 0}
    with pytest.raises(traitlets.TraitError, match="there is no 99"):
        widget.selection = {"tokenizer": "tekken", "index": 99}


def test_a_selection_made_in_the_browser_is_heard_and_outlived_by_a_shorter_text(widget, page):
    page.say("set", name="selection", value={"row": 1, "index": 4})
    assert widget.selection == {"tokenizer": "mistral-v1", "index": 4}
    page.say("text", text="I", caret=1)
    assert widget.selection is None


def test_special_tokens_typed_are_text_until_asked_for(widget, page):
    page.say("text", text="a</s>b", caret=0)
    assert not any(t.is_special for seg in widget.segmentations for t in seg.tokens)
    page.say("set", name="parse_special", value=True)
    assert any(t.is_special for t in widget.segmentations[1].tokens)


def test_an_unknown_setting_and_an_unknown_question_are_refused(page):
    assert page.say("set", name="_esm", value="x")[0]["kind"] == "problem"
    assert "no question" in page.ask("secrets")
    assert page.say("nonsense") == []


@pytest.mark.parametrize(
    "name", ["tekken", "mistral-v1", "deepseek-v4", "workbench-wordpiece", "workbench-unigram"]
)
def test_why_tells_the_stages_and_the_steps(name):
    page = Page(TokenInspector("I love strawberry jam.", [name]))
    why = page.ask("why", row=0, index=2)
    assert why["exact"]
    assert [why["stages"][0]["name"], why["stages"][-1]["name"]] == ["source", "tokens"]
    marked = [p for p in why["stages"][-1]["parts"] if p["here"]]
    assert len(marked) == 1
    if why["method"] == "merges":  # replayed here as the page replays them
        symbols = [text_of(symbol) for symbol in why["symbols"]]
        for step in why["steps"]:
            pair = symbols[step["at"] : step["at"] + 2]
            assert pair == [text_of(step["left"]), text_of(step["right"])]
            symbols[step["at"] : step["at"] + 2] = [text_of(step["piece"])]
        assert symbols[why["place"]] == text_of(marked[0]["parts"]) == text_of(why["tree"]["piece"])


def test_why_works_inside_a_long_text():
    text = "A line of ordinary words to fill the page.\n" * 4000 + "strawberry\n" + "More.\n" * 3000
    page = Page(TokenInspector(text, ["tekken"]))
    seg = page.widget.segmentations[0]
    index = seg.alignment.byte_start.tolist().index(text.index("strawberry"))
    why = page.ask("why", row=0, index=index)
    assert "of the text" in why["passage"]
    assert text_of(why["pretoken"]) == "strawberry"


def test_ids_are_read_back_with_broken_bytes_as_bytes(page, widget):
    emoji = wb.load_tokenizer("tekken").encode("💩")
    read = page.ask("from_ids", row=0, pasted=f"tensor({emoji[:-1]}, dtype=torch.int64)")
    assert read["text"] is None
    assert read["invalid"]
    assert text_of(read["parts"]) == "F0 9F 92"
    whole = page.ask("from_ids", row=0, pasted=" ".join(map(str, widget.segmentations[0].ids)))
    assert whole["text"] == widget.text
    assert whole["same"] is True


def test_what_is_no_id_is_said(page):
    answer = page.ask("from_ids", row=0, pasted="[1, 2, zebra]")
    assert isinstance(answer, str)
    assert "zebra" in answer


def test_a_string_is_looked_up(page):
    found = page.ask("look_up", row=0, query=" straw")
    assert found["one"] is True
    assert found["matches"][0]["id"] == 51567
    lost = page.ask("look_up", row=0, query="strawbery")
    assert lost["one"] is False
    assert lost["nearest"][0]["distance"] <= 3


def test_a_number_is_an_id_and_a_string(page):
    found = page.ask("look_up", row=0, query="51567")
    assert found["matches"][0]["how"] == "id"
    quoted = page.ask("look_up", row=0, query='"51567"')
    assert all(match["how"] != "id" for match in quoted["matches"])
    assert "9999999" in page.ask("look_up", row=0, query="9999999")["nothing"]


def test_a_token_has_a_page(page):
    about = page.ask("page", row=0, id=51567)
    assert text_of(about["entry"]["parts"]) == "·straw"
    assert {row["tokenizer"]: row["has"] for row in about["others"]}["mistral-v1"] is True
    kinds = {group["kind"]: group["entries"] for group in about["neighbours"]}
    assert any(
        text_of(e["parts"]) == "·Straw" for e in kinds["the same letters, other case or space"]
    )


def test_the_order_of_a_token_is_told(page):
    assert re.fullmatch(r"rank [\d,]+ of 130,072", page.ask("rank", row=0, id=51567))
    assert page.ask("rank", row=2, id=65).startswith("none")


def test_the_built_in_score_colours_the_rows(widget, page):
    view, heat = page.say("set", name="score", value=SURPRISAL)
    assert view["score"] == SURPRISAL
    row = heat["rows"][0]
    assert len(row["colours"]) == len(widget.segmentations[0])
    assert row["colours"][0] == ""  # nothing stands before the first token
    assert row["meaning"] == "darker is rarer"
    exact = ngram_surprisal(widget.text, widget.tokenizers[0])["score"].to_list()
    assert [float(t) for t in row["texts"][1:]] == pytest.approx(exact[1:], rel=0.01)
    top = page.ask("top", row=0, index=2)
    assert len(top["rows"]) == 5
    chances = [float(one["probability"]) for one in top["rows"]]
    assert chances == sorted(chances, reverse=True)


def test_scores_of_ones_own_several_and_moved_where_lawful():
    text = "I love strawberry jam."
    tekken = wb.load_tokenizer("tekken")
    bits = ngram_surprisal(text, tekken, document_start=True)
    ranks = bits.with_columns(
        score_name=pl.lit("rank"), score=pl.lit(3.0), direction=pl.lit("higher_is_rarer")
    )
    widget = TokenInspector(text, ["tekken", "deepseek-v4"], scores=pl.concat([bits, ranks]))
    page = Page(widget)
    assert widget.score_names == ["surprisal_bits", "rank", SURPRISAL]
    _, heat = page.say("set", name="score", value="surprisal_bits")
    assert "colours" in heat["rows"][0]
    assert "no surprisal_bits for the tokens of deepseek-v4" in heat["rows"][1]["note"]
    _, heat = page.say("set", name="move_scores", value=True)
    moved = dict(zip(range(99), heat["rows"][1]["texts"], strict=False))
    straw = sum(
        row["score"]
        for row in bits.iter_rows(named=True)
        if text.encode()[row["byte_start"] : row["byte_end"]] in (b" straw", b"berry")
    )
    assert float(moved[2]) == pytest.approx(straw, rel=0.01)  # deepseek has " strawberry" whole
    _, heat = page.say("set", name="score", value="rank")
    assert "cannot be moved" in heat["rows"][1]["note"]


def test_an_unknown_score_is_refused(widget):
    with pytest.raises(traitlets.TraitError, match="There is no score 'entropy'; there are"):
        widget.score = "entropy"


def test_a_conversation_tells_typed_from_real_special_tokens(page):
    said = page.ask("chat", row=1, messages=[{"role": "user", "content": "Hi </s> there"}])
    real = [text_of(t["parts"]) for t in said["tokens"] if t["special"]]
    assert real == ["<s>"]
    assert any(t["spells"] for t in said["tokens"])
    assert sum(row["tokens"] for row in said["roles"]) == said["count"]
    assert "chat template" in page.ask("chat", row=2, messages=[{"role": "user", "content": "Hi"}])


def test_copies_are_python_and_ids(page, widget):
    assert json.loads(page.ask("ids", row=0)) == widget.segmentations[0].ids
    code = page.ask("python")
    assert repr(widget.text) in code
    compile(code, "copied", "exec")


def test_the_static_twin_stands_beside_the_widget(widget):
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == widget.to_html()
    assert "<script" not in data["text/html"]
    saved = widget.to_html(standalone=True)
    assert saved.startswith("<!doctype html>")
    assert "http" not in saved


def test_a_long_text_is_windowed_and_the_window_moves(page, widget):
    text = "words and words, " * 12_000
    (view,) = page.say("text", text=text, caret=len(text))
    assert view["window"][1] == len(text)
    assert len(json.dumps(view)) < 300_000
    (view,) = page.say("window", place=100_000)
    start, end = view["window"]
    assert start < 100_000 < end
    assert view["rows"][0]["origin"][0] > 1000


def test_two_rows_of_one_tokenizer_can_be_told_apart():
    widget = TokenInspector("ab", ["bytes", "bytes"])
    assert widget.to_frame()["tokenizer"].unique(maintain_order=True).to_list() == [
        "bytes",
        "bytes (2)",
    ]


def test_no_tokenizer_is_allowed(page):
    widget = TokenInspector("text", tokenizers=[])
    page = Page(widget)
    assert page.say("hello")[1]["rows"] == []
    assert widget.to_html() == ""
    assert "add a tokenizer first" in page.ask("why", row=0, index=0)


def test_the_script_sets_text_only_as_text_and_fetches_nothing():
    script = (HERE / "inspector.js").read_text("utf-8")
    for way_in in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way_in not in script
    assert not re.search(r"\bimport\b|\bfetch\(|XMLHttpRequest|https?://", script)


def test_the_style_sheet_holds_no_colour_and_fetches_nothing():
    sheet = (HERE / "inspector.css").read_text("utf-8")
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb\(|hsl\(|url\(|@import", sheet)
    used = set(re.findall(r"var\(--([\w-]+)", sheet))
    defined = set(re.findall(r"--([\w-]+):", TokenInspector("", ["bytes"])._css))
    assert used <= defined | {"heat", "heat-ink", "series", "on-series"}  # set on each row
