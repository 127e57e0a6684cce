"""The gateway's log on standard error: one JSON line per event, with no customer, address or certificate in it."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any


class JsonFormatter(logging.Formatter):
    """Formats a record as one line: time, level, event, and what else is known of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Leave out what an exception says: it may quote what came in."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        value: dict[str, Any] = {"time": at, "level": record.levelname.lower(), "event": record.getMessage()}
        value |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0] is not None:
            value["error"] = record.exc_info[0].__name__
        return json.dumps(value, ensure_ascii=False)


def configure_logging() -> None:
    """Have this process log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("sinetti").setLevel(logging.INFO)
