"""Fresh databases, desks and their content, and an external mail server."""

import pytest

from tests.support.mail_servers import mail_server
from tests.support.registers import db, sqlite_db
from tests.support.service_context import desk, sqlite_desk

__all__ = ["db", "desk", "sqlite_db", "sqlite_desk"]


@pytest.fixture
def server():
    """Yield a mail server that accepts everything."""
    with mail_server() as running:
        yield running
