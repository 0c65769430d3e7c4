"""The token inspector: a widget to type in, with one row of tokens for each tokenizer.

The kernel holds the state and the browser draws it. They talk in numbered messages: the browser
asks (a text, a tokenizer to add, a question about a token), the kernel answers with patches
(`wire.py`) or data to draw (`panels.py`, `heat.py`). A page that was reloaded says hello and gets
everything again. In exports and untrusted notebooks the static view of `tokens.py` stands instead.
"""

import difflib
import html
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from workbench.segmentation import Segmentation, segment
from workbench.tokenizers import Tokenizer, TokenizerError, list_tokenizers, load_tokenizer
from workbench.views import conversation, panels
from workbench.views.chips import GRAPHEME_WORDS, letters
from workbench.views.examples import DEFAULT_TOKENIZERS, EXAMPLES
from workbench.views.heat import SURPRISAL, alternatives, heat
from workbench.views.palette import style_variables
from workbench.views.ranks import rank_text
from workbench.views.tokens import token_view
from workbench.views.wire import Row, Strip, Window, share_graphemes

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TokenInspector"]

_HERE = Path(__file__).parent
_WIDTH = 3000
"""Characters drawn at once; of longer texts a window is drawn, which follows the caret."""


class TokenInspector(anywidget.AnyWidget):
    """Type a text and see it as several tokenizers do.

    Args:
        text: the text to begin with.
        tokenizers: names, paths, live objects or `Tokenizer`s; any number, one row each.
        budget: a context length in tokens; what lies beyond it is marked.
        split: mark every so many tokens.
        parse_special: whether special tokens typed in the text are read as such.
        scores: a table of scores per token (`workbench.studies.token_scores`).
        alternatives: the top-k beside it: `index, rank, token_id, log_probability_nats`.
        score: which score colours the tokens; None for plain tints.
        examples: texts for the menu, by name; this module's `EXAMPLES` by default.

    Attributes:
        text: what is being looked at; settable and observable, as is all that follows.
        tokenizers: a tuple of `Tokenizer`.
        selection: `{"tokenizer": name, "index": i}` of the token pinned by click or Enter, or None.
        budget, split, parse_special, score: as above.

    Raises:
        TypeError: for an argument that does not exist, with the near ones.
        TokenizerError: for a tokenizer that cannot be loaded, or a text that is no Unicode.

    Example:
        >>> w = TokenInspector("strawberry", tokenizers=["bytes", "words"])
        >>> [len(seg) for seg in w.segmentations]
        [10, 1]
        >>> w.text = "two words"
        >>> w.to_frame().filter(tokenizer="words")["text"].to_list()
        ['two', ' words']
    """

    _esm = _HERE / "inspector.js"
    _css = style_variables(".wbi") + (_HERE / "inspector.css").read_text("utf-8")
    _key = traitlets.Unicode().tag(sync=True)

    text = traitlets.Unicode("")
    tokenizers = traitlets.Any(())
    selection = traitlets.Any(None)
    budget = traitlets.Int(None, allow_none=True, min=1)
    split = traitlets.Int(None, allow_none=True, min=1)
    parse_special = traitlets.Bool(default_value=False)
    score = traitlets.Unicode(None, allow_none=True)
    move_scores = traitlets.Bool(default_value=False)

    def __init__(
        self,
        text: str = "",
        tokenizers: Iterable[Any] | None = None,
        *,
        budget: int | None = None,
        split: int | None = None,
        parse_special: bool = False,
        scores: "pl.DataFrame | None" = None,
        alternatives: "pl.DataFrame | None" = None,
        score: str | None = None,
        examples: Mapping[str, str] | None = None,
        **unknown: Any,
    ) -> None:
        _refuse(unknown)
        if isinstance(tokenizers, str | Tokenizer):
            tokenizers = [tokenizers]
        chosen = DEFAULT_TOKENIZERS if tokenizers is None else tokenizers
        self._ready = False
        self._rows: list[Row] = []
        self._keys = 0
        self._strip = Strip()
        self._window = Window(0, 0, 0, 0)
        self._place = 0
        self._version = 0
        self._segs: tuple[Segmentation, ...] = ()
        self._scores = scores
        self._alternatives = alternatives
        self.examples = dict(EXAMPLES if examples is None else examples)
        super().__init__(_key=uuid.uuid4().hex)
        self.text = text
        self.tokenizers = chosen
        self.budget, self.split, self.parse_special = budget, split, parse_special
        self.score = score
        self._ready = True
        self._segment()
        self.on_msg(self._receive)

    # -- state as data ----------------------------------------------------------------------

    @property
    def segmentations(self) -> tuple[Segmentation, ...]:
        """The text under each tokenizer, in the order of the rows."""
        return self._segs

    @property
    def score_names(self) -> list[str]:
        """The scores that can colour the tokens."""
        own: list[str] = []
        if self._scores is not None:
            own = self._scores["score_name"].unique(maintain_order=True).to_list()
        return [*own, SURPRISAL]

    def to_frame(self) -> "pl.DataFrame":
        """One row for each token under each tokenizer.

        Returns:
            Columns `tokenizer` and those of `Segmentation.to_frame()`.
        """
        import polars as pl

        names = self._names()
        frames = [
            seg.to_frame().insert_column(0, pl.Series("tokenizer", [name] * len(seg), pl.String))
            for name, seg in zip(names, self._segs, strict=True)
        ]
        return pl.concat(frames) if frames else pl.DataFrame()

    def to_html(self, *, standalone: bool = False) -> str:
        """The static view of the present state.

        Args:
            standalone: a whole page to save, rather than a part of one.
        """
        view = token_view(self._segs, self._twin_scores()).to_html() if self._segs else ""
        if not standalone:
            return view
        title = html.escape(f"Tokens of {self.text[:60]!r}")
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width"></head><body style="font-family:'
            'sans-serif;color:#16181d;background-color:#ffffff;margin:24px">'
            f"{view}</body></html>"
        )

    def _twin_scores(self) -> "pl.DataFrame | None":
        if self.score is None or self._scores is None or self.score == SURPRISAL:
            return None
        return self._scores.filter(self._scores["score_name"] == self.score)

    def _names(self) -> list[str]:
        seen: dict[str, int] = {}
        names = []
        for seg in self._segs:
            name = seg.tokenizer.name
            seen[name] = seen.get(name, 0) + 1
            names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
        return names

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self), "text/html": self.to_html()}, metadata

    def __repr__(self) -> str:
        names = ", ".join(tok.name for tok in self.tokenizers)
        return f"<TokenInspector of {len(self.text):,} characters under {names or 'no tokenizer'}>"

    # -- traits -----------------------------------------------------------------------------

    @traitlets.validate("tokenizers")
    def _load(self, proposal: Any) -> tuple[Tokenizer, ...]:
        value = proposal["value"]
        if isinstance(value, str | Tokenizer):
            value = [value]
        return tuple(load_tokenizer(one) for one in value)

    @traitlets.validate("score")
    def _known_score(self, proposal: Any) -> str | None:
        value: str | None = proposal["value"]
        if value is not None and value not in self.score_names:
            raise traitlets.TraitError(
                f"There is no score {value!r}; there are {', '.join(self.score_names)}."
            )
        return value

    @traitlets.validate("selection")
    def _real_selection(self, proposal: Any) -> dict[str, Any] | None:
        value: dict[str, Any] | None = proposal["value"]
        if value is None or not self._ready:
            return value
        names = self._names()
        name, index = value.get("tokenizer"), value.get("index")
        if name not in names or not isinstance(index, int):
            raise traitlets.TraitError(
                f"A selection is {{'tokenizer': one of {', '.join(names)}, 'index': a number}}, "
                f"not {value!r}."
            )
        count = len(self._segs[names.index(name)])
        if not 0 <= index < count:
            raise traitlets.TraitError(f"{name} has {count} tokens here: there is no {index}.")
        return {"tokenizer": name, "index": index}

    @traitlets.observe("text", "tokenizers", "parse_special")
    def _changed(self, change: Any) -> None:
        if not self._ready:
            return
        try:
            self._segment()
        except TokenizerError:
            self._ready = False
            setattr(self, change["name"], change["old"])
            self._ready = True
            raise
        self._send_view(text=True)

    @traitlets.observe("budget", "split", "score", "move_scores", "selection")
    def _restyled(self, _change: Any) -> None:
        if self._ready:
            self._send_view()

    # -- what the browser is told -----------------------------------------------------------

    def _segment(self) -> None:
        segs = tuple(
            segment(self.text, tok, parse_special=self.parse_special) for tok in self.tokenizers
        )
        share_graphemes(segs)
        old = {id(row.tokenizer): row for row in self._rows}
        rows = []
        for tok in self.tokenizers:
            row = old.pop(id(tok), None)
            if row is None:
                self._keys += 1
                row = Row(self._keys, tok)
            rows.append(row)
        if [row.key for row in rows] != [row.key for row in self._rows]:
            self._strip = Strip()
        self._rows, self._segs = rows, segs
        self._window = Window.around(self.text, self._place, _WIDTH)
        chosen = self.selection
        if chosen is not None:
            counts = dict(zip(self._names(), map(len, segs), strict=True))
            if chosen["index"] >= counts.get(chosen["tokenizer"], 0):
                self._ready, ready = False, self._ready
                self.selection = None
                self._ready = ready

    def _view(self, *, text: bool) -> dict[str, Any]:
        base, self._version = self._version, self._version + 1
        pairs = zip(self._rows, self._segs, letters(len(self._rows)), strict=True)
        rows = [{**row.update(seg, self._window), "letter": letter} for row, seg, letter in pairs]
        chosen, names = self.selection, self._names()
        return {
            "kind": "view",
            "base": base,
            "version": self._version,
            "text": self.text if text else None,
            "chars": len(self.text),
            "bytes": len(self._segs[0].source) if self._segs else len(self.text.encode()),
            "window": [self._window.char_start, self._window.char_end],
            "rows": rows,
            "strip": self._strip.update(self._segs, self._window),
            "budget": self.budget,
            "split": self.split,
            "parse_special": self.parse_special,
            "score": self.score,
            "move": self.move_scores,
            "scores": self.score_names,
            "selection": None
            if chosen is None
            else {"row": names.index(chosen["tokenizer"]), "index": chosen["index"]},
        }

    def _send_view(self, n: int | None = None, *, text: bool = False) -> None:
        self.send({**self._view(text=text), "n": n})
        if self.score is not None:
            spans = [row.span for row in self._rows]
            colours = heat(self._segs, self._scores, self.score, spans, move=self.move_scores)
            self.send({"kind": "heat", "version": self._version, "rows": colours})

    # -- what the browser asks --------------------------------------------------------------

    def _receive(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        n, kind = content.get("n"), content.get("kind", "")
        handler: Callable[[dict[str, Any]], Any] | None = {
            "hello": self._hello,
            "text": self._typed,
            "window": self._moved,
            "add": self._add,
            "drop": self._drop,
            "set": self._set,
            "ask": self._answer,
        }.get(kind)
        if handler is None:
            return
        try:
            handler(content)
        except (ValueError, TypeError, OSError, LookupError, traitlets.TraitError) as problem:
            self.send({"kind": "problem", "n": n, "where": kind, "sentence": str(problem)})

    def _quietly(self, **values: Any) -> None:
        """Set traits that the browser already shows: observers hear of it, the browser does not."""
        ready, self._ready = self._ready, False
        try:
            for name, value in values.items():
                setattr(self, name, value)
        finally:
            self._ready = ready

    def _hello(self, content: dict[str, Any]) -> None:
        for row in self._rows:
            row.reset()
        self._strip.reset()
        offline = list_tokenizers()
        self.send(
            {
                "kind": "welcome",
                "examples": self.examples,
                "graphemes": GRAPHEME_WORDS,
                "catalog": [
                    [
                        row["name"],
                        f"{row['algorithm']}, {'offline' if row['offline'] else 'online'}",
                    ]
                    for row in offline.iter_rows(named=True)
                ],
            }
        )
        self._send_view(content.get("n"), text=True)

    def _typed(self, content: dict[str, Any]) -> None:
        self._place = int(content.get("caret", 0))
        before = self.text
        self._quietly(text=content["text"])
        try:
            self._segment()
        except TokenizerError:
            self._quietly(text=before)
            raise
        self._send_view(content.get("n"))

    def _moved(self, content: dict[str, Any]) -> None:
        self._place = int(content["place"])
        self._window = Window.around(self.text, self._place, _WIDTH)
        self._send_view(content.get("n"))

    def _add(self, content: dict[str, Any]) -> None:
        name = str(content["name"]).strip()
        if not name:
            raise TokenizerError("Type the name, the path or the hub id of a tokenizer.")
        self._quietly(tokenizers=(*self.tokenizers, load_tokenizer(name)))
        self._segment()
        self._send_view(content.get("n"))

    def _drop(self, content: dict[str, Any]) -> None:
        kept = [row.tokenizer for row in self._rows if row.key != content["row"]]
        self._quietly(tokenizers=tuple(kept))
        self._segment()
        self._send_view(content.get("n"))

    def _set(self, content: dict[str, Any]) -> None:
        name, value = content["name"], content["value"]
        if name == "selection":
            if value is not None:
                value = {"tokenizer": self._names()[value["row"]], "index": value["index"]}
            proposal = self._real_selection({"value": value})
            self._quietly(selection=proposal)
            return
        if name not in {"budget", "split", "parse_special", "score", "move_scores"}:
            raise ValueError(f"The inspector has no setting {name!r}.")
        self._quietly(**{name: value})
        if name == "parse_special":
            self._segment()
        self._send_view(content.get("n"))

    def _answer(self, content: dict[str, Any]) -> None:
        what = content["what"]
        reply: dict[str, Any] = {"kind": "answer", "n": content.get("n"), "what": what}
        try:
            data = self._ask(what, content)
        except (ValueError, TypeError, LookupError, OSError) as problem:
            self.send({**reply, "error": str(problem)})
        else:
            self.send({**reply, "data": data})

    def _ask(self, what: str, asked: dict[str, Any]) -> Any:
        number = int(asked.get("row", 0))
        if what == "html":
            return self.to_html(standalone=True)
        if what == "python":
            return self._python()
        if not 0 <= number < len(self._rows):
            raise TokenizerError("There is no such row: add a tokenizer first.")
        seg, tok = self._segs[number], self._rows[number].tokenizer
        if what == "ids":
            return str(seg.ids)
        if what == "why":
            return panels.why(seg, int(asked["index"]), parse_special=self.parse_special)
        if what == "rank":
            return rank_text(tok, int(asked["id"]))
        if what == "top":
            return alternatives(seg, int(asked["index"]), self._alternatives)
        if what == "from_ids":
            return panels.from_ids(tok, str(asked["pasted"]))
        if what == "look_up":
            return panels.look_up(tok, str(asked["query"]))
        if what == "page":
            others = [row.tokenizer for row in self._rows if row.tokenizer is not tok]
            return panels.about_token(tok, int(asked["id"]), others)
        if what == "chat":
            return conversation.render(tok, asked["messages"])
        raise ValueError(f"The inspector knows no question {what!r}.")

    def _python(self) -> str:
        names = [tok.name for tok in self.tokenizers]
        special = ", parse_special=True" if self.parse_special else ""
        return (
            "import workbench as wb\n\n"
            f"text = {self.text!r}\n"
            f"for name in {names!r}:\n"
            f"    seg = wb.segment(text, name{special})\n"
            "    print(name, len(seg), seg.ids)\n"
        )


def _refuse(unknown: Mapping[str, Any]) -> None:
    """Raise for arguments that do not exist, naming the near ones."""
    if not unknown:
        return
    known = (
        *("text", "tokenizers", "budget", "split", "parse_special"),
        *("scores", "alternatives", "score", "examples"),
    )
    name = next(iter(unknown))
    near = difflib.get_close_matches(name, known, n=2)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise TypeError(f"TokenInspector has no argument {name!r}.{hint} It has {', '.join(known)}.")
