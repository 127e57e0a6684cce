"""CRL shard of a new certificate; a process reserves places in advance."""

from threading import Lock

from sinetti.database.connection import Database
from sinetti.database.operations import authorities

_MOST_AT_ONCE, _SHARE_AT_ONCE = 256, 64


class Shards:
    """The open shard of each CA, as one process knows it.

    It queries the database only when its reserved places are used up.

    A shard never takes more than `certificates_per_list` certificates; it takes fewer if a process ended with places
    in reserve. 0 sets no limit: certificates go to the open shard. Reserve no places before a process forks.
    """

    def __init__(self, db: Database, certificates_per_list: int) -> None:
        self._register, self._most = db, certificates_per_list
        self._at_once = max(1, min(_MOST_AT_ONCE, certificates_per_list // _SHARE_AT_ONCE))
        self._taking = Lock()
        self._held: dict[str, tuple[int, int]] = {}

    def take(self, authority: str) -> int:
        """Return the shard of the next certificate of a CA."""
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
        """Return the open shard; its places are no longer counted."""
        authorities.count_places_anew(self._register, authority)
        return authorities.open_shard(self._register, authority)


class SingleShard:
    """Assigns every certificate to the first shard, for tests of other subjects."""

    def take(self, _authority: str) -> int:
        """Return the first shard."""
        return 1


ONE_SHARD = SingleShard()
