"""Fresh registers, offices and what stands in them."""

from tests.support.office import desk, sqlite_desk
from tests.support.registers import register, sqlite_register

__all__ = ["desk", "register", "sqlite_desk", "sqlite_register"]
