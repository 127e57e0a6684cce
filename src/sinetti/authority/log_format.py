"""Log format of the servers, on standard error.

There is one line per event, as JSON for programs or as text for people. Exceptions are shown by type and traceback.
Their text is shown only for types whose texts come from the system or from Sinetti. Other texts may quote a row of the
database, and so a person or an id.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from sinetti.authority.data_directory import FolderError
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.infra.json_logging import JsonFormatter
from sinetti.infra.traces import current_trace_id
from sinetti.journal.reader import JournalError
from sinetti.pki.signers import SignerUnavailable
from sinetti.server.http import current_request

_TELLING = (OSError, SignerUnavailable, JournalError, FolderError, *DATABASE_UNAVAILABLE)
_PACKAGE = "sinetti"


class ServerLogFormatter(JsonFormatter):
    """Formatter that writes a record as one line."""

    def __init__(self, *, as_json: bool) -> None:
        """Store the format."""
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, as JSON or as text."""
        if self._as_json:
            return super().format(record)
        head = self._head(record)
        more = " ".join(f"{name}={one}" for name, one in self.members(record).items() if name not in head)
        event = " ".join(head["event"].split())
        return f"{head['time']} {record.levelname} {head['component']} {event} {more}"

    def members(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the members that have a value.

        They are time, level, component, event, request id, facts and process.
        """
        ids = {"request_id": current_request.get(), "trace_id": current_trace_id()}
        value = self._head(record) | ids | self.facts(record)
        value |= {"error": list(_errors(record)) or None, "pid": record.process}
        return {name: one for name, one in value.items() if one is not None}

    def _head(self, record: logging.LogRecord) -> dict[str, Any]:
        return self.head(record, component=_component(record.name))


def configure_logging(*, leniency: bool, as_json: bool | None = None) -> None:
    """Configure the servers' log on standard error.

    `as_json` None: JSON unless standard error is a terminal. `leniency` is set on the bench: lenient behaviour is
    logged, and requests are not.
    """
    handler = logging.StreamHandler(sys.stderr)
    if leniency:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    else:
        handler.setFormatter(ServerLogFormatter(as_json=not sys.stderr.isatty() if as_json is None else as_json))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("sinetti.leniency").setLevel(logging.INFO if leniency else logging.WARNING)
    logging.getLogger("sinetti.access").setLevel(logging.WARNING if leniency else logging.INFO)


def _component(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == _PACKAGE and len(parts) > 1 else parts[0]


def _errors(record: logging.LogRecord) -> Iterator[str]:
    """Yield a text for each exception of a chain, the first cause last.

    It has the type, the text if it cannot contain personal data, and the traceback.
    """
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        text = f": {' '.join(str(error).split())}" if isinstance(error, _TELLING) else ""
        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[::-1])
        yield f"{type(error).__name__}{text} [{where}]"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
