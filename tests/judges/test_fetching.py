"""Java's keytool makes a request and imports the certificate that comes of it.

The commands are those that the page shows.
"""

import shutil
import subprocess

import pytest

from sinetti.eservice.orders import browser_enrolment_pages
from tests.eservice.orders.test_browser_enrolment_view import FETCH, fetch
from tests.support.browser import Browser, people_door
from tests.support.pages import fields
from tests.support.postgres import skip_or_fail
from tests.support.registers import opened_register
from tests.support.scene import ordered, sqlite_scene

__all__ = ["sqlite_scene"]
PASSWORD = "changeit"


@pytest.fixture
def sqlite_db(request, tmp_path):
    """Yield a database as the pages use it."""
    with opened_register("sqlite", request, tmp_path, alias="default") as opened:
        yield opened


def test_the_commands_of_keytool_work(sqlite_scene, tmp_path):
    if shutil.which("keytool") is None:
        skip_or_fail("keytool is not installed (scripts/packages judges says how)")

    def run(commands: str) -> str:
        told = ""
        for command in commands.splitlines():
            words = [*command.split(), "-storepass", PASSWORD]
            done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            told += done.stdout + done.stderr
        return told

    browser = Browser(people_door(sqlite_scene))
    shown = [str(one) for one in browser.get(FETCH).page.xpath("//pre/code/text()")]
    run(next(one for one in shown if one.startswith("keytool")))
    page = fetch(browser, ordered(sqlite_scene), (tmp_path / "request.pem").read_text(encoding="utf-8"))
    page.post(FETCH, {**fields(page, "bundle"), "do": "bundle"})
    (tmp_path / "certificate-and-chain.pem").write_bytes(page.reply.body)
    run(browser_enrolment_pages.KEYTOOL_AFTER)
    listed = run("keytool -list -v -alias sinetti -keystore keystore.p12")
    assert "PrivateKeyEntry" in listed
    assert "Certificate chain length: 3" in listed
