"""Random ids, and many of them in statements of a bearable size."""

import secrets
from collections.abc import Iterable, Iterator

_CHUNK = 500


def random_id() -> str:
    """128 random bits as 32 lower-case hex digits."""
    return secrets.token_hex(16)


def in_parts(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """These ids, each once, as many at a time as one statement takes (SQLite's older builds: 999 values)."""
    different = tuple(dict.fromkeys(ids))
    for start in range(0, len(different), _CHUNK):
        yield different[start : start + _CHUNK]
