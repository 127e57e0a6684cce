"""Choosing many certificates at once: what names nothing is refused, before anything is done."""

from collections.abc import Callable

from sinetti.database.certificates import bulk_revocation
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.organisations import organisations
from sinetti.domain.certificates.bulk_revocation import BulkErrorReason, BulkRevocationError
from sinetti.services.context import ServiceContext

_NAMED = 3
_LOOKED_UP = "sinetti authority status --customer-id ID lists those of a customer"

Tell = Callable[[int, int], None]
"""Told after each transaction: of how many certificates it is known what became of them, and of how many in all."""


def no_progress(_done: int, _all: int) -> None:
    """Tell nobody how far it is."""


def require_criteria(wanted: CertificateSelection, verb: str, ways: str) -> None:
    """Refuse to do this to every certificate that there is; `ways` of choosing are told. Raises BulkRevocationError."""
    if wanted == CertificateSelection():
        sentence = f"all certificates at once are not {verb}: say which, by {ways}"
        raise BulkRevocationError(BulkErrorReason.NOTHING_NAMED, sentence)


def require_existing(wanted: CertificateSelection, ctx: ServiceContext) -> None:
    """Refuse what names nothing: a slip of the pen would look as if there were nothing to do.

    Raises BulkRevocationError.
    """
    if wanted.customer_id is not None and organisations.find_organisation(ctx.db, wanted.customer_id) is None:
        raise BulkRevocationError(BulkErrorReason.UNKNOWN, f"no organisation has the id {wanted.customer_id}")
    if wanted.authority is not None and wanted.authority not in ctx.certificates:
        sentence = f"no CA here is called {wanted.authority}: sinetti authority status lists their names"
        raise BulkRevocationError(BulkErrorReason.UNKNOWN, sentence)
    if wanted.serials is None:
        return
    known = {row.serial for row in bulk_revocation.select(ctx.db, CertificateSelection(serials=wanted.serials))}
    if lacking := [serial for serial in dict.fromkeys(wanted.serials) if serial not in known]:
        named = ", ".join(lacking[:_NAMED]) + (" …" if len(lacking) > _NAMED else "")
        sentence = f"no certificate has the serial {named} ({len(lacking)} of {len(wanted.serials)}): {_LOOKED_UP}"
        raise BulkRevocationError(BulkErrorReason.UNKNOWN, sentence)
