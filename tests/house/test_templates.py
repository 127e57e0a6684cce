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
