"""Which list a new certificate points to: the open shard of its CA, of which a process takes places in advance."""

from threading import Lock

from sinetti.database.connection import Database
from sinetti.database.operations import authorities

_MOST_AT_ONCE, _SHARE_AT_ONCE = 256, 64


class Shards:
    """The open shard of each CA, as one process knows it; it asks the register only when its places are used up.

    A shard never takes more than `certificates_per_list` certificates; it takes fewer where a process ended with places
    in hand. 0 sets no limit: certificates go to the shard that is open. Take none before a process forks.
    """

    def __init__(self, db: Database, certificates_per_list: int) -> None:
        self._register, self._most = db, certificates_per_list
        self._at_once = max(1, min(_MOST_AT_ONCE, certificates_per_list // _SHARE_AT_ONCE))
        self._taking = Lock()
        self._held: dict[str, tuple[int, int]] = {}

    def take(self, authority: str) -> int:
        """Give the shard that the next certificate of a CA goes to."""
        with self._taking:
            shard, left = self._held.get(authority, (0, 0))
            if not self._most:
                shard = shard or self._open_without_limit(authority)
                self._held[authority] = shard, 0
                return shard
            if not left:
                shard, left = authorities.take_places(self._register, authority, self._most, self._at_once)
            self._held[authority] = shard, left - 1
            return shard

    def _open_without_limit(self, authority: str) -> int:
        """The open shard, of which nobody counts the places from now on."""
        authorities.count_places_anew(self._register, authority)
        return authorities.open_shard(self._register, authority)


class SingleShard:
    """Every certificate goes to the first shard: for tests of what has nothing to do with it."""

    def take(self, _authority: str) -> int:
        """Give the first shard."""
        return 1


ONE_SHARD = SingleShard()
