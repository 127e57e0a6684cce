"""The commands of deploy/README.md that lead from an empty machine to a served authority."""

import re

from tests.house.tree import ROOT


def commands() -> list[str]:
    """Return them as the page has them, each on one line."""
    page = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    block = page.partition("<!-- commands -->\n\n")[2].partition("\n\n")[0]
    return re.sub(r"\\\n\s*", "", re.sub(r"^ {4}", "", block, flags=re.MULTILINE)).splitlines()
