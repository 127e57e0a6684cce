"""Fresh databases, scenes and their content, and an external mail server."""

import pytest

from tests.support.mail_servers import mail_server
from tests.support.registers import db, sqlite_db
from tests.support.scene import scene, sqlite_scene

__all__ = ["db", "scene", "sqlite_db", "sqlite_scene"]


@pytest.fixture
def server():
    """Yield a mail server that accepts everything."""
    with mail_server() as running:
        yield running
