"""Certificates of the user's organisations: lists, CSV export and details.

Each query is limited to the organisations that the user may see. A missing certificate is treated like one of another
organisation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from sinetti.database.certificates import history, list_query
from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.listing import (
    CertificateDetails,
    CertificateListItem,
    CertificateQuery,
    HistoryEvent,
    RejectedRequest,
)
from sinetti.domain.usage import UsageReport, usage_of
from sinetti.domain.values import KeyType
from sinetti.pki.chain import build_chain
from sinetti.pki.encoding import certificate_der, certificate_pem, load_certificate, sha256_hex
from sinetti.pki.key_policy import key_type
from sinetti.services.access.permissions import Actor, PermissionDenied, Permissions
from sinetti.services.context import ServiceContext

PAGE = 50
COUNTED = 1000
"""Most certificates that are counted.

Above it the page only says that there are more.
"""
REFUSALS = 5
_PART = 200
"""Rows of a CSV export per read."""


@dataclass(frozen=True)
class ListPage:
    """A page of a list.

    `count` is their number, `more` says that there are more than those; pages begin with 1.
    """

    rows: tuple[CertificateListItem, ...]
    count: int
    more: bool
    page: int
    last: bool


@dataclass(frozen=True)
class OneCertificate:
    """The data of a certificate's page.

    `issuer` is the common name of its CA; `use` is its use as reported by gateways. `subject` (RFC 4514) and
    `key_sha256`, the digest of its SubjectPublicKeyInfo, are empty until it is issued.
    """

    seen: CertificateDetails
    deeds: tuple[HistoryEvent, ...]
    refusals: tuple[RejectedRequest, ...]
    use: UsageReport
    key: KeyType | None
    issuer: str
    subject: str = ""
    key_sha256: str = ""


def list_page(wanted: CertificateQuery, page: int, permissions: Permissions, ctx: ServiceContext) -> ListPage:
    """Return a page of the certificates that the user may see, and their number.

    Takes three statements, or four with orders. Raises PermissionDenied if the user may see no organisation's.
    """
    page = max(page, 1)
    keys = list_query.find_keys(ctx.db, restrict_to_visible(wanted, permissions), most=max(COUNTED, page * PAGE) + 1)
    if page > 1 and len(keys) <= (page - 1) * PAGE:
        page = max((len(keys) + PAGE - 1) // PAGE, 1)
    first = (page - 1) * PAGE
    rows = list_query.load_rows(ctx.db, keys[first : first + PAGE], wanted.now)
    more = len(keys) > COUNTED
    return ListPage(rows, COUNTED if more else len(keys), more, page, last=len(keys) <= first + PAGE)


def iter_chunks(
    wanted: CertificateQuery, permissions: Permissions, ctx: ServiceContext
) -> Iterator[Sequence[CertificateListItem]]:
    """Yield all requested certificates that the user may see, in parts.

    Each part is read by its own statements when it is consumed. Raises PermissionDenied if the user may see no
    organisation's.
    """
    return _parts(restrict_to_visible(wanted, permissions), ctx)


def _parts(wanted: CertificateQuery, ctx: ServiceContext) -> Iterator[Sequence[CertificateListItem]]:
    keys = list_query.find_keys(ctx.db, wanted)
    for start in range(0, len(keys), _PART):
        yield list_query.load_rows(ctx.db, keys[start : start + _PART], wanted.now)


def restrict_to_visible(wanted: CertificateQuery, permissions: Permissions) -> CertificateQuery:
    """Limit a query to the organisations that the user may see.

    Raises PermissionDenied if there are none.
    """
    earlier = permissions.organisations(Permission.SEE)
    if not earlier:
        raise PermissionDenied(Permission.SEE, None, second_factor=bool(permissions.waiting))
    return replace(wanted, organisations=earlier.intersection(wanted.organisations))


def get_details(serial: str, permissions: Permissions, actor: Actor, ctx: ServiceContext) -> OneCertificate:
    """Return the details of one certificate, in five statements.

    Raises PermissionDenied if the user may not see it.
    """
    seen = certificate(serial, permissions, ctx)
    span, looking = seen.facts.span, seen.listed.looking
    use = usage_of(span.not_before, seen.facts.seen, [looking] if looking is not None else [], ctx.now())
    issued = load_certificate(seen.der) if seen.der is not None else None
    key = None if issued is None else issued.public_key()
    issuer = load_certificate(ctx.certificates[seen.authority])
    return OneCertificate(
        seen,
        history.events(ctx.db, seen, actor.name),
        history.rejections(ctx.db, seen.lineage_id, REFUSALS),
        use,
        None if key is None else key_type(key),
        str(issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value),
        "" if issued is None else issued.subject.rfc4514_string(),
        ""
        if issued is None
        else sha256_hex(issued.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    )


def certificate(serial: str, permissions: Permissions, ctx: ServiceContext) -> CertificateDetails:
    """Return one certificate with its lineage.

    Raises PermissionDenied, for a missing certificate as for another organisation's.
    """
    seen = history.read(ctx.db, serial, ctx.now())
    if seen is None:
        raise PermissionDenied(Permission.SEE, None)
    organisation_id = seen.listed.organisation_id
    if not permissions.may(Permission.SEE, organisation_id):
        later = organisation_id in permissions.waiting
        raise PermissionDenied(Permission.SEE, organisation_id if later else None, second_factor=later)
    return seen


def issued(serial: str, permissions: Permissions, ctx: ServiceContext) -> bytes:
    """Return a certificate in DER.

    Raises PermissionDenied, also for a certificate that is not issued yet.
    """
    der = certificate(serial, permissions, ctx).der
    if der is None:
        raise PermissionDenied(Permission.SEE, None)
    return der


def issued_pem(serial: str, permissions: Permissions, ctx: ServiceContext) -> bytes:
    """Return a certificate in PEM. Raises PermissionDenied like `issued`."""
    return certificate_pem(issued(serial, permissions, ctx))


def issued_chain(serial: str, permissions: Permissions, ctx: ServiceContext) -> bytes:
    """Return the chain of a certificate in PEM: issuing CA, intermediates, no root.

    Raises PermissionDenied like `issued`.
    """
    bundle = [load_certificate(certificate) for certificate in ctx.certificates.values()]
    above = build_chain(load_certificate(issued(serial, permissions, ctx)), bundle)
    return b"".join(certificate_pem(certificate_der(certificate)) for certificate in above)
