"""Fresh databases, desks and their content."""

from tests.support.registers import db, sqlite_db
from tests.support.service_context import desk, sqlite_desk

__all__ = ["db", "desk", "sqlite_db", "sqlite_desk"]
