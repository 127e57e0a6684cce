"""Log of the gateway on standard error: one JSON line per event.

It contains no customer, address or certificate.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any


class JsonFormatter(logging.Formatter):
    """Formatter of a record as one line: time, level, event and further facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record without the text of its exception, which may quote input."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        value: dict[str, Any] = {"time": at, "level": record.levelname.lower(), "event": record.getMessage()}
        value |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0] is not None:
            value["error"] = record.exc_info[0].__name__
        return json.dumps(value, ensure_ascii=False)


def configure_logging() -> None:
    """Configure this process to log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("sinetti").setLevel(logging.INFO)
