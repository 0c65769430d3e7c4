"""Every colour the project shows, in one place.

The hues are those of Okabe and Ito, "Color Universal Design" (2008), which people with the common
forms of colour blindness tell apart. Concessions, all checked by `tests/views/test_palette.py`:

- Four of the eight hues are too light to draw a line with on white (WCAG 2.2, 1.4.11 asks for
  3:1). `SERIES` holds them darkened at their own hue; in charts a shape or a dash goes with each.
- Token chips use tints of six hues: black text on the light ones, white on the dark ones, at 7:1 or
  better. Neighbours always differ, and every chip has a border besides.
- One ramp serves every heat map: its lightness (OKLab) falls evenly, so order survives greyscale.

Colours are strings `#rrggbb`, sRGB.
"""

from dataclasses import dataclass

__all__ = [
    "DARK",
    "DIVERGING",
    "LIGHT",
    "OKABE_ITO",
    "RAMP",
    "SERIES",
    "SHAPES",
    "Theme",
    "contrast",
    "luminance",
    "mix",
    "oklab",
    "ramp",
    "style_variables",
    "text_on",
    "tint",
]

OKABE_ITO: dict[str, str] = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}

SERIES: tuple[str, ...] = (
    "#0072B2",  # blue
    "#D55E00",  # vermillion
    "#008763",  # green, darkened
    "#A94F80",  # purple, darkened
    "#AD6D00",  # orange, darkened
    "#2E86B8",  # sky, darkened
    "#6E7000",  # yellow, darkened
    "#333333",  # black, softened
)
"""Lines, points and tokenizers, in the order they are handed out; at least 3:1 on white."""

SHAPES: tuple[str, ...] = (
    "circle",
    "diamond",
    "square",
    "triangle-up",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
"""Vega's names of the shapes that go with `SERIES`, so that no chart speaks by colour alone."""


def _channels(colour: str) -> tuple[float, float, float]:
    if len(colour) != 7 or colour[0] != "#":
        raise ValueError(f"{colour!r} is no colour of the form '#rrggbb'.")
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _gamma(value: float) -> int:
    value = min(1.0, max(0.0, value))
    coded = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(coded * 255)


def luminance(colour: str) -> float:
    """Relative luminance, 0 (black) to 1 (white), as WCAG 2.2 defines it.

    >>> luminance("#ffffff"), luminance("#000000")
    (1.0, 0.0)
    """
    red, green, blue = (_linear(c) for c in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2).

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_on(background: str) -> str:
    """Black or white, whichever reads better on `background`; never under 4.58:1.

    >>> text_on("#F0E442"), text_on("#0072B2")
    ('#000000', '#ffffff')
    """
    black, white = "#000000", "#ffffff"
    return black if contrast(black, background) >= contrast(white, background) else white


def oklab(colour: str) -> tuple[float, float, float]:
    """Lightness (0 to 1), a and b of a colour in OKLab (B. Ottosson, 2020).

    >>> [round(v, 3) + 0 for v in oklab("#ffffff")]
    [1.0, 0.0, 0.0]
    """
    r, g, b = (_linear(c) for c in _channels(colour))
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> str:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    return f"#{_gamma(red):02x}{_gamma(green):02x}{_gamma(blue):02x}"


def mix(one: str, other: str, share: float) -> str:
    """The colour `share` (0 to 1) of the way from `one` to `other`, straight through OKLab.

    >>> mix("#000000", "#ffffff", 1.0)
    '#ffffff'
    """
    first, second = oklab(one), oklab(other)
    return _from_oklab(*(a + (b - a) * share for a, b in zip(first, second, strict=True)))


RAMP: tuple[str, ...] = ("#fff7e0", "#f9c978", "#e8854f", "#b8436b", "#6b2377", "#250c4a")
"""Anchors of the one sequential ramp, from little to much; its lightness falls evenly."""


def ramp(share: float) -> str:
    """The ramp's colour at `share`; values outside 0 to 1 are clamped.

    >>> ramp(0.0), ramp(1.0)
    ('#fff7e0', '#250c4a')
    """
    place = min(1.0, max(0.0, share)) * (len(RAMP) - 1)
    lower = min(int(place), len(RAMP) - 2)
    return mix(RAMP[lower], RAMP[lower + 1], place - lower)


DIVERGING: tuple[str, ...] = (
    OKABE_ITO["blue"],
    mix(OKABE_ITO["blue"], "#ffffff", 0.55),
    "#f7f7f7",
    mix(OKABE_ITO["vermillion"], "#ffffff", 0.55),
    OKABE_ITO["vermillion"],
)
"""The ramp of differences: less, as much, more."""

_TINTED = ("sky", "orange", "green", "purple", "yellow", "blue")


@dataclass(frozen=True)
class Theme:
    """The colours of a light or a dark page.

    Attributes:
        tints: backgrounds of token chips, to be cycled by position.
        edges: borders of those chips, one for each tint.
        ink: text on a tint and on `paper`.
        faint: secondary text and marks of white space, 4.5:1 or better on every tint.
        paper: the page's background.
        rule: lines of grids and tables.
        warn: a token or a byte that is not what it seems, on `paper`.
        raised: the ground of cards and fields, between `paper` and `rule`.
        series: lines and badges of the tokenizers, 3:1 or better on `paper`.
        accent: focus rings and what is chosen.
    """

    tints: tuple[str, ...]
    edges: tuple[str, ...]
    ink: str
    faint: str
    paper: str
    rule: str
    warn: str
    raised: str
    series: tuple[str, ...]
    accent: str


LIGHT = Theme(
    tints=tuple(mix("#ffffff", OKABE_ITO[name], 0.30) for name in _TINTED),
    edges=tuple(mix(OKABE_ITO[name], "#000000", 0.30) for name in _TINTED),
    ink="#16181d",
    faint="#4a4f57",
    paper="#ffffff",
    rule="#d5d9df",
    warn="#b03a00",
    raised="#f6f7f9",
    series=SERIES,
    accent="#0060a0",
)
DARK = Theme(
    tints=tuple(mix("#14161a", OKABE_ITO[name], 0.34) for name in _TINTED),
    edges=tuple(mix(OKABE_ITO[name], "#ffffff", 0.10) for name in _TINTED),
    ink="#f2f4f7",
    faint="#c3c9d2",
    paper="#14161a",
    rule="#3a3f47",
    warn="#ff9c66",
    raised="#1d2026",
    series=tuple(mix(colour, "#ffffff", 0.35) for colour in SERIES),
    accent="#6fc1f5",
)


def style_variables(selector: str) -> str:
    """The palette as CSS custom properties, light and dark, for style sheets that hold no colour.

    Dark holds where JupyterLab says so, and elsewhere where the reader's system does.

    Args:
        selector: whose descendants may use the properties, such as `.workbench`.

    Returns:
        CSS rules that set `--ink`, `--tint-0`, `--edge-0`, `--series-0`, `--on-series-0` and so on.
    """

    def block(theme: Theme) -> str:
        pairs = {
            name: getattr(theme, name)
            for name in ("ink", "faint", "paper", "rule", "warn", "raised", "accent")
        }
        pairs["on-accent"] = text_on(theme.accent)
        for place, (ground, edge) in enumerate(zip(theme.tints, theme.edges, strict=True)):
            pairs |= {f"tint-{place}": ground, f"edge-{place}": edge}
        for place, colour in enumerate(theme.series):
            pairs |= {f"series-{place}": colour, f"on-series-{place}": text_on(colour)}
        pairs["ramp"] = f"linear-gradient(to right, {', '.join(RAMP)})"
        return "".join(f"--{name}:{value};" for name, value in pairs.items())

    lab = "body[data-jp-theme-light='false']"
    return (
        f"{selector}{{{block(LIGHT)}color-scheme:light}}\n"
        f"{lab} {selector}{{{block(DARK)}color-scheme:dark}}\n"
        f"@media (prefers-color-scheme:dark){{body:not([data-jp-theme-light]) {selector}"
        f"{{{block(DARK)}color-scheme:dark}}}}\n"
    )


def tint(position: int, theme: Theme = LIGHT) -> tuple[str, str]:
    """Background and border of the chip at `position`; two neighbours never get the same.

    >>> tint(0) != tint(1)
    True
    """
    turn = position % len(theme.tints)
    return theme.tints[turn], theme.edges[turn]
