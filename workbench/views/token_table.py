"""The tokens of a text as a table, for those who read rather than look."""

import html

from workbench.segmentation import Segmentation
from workbench.views.chips import GRAPHEME_WORDS, grapheme_status
from workbench.views.marks import spoken

__all__ = ["token_table"]

_CELL = "text-align:left;padding:1px 8px"


def token_table(seg: Segmentation, limit: int = 100) -> str:
    """A closed `<details>` with one row for each token, and one for each drop.

    Args:
        seg: the segmentation.
        limit: tokens listed.

    Returns:
        HTML; empty where there is neither token nor drop.
    """
    if not len(seg) and not seg.dropped:
        return ""
    head = "".join(
        f'<th scope="col" style="{_CELL}">{name}</th>'
        for name in ("token", "id", "piece", "text", "bytes", "span in bytes", "grapheme")
    )
    status = grapheme_status(seg)
    body = []
    for token in seg.tokens[: min(limit, len(seg))]:
        cells = (
            f"{token.id}",
            html.escape(ascii_safe(token.piece)),
            html.escape(spoken(token.data)),
            token.data.hex(" ").upper(),
            f"{token.byte_start}–{token.byte_end}",
            GRAPHEME_WORDS[status[token.index]] + (", special" if token.is_special else ""),
        )
        body.append(
            f'<tr><th scope="row" style="{_CELL}">{token.index + 1}</th>'
            + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
            + "</tr>"
        )
    for drop in seg.dropped[:limit]:
        text = seg.source[drop.byte_start : drop.byte_end]
        body.append(
            f'<tr><th scope="row" style="{_CELL}">no token</th><td style="{_CELL}" colspan="2">'
            f'{html.escape(drop.reason)}</td><td style="{_CELL}">{html.escape(spoken(text))}</td>'
            f'<td style="{_CELL}">{text.hex(" ").upper()}</td>'
            f'<td style="{_CELL}">{drop.byte_start}–{drop.byte_end}</td><td></td></tr>'
        )
    shown = min(limit, len(seg))
    of = f"the first {shown:,} of {len(seg):,}" if shown < len(seg) else f"all {len(seg):,}"
    name = html.escape(seg.tokenizer.name)
    return (
        f'<details style="margin:2px 0 6px"><summary style="font-size:12px;cursor:pointer">Table: '
        f'{of} tokens of {name}</summary><table style="border-collapse:collapse;font-size:12px">'
        f'<caption style="text-align:left;font-size:12px">Tokens of {name}; spans count bytes from '
        f"0, the end excluded.</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></details>"
    )


def ascii_safe(piece: str) -> str:
    r"""A vocabulary's spelling with everything that cannot be seen written as an escape.

    >>> ascii_safe("Ġthe\u202e\n")
    'Ġthe\\u202e\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in piece)
