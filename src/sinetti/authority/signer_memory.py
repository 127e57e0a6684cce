"""Memory of a node's signer: it is shown what another node's signer signed."""

from sinetti.authority.key_store import AuthorityKeys
from sinetti.authority.signer.remote_store import RemoteKeyStore
from sinetti.database.connection import Database
from sinetti.database.issuance import ocsp_responses

AT_ONCE = 500
"""Certificates that are looked at together."""

OVERLAP = 1000
"""Positions that are looked at again.

A transaction with a lower one may end later.
"""


class SignerMemory:
    """Position of one process in the certificates that its signer learns.

    The signer refuses "good" for a certificate that it does not know, and keeps the entry of its revocation for ever.
    """

    def __init__(self) -> None:
        self._after = 0

    def look(self, db: Database, keys: AuthorityKeys) -> int:
        """Show what is new, and return the number of certificates that were shown.

        Raises SignerUnavailable, and the exceptions in DATABASE_UNAVAILABLE.
        """
        shown = 0
        for store in keys.stores:
            if isinstance(store, RemoteKeyStore):
                shown += self._show(db, store)
        return shown

    def _show(self, db: Database, store: RemoteKeyStore) -> int:
        shown, after = 0, max(0, self._after - OVERLAP)
        while page := ocsp_responses.page_of_signed(db, after, AT_ONCE):
            unknown = store.list_unknown((ca, serial) for _, ca, serial in page)
            places = [place for place, ca, serial in page if (ca, serial) in unknown]
            if places:
                store.show(ocsp_responses.certificates_at(db, places))
            shown, after = shown + len(places), page[-1][0]
        self._after = after
        return shown
