"""Fixtures for an operator at the command line.

The operator has an authority on each database in turn.
"""

import json
import re
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sinetti.cli.main import main
from tests.support import golden
from tests.support.foundings import OperatorDatabase, copy_founded_by_command
from tests.support.officers import founders
from tests.support.registers import all_connections_closed

ADDRESSES = ("--base-url", "http://pki.example", "--soap-url", "https://soap.example")
CONTACT = ("--contact-name", "The Contact", "--contact-email", "contact@customer.example")

USER = r"(?<=a folder that )\S+(?= may write)"
DATES = r"(?<=until )\d{4}-\d\d-\d\d|\d{4}-\d\d-\d\d \d\d:\d\d UTC|\d{1,2} [A-Z][a-z]+ \d{4} at \d{1,2}:\d\d"


@dataclass
class Operator:
    """Runner of the operator's commands in this process, as `sinetti authority …`."""

    root: Path
    capsys: pytest.CaptureFixture
    database: dict[str, str]
    outputs: list[str] = field(default_factory=list)
    """Commands with what they said and their exit codes, for a golden file."""
    register: OperatorDatabase | None = None

    def run(self, *words, root=None):
        """Return exit code, standard output and standard error of a command."""
        if self.register is not None:
            self.register.create()
        return self._run(*words, root=root)

    def _run(self, *words, root=None):
        place = [] if words[0] is None else ["--dir", str(root or self.root)]
        code = main(["authority", *(str(word) for word in words if word is not None), *place])
        caught = self.capsys.readouterr()
        return code, caught.out, caught.err

    def does(self, *words):
        """Run a command that must succeed, and return its standard output."""
        code, out, err = self.run(*words)
        assert code == 0, f"{out}{err}"
        return out

    def _initialise_kind(self, *words):
        """Found the first authority of a kind, for which the operator's own database is not needed."""
        code, out, err = self._run(None, *words)
        assert code == 0, f"{out}{err}"

    def refused(self, code, *words, root=None):
        """Run a command that must be refused, and return its sentence on standard error.

        The command ends with `code` and writes nothing on standard output.
        """
        ended, out, err = self.noted(*words, root=root)
        assert (ended, out) == (code, ""), err
        assert err.count("\n") == 1, err
        sentence = err.removesuffix("\n")
        assert sentence.startswith("sinetti: ")
        assert sentence.endswith((".", "?"))
        assert not sentence.endswith(("?.", ".."))
        return sentence

    def refused_with(self, code, *words):
        """Run a command that must be refused, and return all of its messages."""
        return self.says(code, *words)[1]

    def says(self, code, *words):
        """Run a command that ends with `code`, note what it says, and return standard output and error."""
        ended, out, err = self.noted(*words)
        assert ended == code, f"{out}{err}"
        return out, err

    def noted(self, *words, root=None):
        """Run a command as `run` does, and note what it says for the golden file."""
        code, out, err = self.run(*words, root=root)
        given = (word for word in words if word is not None)
        self.outputs.append(golden.command(("sinetti", "authority", *given), out + err, code))
        return code, out, err

    def said(self, **varying):
        """Return the golden file of the commands that were noted."""
        ((name, text),) = golden.commands(self.outputs, **varying, FOLDER=self.root.parent).items()
        return {name: golden.without_toml_reader(re.sub(DATES, "DATE", re.sub(USER, "USER", text)))}

    def found(self, *more, environment="TEST"):
        """Copy an authority that this process has founded before with these options.

        Keys in a token and a database that is there already cannot be copied.
        """
        is_database_new = not self.database or (self.register is not None and not self.register.is_created)
        if is_database_new and "--pkcs11-token" not in more:
            words = init_words(environment, more)
            copy_founded_by_command(self.root, words, self.register, self._initialise_kind)
        else:
            self.initialise(*more, environment=environment)

    def initialise(self, *more, environment="TEST"):
        """Found the authority by the command, in tests of `init`."""
        self.does(*init_words(environment, more))

    def add(self, customer_id="0123456-7", *more, kind="artificial"):
        """Add an organisation."""
        return self.does(
            "organisation", "add", "--customer-id", customer_id, "--kind", kind, "--name", "Malliyritys Oy", *more
        )

    def order(self, *more, customer_id="0123456-7"):
        """Order a certificate, and return its transfer ids."""
        return json.loads(self.does("order", "--customer-id", customer_id, *CONTACT, "--json", *more))


def init_words(environment, more):
    """Return the words of `init`; PRODUCTION gets officers unless there are others."""
    officers = founders() if environment == "PRODUCTION" and "--officer" not in more else ()
    return ("init", "--environment", environment, *ADDRESSES, *more, *officers)


@contextmanager
def at_work(kind, request, tmp_path, monkeypatch):
    """Yield an operator without an authority, and the database that it will have.

    It has the tables already, and `init` accepts them as they are. test_initialise.py begins with an empty database.
    """
    database, register = {}, None
    if kind == "postgresql":
        register = OperatorDatabase(request.getfixturevalue("postgres_url"), f"authority_{secrets.token_hex(6)}")
        database["DATABASE_URL"] = register.url
        monkeypatch.setenv("DATABASE_URL", register.url)
    with all_connections_closed():
        yield Operator(tmp_path / "authority", request.getfixturevalue("capsys"), database, register=register)


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
