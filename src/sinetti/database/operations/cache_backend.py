"""Back end of Django's cache, shared by all processes through the database.

It counts attempts and records used one-time codes. Values are JSON, since Django's own back end would unpickle
any data in its table. Keys are hashed because they contain addresses. It uses the machine's clock, as sign-in
does.
"""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import transaction
from django.utils import timezone

from sinetti.database.models import CacheEntry

_LONGEST = timedelta(days=1)


class RegisterCache(BaseCache):
    """Cache that keeps values for at most a day in Django's default database."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        """Read Django's settings.

        The option `added_for` is the minimum lifetime of added values in seconds.
        """
        super().__init__(params)
        self._added_for = timedelta(seconds=params.get("OPTIONS", {}).get("added_for", 0))

    def add(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Store a value unless there is one; return True if it was stored.

        Only one of several concurrent callers gets True.
        """
        own, now = self._own(key, version), timezone.now()
        with transaction.atomic():
            CacheEntry.objects.filter(key=own, expires__lte=now).delete()
            values = {"value": json.dumps(value), "expires": now + max(self._lives(timeout), self._added_for)}
            _, made = CacheEntry.objects.get_or_create(key=own, defaults=values)
        return made

    def get(self, key: str, default: object = None, version: int | None = None) -> Any:  # noqa: ANN401
        """Return the stored value, or `default`."""
        rows = CacheEntry.objects.filter(key=self._own(key, version), expires__gt=timezone.now())
        row = rows.values_list("value", flat=True).first()
        return default if row is None else json.loads(row)

    def set(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Store a value and delete expired ones."""
        now = timezone.now()
        values = {"value": json.dumps(value), "expires": now + self._lives(timeout)}
        with transaction.atomic():
            CacheEntry.objects.filter(expires__lte=now).delete()
            CacheEntry.objects.update_or_create(key=self._own(key, version), defaults=values)

    def delete(self, key: str, version: int | None = None) -> bool:
        """Delete a value; return True if it existed."""
        return bool(CacheEntry.objects.filter(key=self._own(key, version)).delete()[0])

    def clear(self) -> None:
        """Delete all values."""
        CacheEntry.objects.all().delete()

    def _own(self, key: str, version: int | None) -> str:
        return sha256(self.make_key(key, version).encode()).hexdigest()

    def _lives(self, timeout: float | object | None) -> timedelta:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return _LONGEST if seconds is None else min(timedelta(seconds=float(seconds)), _LONGEST)  # type: ignore[arg-type]
