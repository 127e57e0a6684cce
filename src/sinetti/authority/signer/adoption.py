"""Take-over of what an authority signed before it had its signer."""

from collections.abc import Iterable
from typing import NamedTuple

from sinetti.authority.signer.der import SEQUENCE, DerReader
from sinetti.authority.signer.lists import read_entries, read_list, serials_of
from sinetti.authority.signer.store import AdoptedCertificate, SignerStore
from sinetti.settings.signer import PolicyCa

__all__ = ["AdoptedCertificate"]


class AdoptedList(NamedTuple):
    """Last list of a CA and shard in DER, as it was published."""

    ca: PolicyCa
    der: bytes


def adopt(
    store: SignerStore,
    certificates: Iterable[AdoptedCertificate],
    lists: Iterable[AdoptedList],
    head: tuple[int, bytes] | None,
) -> None:
    """Take over certificates, lists, and size and root of the log's last head.

    What the store already has stays as it is, so that the same call may be repeated. Raises SignatureRefused for a list
    that its CA would not make.
    """
    with store.transaction():
        store.insert_adopted(certificates)
        for one in lists:
            content = read_list(DerReader(one.der).inside(SEQUENCE).element(SEQUENCE), one.ca)
            last = store.find_list(one.ca.file_name, content.shard)
            if last is None or last.number < content.record.number:
                serials = serials_of(read_entries(content.record.entries))
                store.replace_list(one.ca.file_name, content.shard, content.record, None, serials)
        if head is not None and store.find_head() is None:
            store.replace_head(*head)
