"""Colours that can be read and told apart, also by people who see fewer of them."""

import itertools

import pytest

from workbench.views.palette import (
    DARK,
    LIGHT,
    RAMP,
    SERIES,
    SHAPES,
    contrast,
    luminance,
    mix,
    oklab,
    ramp,
    style_variables,
    text_on,
    tint,
)

# Viénot, Brettel and Mollon (1999), on linear RGB: what a protanope and a deuteranope see.
_BLINDNESS = {
    "protan": ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)),
    "deutan": ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1)),
}


def _seen(colour: str, kind: str) -> str:
    def lin(c):
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    def gam(v):
        v = min(1, max(0, v))
        return round(255 * (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055))

    rgb = [lin(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5)]
    rows = _BLINDNESS[kind]
    return "#" + "".join(
        f"{gam(sum(m * c for m, c in zip(row, rgb, strict=True))):02x}" for row in rows
    )


def _apart(one: str, other: str) -> float:
    return sum((a - b) ** 2 for a, b in zip(oklab(one), oklab(other), strict=True)) ** 0.5


def test_published_contrast_values():
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert luminance("#808080") == pytest.approx(0.2159, abs=0.0005)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_reads_on_every_tint(theme):
    for background in (*theme.tints, theme.paper):
        assert contrast(theme.ink, background) >= 7
        assert contrast(theme.faint, background) >= 4.5
        assert contrast(theme.accent, background) >= 3
    for ground in (theme.paper, theme.raised):
        assert contrast(theme.ink, ground) >= 7
        assert contrast(theme.faint, ground) >= 4.5
        assert contrast(theme.warn, ground) >= 4.5
    assert all(contrast(colour, theme.paper) >= 3 for colour in theme.series)
    assert all(contrast(text_on(colour), colour) >= 4.5 for colour in theme.series)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_chip_has_a_border_that_shows(theme):
    for background, edge in zip(theme.tints, theme.edges, strict=True):
        assert contrast(edge, theme.paper) >= 3
        assert contrast(edge, background) >= 2


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_neighbouring_tints_differ_also_for_colour_blind_readers(theme):
    cycle = [tint(i, theme)[0] for i in range(len(theme.tints) + 1)]
    for one, other in itertools.pairwise(cycle):
        assert _apart(one, other) > 0.03
        for kind in _BLINDNESS:
            assert _apart(_seen(one, kind), _seen(other, kind)) > 0.02


def test_series_can_be_drawn_on_white_and_told_apart():
    assert all(contrast(colour, "#ffffff") >= 3 for colour in SERIES)
    for one, other in itertools.combinations(SERIES, 2):
        assert _apart(one, other) > 0.06
    assert len(SERIES) == len(set(SHAPES)) == len(SHAPES)


def test_the_ramp_only_ever_gets_darker_and_evenly_so():
    lights = [oklab(ramp(i / 50))[0] for i in range(51)]
    steps = [a - b for a, b in itertools.pairwise(lights)]
    assert all(step > 0 for step in steps)
    assert max(steps) / min(steps) < 2
    assert ramp(-3) == ramp(0) == RAMP[0]
    assert ramp(7) == ramp(1) == RAMP[-1]


def test_text_on_the_ramp_reads():
    for i in range(101):
        colour = ramp(i / 100)
        assert contrast(text_on(colour), colour) >= 4.5


def test_style_sheets_get_every_colour_by_name():
    rules = style_variables(".x")
    assert rules.count("--tint-5:") == 3  # light, dark in JupyterLab, dark elsewhere
    assert f"--ink:{LIGHT.ink};" in rules
    assert f"--ink:{DARK.ink};" in rules


def test_mix_keeps_its_ends():
    assert mix("#0072b2", "#ffffff", 0) == "#0072b2"
    assert mix("#0072b2", "#ffffff", 1) == "#ffffff"


def test_a_colour_that_is_none_is_named():
    with pytest.raises(ValueError, match="'blue' is no colour"):
        luminance("blue")
