"""Lines of the log: their members, and the reported parts of an exception."""

import json
import logging
import sys

import pytest
from django.db import IntegrityError, OperationalError

from sinetti.authority.log_format import ServerLogFormatter, configure_logging
from sinetti.server.http import current_request

SECRET = "Key (transfer_id)=(abcd) already exists"


def record(event="it happened", *, name="sinetti.database.issuance.transactions", error=None, **facts):
    made = logging.LogRecord(name, logging.WARNING, __file__, 1, event, (), error)
    if facts:
        made.facts = facts
    return made


def told(made):
    line = ServerLogFormatter(as_json=True).format(made)
    assert "\n" not in line
    return json.loads(line)


def test_what_stands_in_a_line():
    line = told(record(status=200, reason=None))
    assert line.pop("time").endswith("Z")
    assert line.pop("pid")
    assert line == {"level": "warning", "component": "database", "event": "it happened", "status": 200}


COMPONENTS = {
    "sinetti.cli.authority.serve": "cli",
    "sinetti.authority.maintenance": "authority",
    "django.db.backends": "django",
}


@pytest.mark.parametrize(("name", "component"), COMPONENTS.items())
def test_the_component(name, component):
    assert told(record(name=name))["component"] == component


def test_what_a_thread_logs_while_it_works_on_a_request_names_it():
    token = current_request.set("0" * 32)
    try:
        assert told(record())["request_id"] == "0" * 32
    finally:
        current_request.reset(token)


def raised(*errors):
    """Raise each error while handling the one before; return the exception info."""
    try:
        if len(errors) > 1:
            raised_before = raised(*errors[:-1])[1]
            raise errors[-1] from raised_before
        raise errors[-1]
    except type(errors[-1]):
        return sys.exc_info()


ERRORS = {
    "what may quote a row": ((IntegrityError(SECRET),), ["IntegrityError ["]),
    "what anybody may have written": ((RuntimeError(SECRET),), ["RuntimeError ["]),
    "what the system says": ((OSError(28, "No space left on device"),), ["OSError: [Errno 28] No space left"]),
    "what the database says of its own state": ((OperationalError("it is\n shutting down"),), ["it is shutting down"]),
    "a chain, the first cause last": (
        (KeyError(SECRET), OperationalError("away")),
        ["OperationalError: away", "KeyError ["],
    ),
}


@pytest.mark.parametrize(("errors", "begin"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("as_json", [True, False])
def test_errors(errors, begin, as_json):
    line = ServerLogFormatter(as_json=as_json).format(record(error=raised(*errors)))
    assert "\n" not in line
    assert "abcd" not in line
    for one in begin:
        assert one in line
    assert "test_log_format.py:" in line, "where it came from"


@pytest.mark.parametrize("as_json", [None, True, False])
def test_json_unless_a_terminal_reads_along(as_json, capsys):
    before = logging.getLogger().handlers[:]
    try:
        configure_logging(leniency=False, as_json=as_json)
        logging.getLogger("sinetti.authority.maintenance").warning("said in\nparts")
    finally:
        logging.getLogger().handlers[:] = before
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith("{") is (as_json is not False)
