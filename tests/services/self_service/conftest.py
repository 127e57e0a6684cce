"""Fixtures: fresh databases and scenes with their content."""

from tests.support.registers import db, sqlite_db
from tests.support.scene import scene, sqlite_scene

__all__ = ["db", "scene", "sqlite_db", "sqlite_scene"]
