"""The style sheet: contrasts of its tokens in both schemes.

It loads nothing from elsewhere and has no colour beside the tokens.
"""

import re
from importlib import resources

import pytest

from sinetti.eservice.ui.static_files import STYLES

TOKENS, RULES = ((resources.files("sinetti.eservice") / "static" / one).read_text(encoding="utf-8") for one in STYLES)
CSS = TOKENS + RULES
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part))
    for part in re.split(r"@media \(prefers-color-scheme: dark\)", TOKENS)
)
TEXTS = [
    ("ink", "paper"), ("ink", "sheet"), ("ink", "tint"), ("quiet", "paper"), ("quiet", "sheet"), ("quiet", "tint"),
    ("accent", "paper"), ("accent", "sheet"), ("accent", "tint"), ("accent-deep", "tint"), ("accent-deep", "paper"),
    ("accent-deep", "sheet"), ("on-accent", "accent"), ("on-accent", "accent-deep"), ("on-band", "band"),
    ("on-band", "band-open"), ("good", "good-tint"), ("warning", "warning-tint"), ("error", "error-tint"),
    ("error", "paper"), ("error", "sheet"), ("sheet", "error"), ("ink", "good-tint"), ("ink", "warning-tint"),
    ("ink", "error-tint"), ("accent", "warning-tint"), ("accent", "good-tint"), ("accent-deep", "warning-tint"),
]  # fmt: skip
"""Pairs of texts and backgrounds: contrast 7 : 1 (WCAG 1.4.6)."""
SIGNS = [
    ("edge", "paper"), ("edge", "sheet"), ("edge", "tint"), ("accent", "paper"), ("error", "sheet"), ("bar", "sheet"),
    ("bar", "tint"), ("warning", "sheet"), ("good", "sheet"), ("band-line", "band"), ("focus", "paper"),
    ("focus", "sheet"), ("focus", "tint"), ("focus", "error-tint"), ("focus", "warning-tint"),
    ("focus-on-band", "band"), ("focus-on-band", "band-open"),
]  # fmt: skip
"""Pairs with a contrast of 3 : 1: edges of controls, signs and the focus mark.

The focus mark stands off its control. Source: WCAG 1.4.11 and 2.4.13.
"""


def luminance(colour):
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_contrasts(scheme):
    assert len(LIGHT) == len(DARK) > 15
    poor = {
        (one, on): round(contrast(scheme[one], scheme[on]), 2)
        for pairs, least in ((TEXTS, 7), (SIGNS, 3))
        for one, on in pairs
        if contrast(scheme[one], scheme[on]) < least
    }
    assert not poor


def test_the_measure_itself():
    assert round(contrast("#ffffff", "#000000"), 1) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def test_nothing_comes_from_elsewhere():
    assert not re.findall(r"url\(|@import|https?:", CSS)


def test_colours_are_tokens():
    """Two exceptions are white or black on white.

    They are the code that a phone reads, and paper.
    """
    rules = RULES.partition("@media print")[0]
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", rules)) <= {"#fff"}
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", CSS)) <= set(re.findall(r"--([a-z0-9-]+):", TOKENS))


def test_the_style_sheets_stay_small():
    assert len(CSS.encode()) < 30_000


@pytest.mark.parametrize("feature", ["reduced-motion", "contrast: more", "forced-colors: active", "print"])
def test_what_readers_ask_of_it(feature):
    assert feature in CSS
