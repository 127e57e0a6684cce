"""Fixtures of the API's tests, for server tests that call the SOAP endpoint."""

from tests.api.conftest import any_counter, counter, service
from tests.support.registers import db, sqlite_db
from tests.support.scene import scene, sqlite_scene

__all__ = ["any_counter", "counter", "db", "scene", "service", "sqlite_db", "sqlite_scene"]
