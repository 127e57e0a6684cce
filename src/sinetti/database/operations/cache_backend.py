"""What is to be remembered for a while by all processes: how often somebody tried, which one-time codes were used.

A back end of Django's cache, in the register. Values are JSON: Django's own back end would run whatever somebody wrote
into its table. Keys are hashed, since addresses stand in them. It lives on the machine's clock, as sign-in does.
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
    """Keeps what it is given for at most a day, in the register that Django calls default."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        """Take Django's settings; the option `added_for` is how many seconds what is added lives at least."""
        super().__init__(params)
        self._added_for = timedelta(seconds=params.get("OPTIONS", {}).get("added_for", 0))

    def add(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Remember a value unless there is one; tells whether it did.

        Of several callers one does.
        """
        own, now = self._own(key, version), timezone.now()
        with transaction.atomic():
            CacheEntry.objects.filter(key=own, expires__lte=now).delete()
            values = {"value": json.dumps(value), "expires": now + max(self._lives(timeout), self._added_for)}
            _, made = CacheEntry.objects.get_or_create(key=own, defaults=values)
        return made

    def get(self, key: str, default: object = None, version: int | None = None) -> Any:  # noqa: ANN401
        """What is remembered, or `default`."""
        rows = CacheEntry.objects.filter(key=self._own(key, version), expires__gt=timezone.now())
        found = rows.values_list("value", flat=True).first()
        return default if found is None else json.loads(found)

    def set(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Remember a value; what has expired is forgotten."""
        now = timezone.now()
        values = {"value": json.dumps(value), "expires": now + self._lives(timeout)}
        with transaction.atomic():
            CacheEntry.objects.filter(expires__lte=now).delete()
            CacheEntry.objects.update_or_create(key=self._own(key, version), defaults=values)

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget a value; tells whether there was one."""
        return bool(CacheEntry.objects.filter(key=self._own(key, version)).delete()[0])

    def clear(self) -> None:
        """Forget everything."""
        CacheEntry.objects.all().delete()

    def _own(self, key: str, version: int | None) -> str:
        return sha256(self.make_key(key, version).encode()).hexdigest()

    def _lives(self, timeout: float | object | None) -> timedelta:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return _LONGEST if seconds is None else min(timedelta(seconds=float(seconds)), _LONGEST)  # type: ignore[arg-type]
