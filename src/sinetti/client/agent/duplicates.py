"""Names of one store that hold the same certificate: the service renews it once, under one of them."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from sinetti.client.store import files
from sinetti.client.store.sighting import NameView


def find_duplicates(store: Path, renewing: Sequence[NameView]) -> dict[str, str]:
    """Give for names that are not to be renewed now the other name that renews their certificate, or has renewed it.

    Of several that are due, one for which something is under way comes first, then the first by name.
    """
    if not renewing:
        return {}
    former = _former(store, {one.in_use.serial for one in renewing if one.in_use is not None})
    leaders: dict[bytes, str] = {}
    others: dict[str, str] = {}
    for one in sorted(renewing, key=lambda seen: (seen.renewal is None, seen.name)):
        if one.in_use is None:
            continue
        leader = leaders.setdefault(one.in_use.sha256, one.name)
        if leader != one.name:
            others[one.name] = leader
        elif one.renewal is None and (elsewhere := former.get(one.in_use.serial)):
            # Where something is under way, it is gone on with all the same: its outcome alone tells.
            others[one.name] = elsewhere
    return others


def _former(store: Path, wanted: Iterable[str]) -> dict[str, str]:
    """Give for serials a name that has one among its generations, and another in use."""
    serials, known = set(wanted), dict[str, str]()
    for name in files.list_names(store):
        folder = store / name
        try:
            held = serials.intersection(os.listdir(folder / files.GENERATIONS))  # noqa: PTH208 - thousands of them
            in_use = files.live_path(folder).readlink().name if held else ""
        except OSError:
            continue
        known |= dict.fromkeys(held - {in_use}, name)
    return known
