"""`python -m tests.judges.shots`: pictures of the main pages for review, at 1280 and 390 pixels.

They are in build/screenshots/main. Options choose the languages, the scheme of colours, and pages by their visits
(tests/support/visits.py).
"""

import argparse
import tempfile
from pathlib import Path

from sinetti.domain.values import Language
from tests.judges.walk import SCREENSHOTS, open_visit, served_population, windows
from tests.judges.walker import WIDTHS
from tests.support.chromium import started_chromium
from tests.support.visits import VISITS

MAIN = (
    "start of a stranger",
    "start of a signatory",
    "start of a clerk",
    "clerks' pages",
    "certificates",
    "a certificate",
    "a certificate near its end",
    "ordering",
    "ordering, wrong",
    "clients",
    "orders",
    "authorisations",
    "revoking",
    "fetching",
    "clerk: certificates",
    "clerk: an application",
)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.judges.shots", description=__doc__)
    parser.add_argument("visits", nargs="*", default=MAIN, help="names of visits (default: the main pages)")
    parser.add_argument("--language", action="append", choices=list(Language), help="default: fi")
    parser.add_argument("--dark", action="store_true")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        started_chromium() as browser,
        served_population(None, Path(folder)) as built,
    ):
        context, page = windows(browser, built.address)
        page.emulate_media(color_scheme="dark" if asked.dark else "light")
        for name in asked.visits:
            for language in asked.language or [Language.FI.value]:
                open_visit(page, built, VISITS[name], language)
                for width, height in WIDTHS.items():
                    page.set_viewport_size({"width": width, "height": height})
                    words = (*name.replace(",", "").replace(":", "").split(), language, str(width))
                    place = SCREENSHOTS / "main" / f"{'-'.join(words)}{'-dark' if asked.dark else ''}.png"
                    page.screenshot(path=place, full_page=True, animations="disabled", caret="hide")
        context.close()


if __name__ == "__main__":
    main()
