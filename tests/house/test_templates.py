"""Templates: they put values into places and do nothing else.

They have no text of their own, compute nothing and set no colours.
"""

import re

import pytest

from tests.house.tree import PACKAGE

TEMPLATES = sorted((PACKAGE / "eservice" / "templates").rglob("*.html"))
TAGS = re.compile(r"{%.*?%}|{{.*?}}|<!doctype html>|<[^>]*>", re.DOTALL)
SPOKEN = re.compile(r'\b(?:alt|title|aria-label|placeholder|value|label)="([^"{]*[A-Za-zåäö]{2}[^"]*)"')


def spoken_by_itself(template: str) -> list[str]:
    """Return the words in a template that no catalogue has.

    The word "yes" is the value of a ticked box.
    """
    inside = [one for one in SPOKEN.findall(re.sub(r"{%.*?%}", "", template)) if one != "yes"]
    outside = TAGS.sub(" ", template).replace(":", " ").split()
    return [*inside, *outside]


@pytest.mark.parametrize("path", [one for one in TEMPLATES if one.stem != "attributes"], ids=lambda path: path.stem)
def test_no_text_stands_in_a_template(path):
    assert not spoken_by_itself(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_compute_and_paint_nothing(path):
    template = path.read_text(encoding="utf-8")
    assert not re.findall(r"{{[^}]*\|", template), "a filter"
    assert not re.findall(r"{%\s*(?:load|with|filter|autoescape|verbatim|now|cycle)\b", template)
    assert not re.findall(r"<style|\bstyle=|\bon[a-z]+=|javascript:|<script(?![^>]*\bsrc=)", template)


@pytest.mark.parametrize(
    ("template", "found"),
    [("<p>{{ a }}: {{ b }}</p>", []), ("<p>Hello</p>", ["Hello"]), ('<img alt="A seal">', ["A seal"])],
)
def test_the_measure_itself(template, found):
    assert spoken_by_itself(template) == found


def test_no_label_says_itself_that_its_field_is_optional():
    """The page marks optional fields (eservice/ui/page.py)."""
    sources = {path: path.read_text(encoding="utf-8") for path in (PACKAGE / "eservice").rglob("*.py")}
    assert not [path for path, text in sources.items() if re.search(r"\w \(optional\)", text)]


def test_a_panel_of_the_band_keeps_its_border_and_padding():
    """The rules of other open details are for what they show in the text."""
    css = (PACKAGE / "eservice" / "static" / "pages.css").read_text(encoding="utf-8")
    rule = re.search(r"^details\[open\] > \.panel \{ (.+) \}$", css, re.MULTILINE)
    assert rule is not None
    assert {"border-left", "padding-left"} <= {one.partition(":")[0] for one in rule[1].rstrip(";").split("; ")}
    assert ".band details[open] >" not in css
