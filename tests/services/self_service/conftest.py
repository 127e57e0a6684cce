"""Fresh registers, offices and what stands in them."""

from tests.support.registers import register, sqlite_register
from tests.support.service_context import desk, sqlite_desk

__all__ = ["desk", "register", "sqlite_desk", "sqlite_register"]
