"""Log on standard error with --verbose and --quiet."""

import logging

from sinetti.cli.core import output
from sinetti.cli.core.invocation import CURRENT

REQUESTS = "sinetti.infra.http_client"
"""Logger of the HTTP client: method, address, status and duration of each request."""


class _Handler(logging.Handler):
    """Handler that prints a record as other lines for a person are printed."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        output.print_error(f"sinetti: {record.getMessage()}")


_HANDLER = _Handler()


def print_requests(*, is_on: bool) -> None:
    """Print each HTTP request of a command to standard error, or stop that."""
    log = logging.getLogger(REQUESTS)
    log.removeHandler(_HANDLER)
    log.setLevel(logging.DEBUG if is_on else logging.NOTSET)
    log.propagate = not is_on
    if is_on:
        log.addHandler(_HANDLER)


def set_level() -> None:
    """Set the level of a service's log.

    With --quiet it has warnings and errors, with --verbose all records of this package.
    """
    if CURRENT.is_quiet:
        for name in (None, "sinetti.access", "sinetti.leniency"):
            logging.getLogger(name).setLevel(logging.WARNING)
    if CURRENT.is_verbose:
        logging.getLogger("sinetti").setLevel(logging.DEBUG)
