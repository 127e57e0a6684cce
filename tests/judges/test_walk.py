"""Every page in every language, checked by Chromium and axe, its HTML by vnu.

The pages are wide and narrow, light and dark, and used by keyboard. `make accessibility` writes the findings of a
whole walk into the package, for the accessibility statement.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from django.test import override_settings

from sinetti.domain.values import Language
from sinetti.eservice.ui.static_files import STYLES
from sinetti.infra.clock import utc_now
from tests.judges.walk import (
    AXE_VERSION,
    LAST_RUN,
    WALKED_TREE,
    WIDTHS,
    Walk,
    served_population,
    tree_digest,
    walked,
    windows,
)
from tests.support.tools import ROOT
from tests.support.visits import NOT_WALKED, VISITS, Visit
from tests.support.web_servers import tool

SAVED, WALKED = ROOT / "build" / "pages", ROOT / "build" / "walked"
VNU = ROOT / "build" / "peers" / "html" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
EVERY = {**VISITS, "every block": Visit("gallery", "/gallery")}


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    """Yield a population for the walk, with its pages over HTTP."""
    gallery = override_settings(ROOT_URLCONF="tests.judges.gallery")
    with gallery, served_population(request, tmp_path_factory.mktemp("population")) as built:
        yield built


@pytest.fixture(scope="module")
def walks(pytestconfig, testrun_uid, worker_id):
    """Yield the findings of each walk.

    With `--last-run` they are written down once every state was walked, by any number of processes.
    """
    found: dict[str, Walk] = {}
    yield found
    if pytestconfig.getoption("--last-run"):
        parts = WALKED / testrun_uid
        parts.mkdir(parents=True, exist_ok=True)
        own = {name: len(one.wrong) for name, one in found.items()}
        (parts / f"{worker_id}.json").write_text(json.dumps(own), encoding="utf-8")
        wrong = wrong_of_all(parts)
        if set(wrong) == set(EVERY):
            told = {
                "date": utc_now().date().isoformat(),
                "axe": AXE_VERSION,
                "languages": [one.value for one in Language],
                "widths": [one["width"] for one in WIDTHS],
                "pages": sorted({one.route for one in VISITS.values()} - set(NOT_WALKED)),
                "findings": sum(wrong.values()),
            }
            LAST_RUN.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
            if not told["findings"]:
                WALKED_TREE.write_text(f"{tree_digest()}\n", encoding="ascii")


def wrong_of_all(folder: Path) -> dict[str, int]:
    """Return the number of findings of each state.

    Each finished process of a run with `-n 2` wrote its part into the folder.
    """
    parts = [json.loads(one.read_text(encoding="utf-8")) for one in folder.glob("*.json")]
    return {name: count for part in parts for name, count in part.items()}


@pytest.mark.parametrize("name", EVERY)
def test_a_page(built, chromium, walks, name):
    context, page = windows(chromium, built.address)
    walks[name] = found = walked(page, built, name, EVERY[name], [one.value for one in Language])
    context.close()
    assert not found.wrong, "\n".join(found.wrong)


def test_the_html_of_every_page(built):
    """One run of the checker covers every state in every language.

    Its start takes a second.
    """
    shutil.rmtree(SAVED, ignore_errors=True)
    SAVED.mkdir(parents=True)
    for name, visit in EVERY.items():
        for language in Language:
            place = SAVED / f"{name.replace(' ', '-').replace(',', '')}-{language.value}.html"
            place.write_bytes(built.visited(visit, language.value).reply.body)
    for one in STYLES:
        shutil.copy(ROOT / "src" / "sinetti" / "eservice" / "static" / one, SAVED)
    if not VNU.is_file():
        pytest.skip("the checker of HTML is not there: scripts/peers html installs it")
    ran = subprocess.run(
        [tool("java"), "-Xss4m", "-jar", VNU, "--format", "json", "--also-check-css", SAVED],
        check=False, capture_output=True, timeout=120,
    )  # fmt: skip
    told = json.loads(ran.stderr)["messages"]
    found = {(one["message"], one.get("extract", "")): one["url"] for one in told if one["type"] != "info"}
    assert not found, json.dumps([[*key, url] for key, url in found.items()], indent=1)
    assert len(list(SAVED.glob("*.html"))) == len(Language) * len(EVERY)
