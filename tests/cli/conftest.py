"""Fixtures for the command line against the stand-in for the service."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sinetti.cli.client import common
from sinetti.cli.main import main
from sinetti.client.requests import log_proof
from tests.client.double import PASSWORD, TRANSFER_ID, Double, anchors, served
from tests.support import authority, golden
from tests.support.served_logs import ServedLog, log_of_test_authority


@dataclass
class Shell:
    """Runner of commands as a user runs them, with the options of an enrolment."""

    double: Double
    folder: Path
    capsys: pytest.CaptureFixture
    log: ServedLog = field(default_factory=log_of_test_authority)
    outputs: list[str] = field(default_factory=list)
    """Commands with what they said to people and their exit codes, but enrolments that succeeded."""

    @property
    def store(self):
        return self.folder / "store"

    def run(self, *arguments, shown=None):
        """Return exit code, standard output and standard error of a command."""
        code = main([str(one) for one in arguments])
        caught = self.capsys.readouterr()
        if arguments[:1] != ("enrol",) or code:
            self.record(shown or arguments, code, caught.out, caught.err)
        return code, caught.out, caught.err

    def record(self, arguments, code, out, err):
        """Keep what a command said for `said`; JSON, and the usage before an error, have other tests."""
        out = "" if "--json" in arguments else out
        err = err[err.rfind("\nsinetti") + 1 :] if err.startswith("usage:") else err
        self.outputs.append(golden.command(("sinetti", *arguments), out + err, code))

    def said(self, **varying):
        """Return the golden file of what commands have said."""
        return golden.commands(self.outputs, **varying, FOLDER=self.folder)

    def serve_log(self, monkeypatch):
        """Serve the log, which has no entries yet, in the place of the test authority's address."""
        self.log.is_gone = True
        monkeypatch.setattr(log_proof, "fetch_part", lambda _url, path: self.log.fetch(path))
        return self

    def enrol(self, *more, name="payroll", **changes):
        options = {
            "store": self.store,
            "service": self.double.url,
            "trust-services": self.folder / "services.pem",
            "trust-holders": self.folder / "holders.pem",
            "environment": "TEST",
            "customer-id": authority.CUSTOMER_ID,
            "customer-name": authority.CUSTOMER_NAME,
            "transfer-id": TRANSFER_ID,
            "transfer-password-file": self.folder / "password",
            "key": "ec-p256",
        } | {key.replace("_", "-"): value for key, value in changes.items()}
        words = [word for key, value in options.items() if value is not None for word in (f"--{key}", value)]
        shown = [word for key, value in changes.items() for word in (f"--{key.replace('_', '-')}", value)]
        return self.run("enrol", name, *words, *more, shown=("enrol", name, *shown, *more))


@pytest.fixture
def shell(tmp_path, capsys, monkeypatch):
    for role in ("services", "holders"):
        (tmp_path / f"{role}.pem").write_text(anchors(role))
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "password").chmod(0o600)
    double = Double()
    monkeypatch.setattr(common.clock, "utc_now", lambda: double.now)
    with served(double) as one:
        yield Shell(one, tmp_path, capsys).serve_log(monkeypatch)
