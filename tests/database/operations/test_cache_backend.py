"""Cache shared by all processes, for rate limits and used codes."""

import pytest
from django.core.cache import caches
from django.test.utils import override_settings

from sinetti.database.models import CacheEntry
from sinetti.database.operations.cache_backend import RegisterCache
from tests.support.registers import DATABASES, crowd, opened_register


@pytest.fixture(params=DATABASES)
def db(request, tmp_path):
    """Return a database of each kind, as Django's default."""
    with opened_register(request.param, request, tmp_path, alias="default") as opened:
        yield opened


def test_values_come_back_until_they_expire(db):
    cache = RegisterCache("", {})
    assert cache.get("limit") is None
    assert cache.get("limit", []) == []
    cache.set("limit", [1.5, 2], 60)
    assert cache.get("limit") == [1.5, 2]
    cache.set("limit", [3], 0)
    assert cache.get("limit", "gone") == "gone"
    cache.set("other", True, None)
    assert [one.key for one in CacheEntry.objects.all()] == [cache._own("other", None)], "what expired is forgotten"
    assert cache.delete("other")
    assert not cache.delete("other")
    cache.set("more", 1)
    cache.clear()
    assert not CacheEntry.objects.exists()


def test_of_several_one_adds(db):
    assert sum(crowd(db, 4, lambda _: RegisterCache("", {}).add("used", "y", 30))) == 1
    cache = RegisterCache("", {"OPTIONS": {"added_for": 120}})
    assert cache.add("code", "y", 30)
    assert not cache.add("code", "y", 30)
    row = CacheEntry.objects.get(key=cache._own("code", None))
    assert row.value == '"y"'
    RegisterCache("", {}).set("code", "y", 0)
    assert cache.add("code", "z", 1), "what has expired is in nobody's way"


def test_it_is_the_one_that_pages_use():
    with override_settings():
        assert isinstance(caches["default"], RegisterCache)
