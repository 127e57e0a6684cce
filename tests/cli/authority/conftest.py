"""Fixtures for an operator at the command line.

The operator has an authority on each database in turn.
"""

import json
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sinetti.cli.main import main
from tests.support import golden
from tests.support.officers import founders
from tests.support.registers import all_connections_closed, copied_database

ADDRESSES = ("--base-url", "http://pki.example", "--soap-url", "https://soap.example")
CONTACT = ("--contact-name", "The Contact", "--contact-email", "contact@customer.example")


@dataclass
class Operator:
    """Runner of the operator's commands in this process, as `sinetti authority …`."""

    root: Path
    capsys: pytest.CaptureFixture
    database: dict[str, str]
    refusals: list[str] = field(default_factory=list)
    """Refused commands with their exit codes and sentences."""

    def run(self, *words, root=None):
        """Return exit code, standard output and standard error of a command."""
        place = [] if words[0] is None else ["--dir", str(root or self.root)]
        code = main(["authority", *(str(word) for word in words if word is not None), *place])
        caught = self.capsys.readouterr()
        return code, caught.out, caught.err

    def does(self, *words):
        """Run a command that must succeed, and return its standard output."""
        code, out, err = self.run(*words)
        assert code == 0, f"{out}{err}"
        return out

    def refused(self, code, *words, root=None):
        """Run a command that must be refused, and return its sentence on standard error.

        The command ends with `code` and writes nothing on standard output.
        """
        ended, out, err = self.run(*words, root=root)
        assert (ended, out) == (code, ""), err
        (sentence,) = err.splitlines()
        assert sentence.startswith("sinetti: ")
        assert sentence.endswith((".", "?"))
        assert not sentence.endswith(("?.", ".."))
        command = " ".join(map(str, ("sinetti", "authority", *words)))
        self.refusals.append(f"$ {command}\n{sentence}\nexit code {code}\n")
        return sentence

    def refused_so_far(self):
        """Return the golden file of the commands that were refused."""
        return {"en.txt": golden.stable_text("\n".join(self.refusals), FOLDER=self.root.parent)}

    def refused_with(self, code, *words):
        """Run a command that must be refused, and return all of its messages."""
        ended, _out, err = self.run(*words)
        assert ended == code, err
        return err

    def found(self, *more, environment="TEST"):
        """Found the authority.

        Without further options, copy an authority that this process has founded before.
        """
        if environment == "PRODUCTION" and "--officer" not in more:
            more = (*more, *founders()) if more else ()
        words = ("init", "--environment", environment, *ADDRESSES, *more)
        if more or self.database:
            self.does(*words, *(founders() if environment == "PRODUCTION" and not more else ()))
            return
        first = founded_before() / environment
        if not first.exists():
            self.does(None, *words, *(founders() if environment == "PRODUCTION" else ()), "--dir", first)
        shutil.copytree(first, self.root)

    def add(self, customer_id="0123456-7", *more, kind="artificial"):
        """Add an organisation."""
        return self.does(
            "organisation", "add", "--customer-id", customer_id, "--kind", kind, "--name", "Malliyritys Oy", *more
        )

    def order(self, *more, customer_id="0123456-7"):
        """Order a certificate, and return its transfer ids."""
        return json.loads(self.does("order", "--customer-id", customer_id, *CONTACT, "--json", *more))


@cache
def founded_before():
    """Make the folder of authorities to be copied, once per process.

    The creation of tables takes longest.
    """
    kept.append(TemporaryDirectory(prefix="sinetti-authorities-"))
    return Path(kept[-1].name)


kept = []
"""Folders that are removed when the process ends."""


@contextmanager
def at_work(kind, request, tmp_path, monkeypatch):
    """Yield an operator without an authority, and the database that it will have.

    It has the tables already, and `init` accepts them as they are. test_initialise.py begins with an empty database.
    """
    database = {}
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
        database["DATABASE_URL"] = copied_database(url, f"authority_{secrets.token_hex(6)}")
        monkeypatch.setenv("DATABASE_URL", database["DATABASE_URL"])
    with all_connections_closed():
        yield Operator(tmp_path / "authority", request.getfixturevalue("capsys"), database)


@pytest.fixture(params=["sqlite", "postgresql"])
def operator(request, tmp_path, monkeypatch, capsys):
    """Yield an operator, on each database in turn."""
    with at_work(request.param, request, tmp_path, monkeypatch) as one:
        yield one


@pytest.fixture
def sqlite_operator(request, tmp_path, monkeypatch, capsys):
    """Yield an operator on SQLite, for tests that do not depend on the database."""
    with at_work("sqlite", request, tmp_path, monkeypatch) as one:
        yield one
