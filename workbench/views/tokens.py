"""The token view: a text as its tokens, in HTML that needs no style sheet and no script.

It is what a `Segmentation` shows in a notebook, and the static twin of the inspector in an exported
page. JupyterLab strips `<style>`, scripts, `data-*` and `aria-*` from untrusted notebooks, so each
chip carries its own colours (dark text on a light tint, which reads on a dark page too), its
details stand in `title`, and a table in `<details>` says everything again for those who do not see
colours or cannot hover. All text is escaped; nothing of a token is ever markup.
"""

import html
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.segmentation import BoundaryComparison, Segmentation
from workbench.views import palette
from workbench.views.chips import Chip, Cut, Item, cuts, items, letters, lines, runs, token_title
from workbench.views.marks import Part, label
from workbench.views.scales import Scale, scales
from workbench.views.token_table import token_table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TokenView", "token_view"]

_INK = palette.LIGHT.ink
_FAINT = palette.LIGHT.faint
_CHIP = f"display:inline-block;color:{_INK};border-radius:3px;padding:0 2px;margin:1px 0;"
_SMALL = "font-size:0.72em;border:1px dotted;border-radius:2px;padding:0 2px"
_QUIET = "font-size:12px;opacity:0.8"
_FLOW = "font-family:monospace;font-size:14px;line-height:1.75;white-space:pre-wrap"
# How a cut looks by who makes it: the line's form says it, the letter says it again.
_CUT = {"all": "2px solid", "some": "2px dashed", "one": "2px dotted"}


def _e(text: str) -> str:
    return html.escape(text, quote=True)


def _part(part: Part) -> str:
    if part.kind == "text":
        return _e(part.text)
    if part.kind == "byte":
        return f'<span style="font-size:0.8em">{part.text}</span>'
    if part.kind in {"space", "line"} and len(part.text) == 1:
        return f'<span style="opacity:0.7">{part.text}</span>'
    return f'<span style="{_SMALL}" title="{_e(part.name)}">{_e(part.text)}</span>'


def _parts(data: bytes) -> str:
    return "".join(_part(part) for part in label(data))


def _seen(chip: Chip) -> str:
    """What a chip shows: what the tokenizer saw, and what stood there before."""
    if chip.was is None:
        return _parts(chip.data)
    if chip.was and chip.data.endswith(chip.was):
        added = _parts(chip.data[: -len(chip.was)])
        plus = f'<span style="{_SMALL}" title="added by the tokenizer">+{added}</span>'
        return plus + _parts(chip.was)
    if not chip.was:
        return f'<span style="{_SMALL}" title="added by the tokenizer">+{_parts(chip.data)}</span>'
    before = f'<s style="opacity:0.75" title="in the source">{_parts(chip.was)}</s>'
    return f"{before}<b>{_parts(chip.data)}</b>"


def _line(stretches: Sequence[tuple[str, str]]) -> str:
    """One line of text: stretches of either direction, in the order their readers expect."""
    base = stretches[0][0]
    inner = "".join(
        drawn if way == base else f'<span dir="{way}">{drawn}</span>' for way, drawn in stretches
    )
    return f'<div dir="rtl">{inner}</div>' if base == "rtl" else f"<div>{inner}</div>"


def _number(value: float) -> str:
    return f"{value:,.2f}"


class TokenView:
    """One text under one or several tokenizers, as HTML; what `token_view` returns.

    Attributes:
        segmentations: of one text, in the order shown.
        scores: a table of scores per token, or None.
        compare: whether the boundary strip is shown (with two tokenizers or more).
        limit: tokens drawn for each tokenizer; the rest is counted, not drawn.
    """

    def __init__(
        self,
        segmentations: Sequence[Segmentation],
        scores: "pl.DataFrame | None" = None,
        *,
        compare: bool = True,
        limit: int = 300,
    ) -> None:
        self.segmentations = tuple(segmentations)
        self.scores = scores
        self.compare = compare
        self.limit = limit
        self._letters = letters(len(self.segmentations))

    def to_html(self) -> str:
        """The view as one `<div>`: a strip of boundaries, a row for each tokenizer, tables."""
        parts = []
        if self.compare and len(self.segmentations) > 1:
            parts.append(self._strip())
        parts += [self._row(number) for number in range(len(self.segmentations))]
        return f'<div class="workbench-tokens" style="max-width:1100px">{"".join(parts)}</div>'

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return f"<TokenView of {', '.join(map(repr, self.segmentations))}>"

    @cached_property
    def _fewest(self) -> int:
        return min((len(seg) for seg in self.segmentations), default=0)

    def _head(self, number: int) -> str:
        seg = self.segmentations[number]
        tokenizer, count = seg.tokenizer, len(seg)
        letter = self._letters[number]
        colour = palette.SERIES[number % len(palette.SERIES)]
        badge = (
            f'<span style="display:inline-block;background-color:{colour};'
            f"color:{palette.text_on(colour)};border-radius:3px;padding:0 5px;margin-right:6px;"
            f'font-weight:bold">{letter}</span>'
            if len(self.segmentations) > 1
            else ""
        )
        facts = [f"<b>{count:,}</b> token{'' if count == 1 else 's'}"]
        if count:
            facts.append(f"{_number(len(seg.source) / count)} bytes a token")
            facts.append(f"{_number(len(seg.text) / count)} characters a token")
        if len(self.segmentations) > 1 and self._fewest:
            more = count / self._fewest
            facts.append("the fewest" if count == self._fewest else f"{more:.2f} × the fewest")
        return (
            f'<div style="margin:12px 0 3px">{badge}<b>{_e(tokenizer.name)}</b> '
            f'<span style="{_QUIET}">{_e(tokenizer.algorithm)} · {" · ".join(facts)}</span></div>'
        )

    def _row(self, number: int) -> str:
        seg = self.segmentations[number]
        drawn = items(seg, 0, self.limit)
        many = [None, *scales(seg, self.scores)] if self.scores is not None else [None]
        body = []
        for scale in many:
            if scale is not None:
                body.append(_legend(scale))
            body.append(f'<div style="{_FLOW}">{self._flow(seg, drawn, scale)}</div>')
        rest = len(seg) - self.limit
        if rest > 0:
            body.append(
                f'<div style="{_QUIET}">The first {self.limit:,} of {len(seg):,} tokens are drawn; '
                "to_frame() has them all.</div>"
            )
        if not len(seg):
            body = [f'<div style="{_QUIET}">The text gives no token.</div>']
        return self._head(number) + "".join(body) + token_table(seg, min(self.limit, 100))

    def _flow(self, seg: Segmentation, drawn: list[Item], scale: Scale | None) -> str:
        return "".join(
            _line(
                [
                    (way, "".join(self._item(seg, item, scale) for item in run))
                    for way, run in runs(line)
                ]
            )
            for line in lines(drawn)
        )

    def _item(self, seg: Segmentation, item: Item, scale: Scale | None) -> str:
        content = item.content
        if content.kind == "drop":
            return (
                f'<span style="{_CHIP}border:1px dashed;color:inherit;opacity:0.75" '
                f'title="no token: {_e(content.reason)}, bytes {item.byte_start} to '
                f'{item.byte_end - 1}"><s>{_parts(content.source)}</s></span>'
            )
        chips = "".join(
            self._chip(seg, chip, item.first + place, scale)
            for place, chip in enumerate(content.chips)
        )
        if content.kind == "token":
            return chips
        lost = f"; dropped: {content.reason}" if content.reason else ""
        return (
            '<span style="display:inline-block;border:2px dotted #767676;border-radius:5px;'
            f'padding:0 2px;margin:1px" title="{len(content.chips)} tokens share this{_e(lost)}">'
            f"{_parts(content.source)} {chips}</span>"
        )

    def _chip(self, seg: Segmentation, chip: Chip, index: int, scale: Scale | None) -> str:
        ground, edge = palette.tint(index)
        ink, more = "", ""
        if scale is not None:
            ground, edge = scale.colour(index), _FAINT
            ink = f"color:{palette.text_on(ground)};"
            more = f", {scale.name} {scale.text(index)}"
        line = "2px solid" if chip.special else "1px dashed" if chip.unknown else "1px solid"
        shown = _seen(chip) if scale is None else _e("".join(p.text for p in label(chip.data)))
        return (
            f'<span style="{_CHIP}{ink}background-color:{ground};border:{line} {edge}" '
            f'title="{_e(token_title(seg, index) + more)}">{shown}</span>'
        )

    def _strip(self) -> str:
        """The text once, with a line before each cut and a lane for each tokenizer."""
        segs = self.segmentations
        pieces = cuts(segs)[: self.limit]
        everyone = len(segs)
        lanes = [palette.SERIES[i % len(palette.SERIES)] for i in range(everyone)]
        begins = {cut.byte_start for cut in pieces[:1]}

        def column(cut: Cut, side: str) -> str:
            who = len(cut.who)
            kind = "all" if who == everyone else "one" if who == 1 else "some"
            names = ", ".join(segs[i].tokenizer.name for i in cut.who)
            said = "start of the text" if cut.byte_start in begins else f"cut by {names}"
            bars = "".join(
                f'<span style="display:block;height:4px;margin-top:2px;background-color:{colour}'
                f'{f";margin-{side}:3px" if i in cut.who else ""}"></span>'
                for i, colour in enumerate(lanes)
            )
            lone = f'<sup style="font-size:0.6em;line-height:0">{self._letters[cut.who[0]]}</sup>'
            return (
                f'<span style="display:inline-block;vertical-align:top;margin-bottom:6px" '
                f'title="{_e(said)}"><span style="border-{side}:{_CUT[kind]};padding-{side}:1px">'
                f"{lone if kind == 'one' else ''}{_parts(cut.data)}</span>{bars}</span>"
            )

        def stretch(way: str, run: Sequence[Cut]) -> tuple[str, str]:
            return way, "".join(column(cut, "right" if way == "rtl" else "left") for cut in run)

        drawn = [_line([stretch(way, run) for way, run in runs(line)]) for line in lines(pieces)]
        key = " ".join(
            f'<span style="white-space:nowrap;margin-right:10px"><span style="display:inline-block;'
            f'width:18px;height:4px;vertical-align:middle;background-color:{colour}"></span> '
            f"<b>{letter}</b> {_e(seg.tokenizer.name)}</span>"
            for letter, seg, colour in zip(self._letters, segs, lanes, strict=True)
        )
        forms = " ".join(
            f'<span style="border-left:{_CUT[kind]};padding-left:3px;margin-right:10px">'
            f"{said}</span>"
            for kind, said in (
                ("all", "all cut here"),
                ("some", "some do"),
                ("one", "one does, with its letter"),
            )
        )
        return (
            f'<div style="{_QUIET};margin:4px 0">{key} {forms}</div>'
            f'<div style="{_FLOW};line-height:1.4">{"".join(drawn)}</div>'
        )


def _legend(scale: Scale) -> str:
    steps = "".join(
        f'<span style="display:inline-block;width:22px;height:10px;background-color:'
        f'{palette.ramp(i / 6)}"></span>'
        for i in range(7)
    )
    return (
        f'<div style="{_QUIET};margin-top:8px"><b>{_e(scale.name)}</b> {scale.number(scale.low)} '
        f"{steps} {scale.number(scale.high)} "
        f"{_e(scale.meaning)}; no score: no colour</div>"
    )


def token_view(
    what: "Segmentation | BoundaryComparison | Sequence[Segmentation]",
    scores: "pl.DataFrame | None" = None,
    *,
    compare: bool = True,
    limit: int = 300,
) -> TokenView:
    """Show a text as its tokens.

    Args:
        what: a segmentation, several of one text, or a comparison of boundaries.
        scores: a table with at least `byte_start`, `byte_end`, `score_name` and `score`
            (`workbench.studies.token_scores`); each score colours a row of its own.
        compare: whether to show, over the rows, where all, some or one of them cut.
        limit: tokens drawn for each tokenizer.

    Returns:
        A `TokenView`: the last expression of a cell shows it, `to_html()` gives its HTML.

    Raises:
        ValueError: if there is no segmentation, or they are of different texts.

    Example:
        >>> import workbench as wb
        >>> view = token_view(wb.segment("<b>", "bytes"))
        >>> "<b></span>" in view.to_html(), "&lt;" in view.to_html()
        (False, True)
    """
    if isinstance(what, Segmentation):
        what = [what]
    elif isinstance(what, BoundaryComparison):
        what = what.segmentations
    segs = list(what)
    if not segs:
        raise ValueError("token_view() needs at least one segmentation; wb.segment() makes one.")
    texts = {seg.text for seg in segs}
    if len(texts) > 1:
        raise ValueError(
            f"token_view() lays tokenizers over one text, and these segmentations are of "
            f"{len(texts)} different ones."
        )
    return TokenView(segs, scores, compare=compare, limit=limit)
