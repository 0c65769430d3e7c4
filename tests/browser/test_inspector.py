"""The inspector in a real JupyterLab: what a person does with pointer and keys.

One notebook is opened for the whole module; each test begins by setting text and tokenizers.
"""

import itertools
import json
import re

import pytest

ROW = ".wbi-row:has(.wbi-flow)"
NOTEBOOK = [
    """import workbench as wb
from workbench.studies.token_scores import ngram_surprisal

text = "I love strawberry jam."
scores = ngram_surprisal(text, wb.load_tokenizer("tekken"), document_start=True)
w = wb.TokenInspector(text, ["tekken", "mistral-v1", "bytes"], scores=scores)
w""",
    "print('state', w.text, [len(s) for s in w.segmentations], w.selection)",
]


class Inspector:
    """The widget in its cell, and what one does with it."""

    def __init__(self, lab):
        self.lab, self.page = lab, lab.page
        self.root = lab.page.locator(".jp-OutputArea-output .wbi")
        self.text = self.root.locator(".wbi-top textarea")

    def settled(self):
        """Wait until the kernel has answered what was asked last, and it is drawn."""
        self.page.wait_for_selector('.wbi[data-state="settled"]')
        return self

    def put(self, text):
        """Replace the text, as a person does who pastes."""
        self.text.fill(text)
        return self.settled()

    def rows(self):
        return self.root.locator(ROW)

    def counts(self):
        found = self.root.locator(".wbi-count b").all_text_contents()
        return [int(one.replace(",", "")) for one in found]

    def chips(self, row):
        return self.rows().nth(row).locator(".wbi-c")

    def card(self):
        return self.root.locator(".wbi-card")

    def tab(self, name):
        tab = self.root.get_by_role("tab", name=name)
        if tab.get_attribute("aria-selected") == "false":
            tab.click()
        return self.root.locator(".wbi-panel:visible")


@pytest.fixture(scope="module")
def opened(request, jupyterlab, chromium):
    """The notebook, open and run, on a page of its own."""
    tools = next(one for one in request.config.pluginmanager.get_plugins() if hasattr(one, "Lab"))
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(90_000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.remote, page.errors = [], []

    def cut(route):
        page.remote.append(route.request.url)
        route.abort()

    context.route(lambda url: not tools.is_local(url), cut)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    lab = tools.Lab(jupyterlab, page).open_notebook(NOTEBOOK, "inspector.ipynb")
    lab.run_all()
    page.wait_for_selector('.wbi[data-state="settled"]')
    yield lab
    page.goto("about:blank")
    for session in jupyterlab.ask("api/sessions"):
        jupyterlab.ask(f"api/sessions/{session['id']}", "DELETE")
    context.close()


@pytest.fixture
def inspector(opened):
    one = Inspector(opened)
    one.page.keyboard.press("Escape")
    one.put("I love strawberry jam.")
    yield one
    assert one.page.errors == []
    assert one.page.remote == []


def test_typing_is_counted_and_heard_in_python(inspector):
    before = inspector.counts()
    inspector.text.press("End")
    inspector.page.keyboard.type(" More words, typed one by one.", delay=20)
    inspector.page.wait_for_function(
        "want => document.querySelector('.wbi-status').textContent.startsWith(want)",
        arg="52 characters · 52 bytes",
    )
    inspector.settled()
    assert all(new > old for new, old in zip(inspector.counts(), before, strict=True))
    assert inspector.counts()[2] == 52
    drawn = "".join(inspector.chips(2).all_text_contents())
    assert drawn == "I·love·strawberry·jam.·More·words,·typed·one·by·one."
    run_second_cell(inspector)
    assert "state I love strawberry jam. More words, typed one by one." in said(inspector)


def test_patches_leave_what_a_fresh_drawing_would(inspector):
    page = inspector.page
    inspector.put("one two three\nfour שלום five\n👨‍👩‍👧 six")
    for place, keys in ((0, "x "), (7, "ya"), (20, "\n"), (9, "é")):
        inspector.text.evaluate("(el, at) => el.setSelectionRange(at, at)", place)
        page.keyboard.type(keys)
    page.keyboard.press("Backspace")
    final = inspector.text.input_value()
    inspector.settled()
    page.wait_for_function(
        "n => document.querySelector('.wbi-status').textContent.startsWith(n)",
        arg=f"{len(final)} characters",
    )
    patched = [inspector.chips(row).all_text_contents() for row in range(3)]
    inspector.put("")
    inspector.put(final)
    fresh = [inspector.chips(row).all_text_contents() for row in range(3)]
    assert patched == fresh
    tints = inspector.chips(0).evaluate_all(
        "all => all.map(one => [...one.classList].find(c => /^t\\d$/.test(c)))"
    )
    assert all(one != other for one, other in itertools.pairwise(tints))


def test_a_tokenizer_is_added_removed_and_one_that_fails_says_so(inspector):
    box = inspector.root.get_by_label("Tokenizer to add")
    box.fill("tekkn")
    box.press("Enter")
    problem = inspector.root.locator(".wbi-add .wbi-problem")
    problem.wait_for()
    assert "tekken" in problem.text_content()  # the near name is offered
    box.fill("words")
    inspector.root.get_by_role("button", name="Add tokenizer").click()
    inspector.rows().nth(3).wait_for()
    inspector.settled()
    assert inspector.counts()[3] == 4
    assert problem.is_hidden()
    inspector.root.get_by_role("button", name="Remove words").click()
    inspector.rows().nth(3).wait_for(state="detached")


def test_hover_and_focus_show_the_same(inspector):
    chip = inspector.chips(0).nth(2)
    chip.hover()
    card = inspector.card()
    card.get_by_text("rank 50,567 of 130,072").wait_for()
    hovered = card.text_content()
    for fact in ("Token 3 of 6", "51567", "space straw", "20 73 74 72 61 77", "6 to 11"):
        assert fact in hovered
    kin = inspector.rows().nth(1).locator(".wbi-c.kin").all_text_contents()
    assert kin == ["·straw"]
    assert len(inspector.rows().nth(2).locator(".wbi-c.kin").all()) == 6
    inspector.page.mouse.move(5, 5)
    inspector.root.locator(".wbi-c.kin").first.wait_for(state="detached")
    chip.focus()
    card.get_by_text("rank 50,567 of 130,072").wait_for()
    assert card.text_content() == hovered
    assert chip.get_attribute("aria-label") == (
        "token 3, space straw, id 51567, bytes 20 73 74 72 61 77"
    )


def test_the_merges_are_replayed_step_by_step(inspector):
    inspector.chips(0).nth(2).click()
    panel = inspector.tab("Why this cut")
    now = panel.locator(".wbi-now")
    now.wait_for()
    assert "The replayed rules give the library's ids." in panel.text_content()
    assert now.locator(".wbi-piece").all_text_contents() == ["·straw", "berry"]
    panel.get_by_role("button", name="First state").click()
    assert "".join(now.locator(".wbi-piece").all_text_contents()) == "·strawberry"
    assert now.locator(".wbi-piece").count() == 11
    for step in range(1, 10):
        panel.get_by_role("button", name="Next merge").click()
        assert now.locator(".wbi-piece").count() == 11 - step
    tree = panel.get_by_label("Merge tree")
    assert tree.locator("> li > .wbi-piece").text_content() == "·straw"
    slider = panel.get_by_label("Merge", exact=True)
    slider.press("ArrowLeft")
    assert now.locator(".wbi-piece").count() == 3
    run_second_cell(inspector)
    assert "{'tokenizer': 'tekken', 'index': 2}" in said(inspector)


def test_ids_become_text_and_broken_bytes_stay_bytes(inspector):
    panel = inspector.tab("Ids to text")
    box = panel.get_by_label("Ids in any usual notation")
    box.fill("[51567, 33681]")
    out = panel.get_by_test_id("read-back")
    panel.get_by_text("gives the same ids").wait_for()
    assert out.text_content() == "·strawberry"
    box.fill("1240 1159")
    panel.get_by_text("2 bytes no UTF-8").wait_for()
    assert out.text_content() == "F0 9F"
    box.fill("1, zebra")
    panel.get_by_text("zebra").wait_for()


def test_a_string_is_looked_up_and_its_page_opened(inspector):
    panel = inspector.tab("Vocabulary")
    panel.get_by_label("An id or a string to look up").fill("straw")
    panel.get_by_role("button", name="Look up").click()
    panel.get_by_role("button", name="Page of space straw, id 51567").click()
    panel.get_by_text("In the other rows' vocabularies").wait_for()
    assert "yes, id 18393" in panel.text_content()


def test_scores_colour_the_tokens_and_are_moved_only_where_lawful(inspector):
    panel = inspector.tab("Scores")
    panel.get_by_label("Colour the tokens by").select_option("surprisal_bits")
    inspector.chips(0).nth(2).and_(inspector.root.locator(".scored")).wait_for()
    assert inspector.rows().nth(1).locator(".scored").count() == 0
    assert "darker is rarer" in inspector.rows().nth(0).text_content()
    panel.get_by_label("move scores").check()
    inspector.rows().nth(1).locator(".scored").first.wait_for()
    inspector.chips(0).nth(2).hover()
    inspector.card().get_by_text("Likeliest here").wait_for()
    panel.get_by_label("Colour the tokens by").select_option("")
    inspector.root.locator(".scored").first.wait_for(state="detached")


def test_a_budget_and_marks_every_so_many(inspector):
    box = inspector.root.get_by_label("Context length")
    box.fill("4")
    box.press("Tab")
    inspector.rows().nth(0).locator(".first-over").wait_for()
    assert inspector.rows().nth(0).locator(".over").all_text_contents() == ["·jam", "."]
    marks = inspector.root.get_by_label("Mark every")
    marks.fill("10")
    marks.press("Tab")
    inspector.rows().nth(2).locator(".every").first.wait_for()
    assert inspector.rows().nth(2).locator(".every").count() == 2
    for one in (box, marks):
        one.fill("")
        one.press("Tab")
    inspector.rows().nth(2).locator(".every").first.wait_for(state="detached")


def test_a_conversation_is_shown_with_its_costs(inspector):
    panel = inspector.tab("Chat")
    panel.get_by_text("What each role costs").wait_for()
    assert panel.locator(".special").all_text_contents() == ["<s>", "[INST]", "[/INST]"]
    assert panel.locator(".spells").count() > 3


def test_hostile_strings_stay_strings(inspector):
    inspector.put("<img src=x onerror=window.hacked=1> \u202eabc\u202c </s> \x1b[31m\u200b")
    shown = inspector.rows().nth(2).locator(".wbi-flow").text_content()
    assert "<img·src=x·onerror=window.hacked=1>" in shown
    assert "ESC" in shown
    assert inspector.root.locator("img, script").count() == 0
    assert inspector.page.evaluate("window.hacked") is None
    text = inspector.root.locator(".wbi-main").text_content()
    assert not re.search("[\u202a-\u202e\x1b]", text)


def test_copies_reach_the_clipboard_and_html_is_saved(inspector):
    inspector.root.get_by_role("button", name="Copy the ids of tekken").click()
    inspector.root.get_by_text("Copied the ids of tekken.").wait_for()
    copied = inspector.page.evaluate("navigator.clipboard.readText()")
    assert json.loads(copied)[2] == 51567
    with inspector.page.expect_download() as download:
        inspector.root.get_by_role("button", name="Save HTML").click()
    page = download.value.path().read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "·straw" in re.sub(r"<[^>]+>", "", page)


def test_a_long_text_stays_usable(inspector):
    inspector.put("Words that go on and on, naïvely. " * 6000)
    assert inspector.counts()[2] == 34 * 6000 + 6000
    assert inspector.root.locator(".wbi-c").count() < 8000
    slider = inspector.root.get_by_label("Characters")
    slider.press("Home")
    inspector.root.get_by_text("Characters 1 to").wait_for()
    inspector.settled()
    assert inspector.chips(0).first.text_content() == "Words"


def test_everything_can_be_done_with_keys_and_none_reaches_the_notebook(inspector):
    page = inspector.page
    cells = page.locator(".jp-Cell").count()
    inspector.text.focus()

    def tab_to(selector, limit=60):
        for _ in range(limit):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        pytest.fail(f"Tab never came to {selector}")

    tab_to(".wbi-c")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "·straw"
    assert first == "I"
    page.keyboard.press("b")  # in JupyterLab's command mode this would insert a cell
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('.wbi-row').ariaLabel") == "B mistral-v1"
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.textContent") == "."
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    inspector.root.locator(".wbi-c.pinned").wait_for()
    tab_to("[role=tab]")
    for _ in range(5):
        if page.evaluate("document.activeElement.textContent") == "Vocabulary":
            break
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    inspector.root.get_by_label("An id or a string to look up").wait_for()
    tab_to("input[aria-label^='An id']")
    page.keyboard.type("jam")
    page.keyboard.press("Enter")
    inspector.root.locator(".wbi-panel:visible table").wait_for()
    assert page.locator(".jp-Cell").count() == cells
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.closest('.wbi')") is None


@pytest.mark.parametrize("panel", [None, "Why this cut", "Vocabulary", "Scores", "Chat"])
def test_axe_finds_nothing_serious(inspector, panel):
    from axe_playwright_python.sync_playwright import Axe

    if panel:
        inspector.tab(panel)
        inspector.page.keyboard.press("Tab")
    results = Axe().run(inspector.page, context=".wbi")
    grave = [
        (one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"])
        for one in results.response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
    assert grave == []


def run_second_cell(inspector):
    """Run the cell that prints the state, and wait until it has printed."""
    page = inspector.page
    before = inspector.lab.cell(1).locator(".jp-InputPrompt").first.text_content()
    inspector.lab.cell(1).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "before => ![before, '[*]:'].includes(document.querySelectorAll("
        "'.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell')[1]"
        ".querySelector('.jp-InputPrompt').textContent)",
        arg=before,
    )
    inspector.lab.wait_idle()


def said(inspector):
    return inspector.lab.outputs(1).first.text_content()
