"""The test bench's other preset: RSA keys and Incomes Register names.

These are the names that programs of the Incomes Register look for.
"""

from functools import cache

from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy
from sinetti.database.connection import Database
from sinetti.domain.values import Environment
from tests.support.authority import BASE_URL, NOW
from tests.support.scene import Scene, opened_scene


@cache
def _built() -> GeneratedHierarchy:
    return generate_hierarchy(parse_hierarchy(load_preset("incomes-register-test"), Environment.TEST, BASE_URL), NOW)


def incomes_register_test(db: Database) -> tuple[GeneratedHierarchy, Scene]:
    """Open a scene of this preset on a fresh database."""
    return _built(), opened_scene(db, _built())
