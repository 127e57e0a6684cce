"""A running service that takes new settings, certificates and trust, and loses no request meanwhile."""

import json
from threading import Event, Thread

from sinetti.domain.values import Environment
from tests.support.programs import fetched, ran
from tests.support.serving import serving, until

PEOPLE = ("--people-bind", "127.0.0.1:0", "--workers", "2", "--log", "json")
NOTICES = """
people_address = "http://127.0.0.1:1"
service = "Sinetti"
help = {fi = "apua", sv = "hjälp", en = "help"}
mail = {server = "smtp://127.0.0.1:1", from = "notices@pki.example"}
"""
PROVIDER = """
[[providers]]
id = "op"
name = { fi = "a", sv = "b", en = "c" }
issuer = "http://sign-in.example"
client_id = "sinetti"
client_secret_file = "secret"
"""


def ready(served):
    """Return the warnings of the health check."""
    return json.loads(fetched(f"{served.status}/readyz"))["warnings"]


def test_a_service_without_its_optional_files_serves_and_takes_them_later(sqlite_operator):
    """The faults of one trial: notices.toml missing, and a sign-in provider with wrong settings."""
    sqlite_operator.found()
    root = sqlite_operator.root
    (root / "eservice.toml").write_text(PROVIDER)
    with serving(root, *PEOPLE) as served:
        assert fetched(f"{served.soap}?wsdl"), "SOAP does not depend on it"
        assert fetched(f"{served.status}/ca/SinettiRootTestCAv1.cer")
        warned = ready(served)["optional-parts"]
        assert "provider op is left out: " in warned
        assert "pages is left out: " in warned
        assert len(served.children()) == 3, "two workers and the keeper"
        failures, over = [], Event()
        caller = Thread(target=calling, args=(f"{served.soap}?wsdl", over, failures))
        caller.start()
        (root / "eservice.toml").unlink()
        (root / "notices.toml").write_text(NOTICES)
        (root / "notices.toml").chmod(0o600)
        taken = ran("authority", "reload", "--dir", root)
        assert (taken.returncode, taken.stdout) == (0, ""), taken.stderr
        until(lambda: len(served.children()) == 5)
        assert ready(served)["optional-parts"] is None
        before = served.children()
        text = (root / "authority.toml").read_text()
        (root / "authority.toml").write_text(text.replace('"TEST"', f'"{Environment.PRODUCTION}"'))
        kept = ran("authority", "reload", "--dir", root)
        assert (kept.returncode, "keeps its former settings" in kept.stderr) == (5, True)
        assert served.children() == before
        over.set()
        caller.join()
        assert failures == []
        served.stop()


def calling(url, over, failures):
    """Call repeatedly, each time on a connection of its own."""
    while not over.wait(0.01):
        try:
            fetched(url)
        except OSError as bad:
            failures.append(bad)
