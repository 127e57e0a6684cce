"""JSON log on standard error: one line per event.

The formatter itself is that of the gateway. It contains no customer, address or certificate.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from sinetti.infra.traces import current_trace_id


class JsonFormatter(logging.Formatter):
    """Formatter of a record as one line: time, level, event and further facts.

    A log with other members overrides `members`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Format a record without the text of its exception, which may quote input."""
        return json.dumps(self.members(record), ensure_ascii=False)

    def members(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the members: the head, the facts of the call, the type of an exception."""
        value = self.head(record) | self.facts(record)
        if (trace_id := current_trace_id()) is not None:
            value["trace_id"] = trace_id
        if record.exc_info and record.exc_info[0] is not None:
            value["error"] = record.exc_info[0].__name__
        return value

    def head(self, record: logging.LogRecord, **origin: str) -> dict[str, Any]:
        """Return the first members: time, level, `origin`, event."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"time": at, "level": record.levelname.lower(), **origin, "event": record.getMessage()}

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the members that the log call passed as `extra={"facts": …}`."""
        found: dict[str, Any] = getattr(record, "facts", {})
        return found


def configure_logging() -> None:
    """Configure this process to log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("sinetti").setLevel(logging.INFO)
