"""Fresh registers, offices and what stands in them; a mail server that is not ours."""

import pytest

from tests.support.mail_servers import mail_server
from tests.support.registers import register, sqlite_register
from tests.support.service_context import desk, sqlite_desk

__all__ = ["desk", "register", "sqlite_desk", "sqlite_register"]


@pytest.fixture
def server():
    """Give a mail server that takes everything."""
    with mail_server() as running:
        yield running
