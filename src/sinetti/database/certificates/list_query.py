"""Lists of certificates and open orders: search, sorting and rows.

One statement finds the sorted keys (status_sql.py). Two or three more read the rows of a page.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import CharField, F, Lookup, Q, Value
from django.db.models.functions import Coalesce, Lower

from sinetti.database import models
from sinetti.database.certificates import status_sql
from sinetti.database.certificates.service_providers import service_providers
from sinetti.database.common.text_search import contains
from sinetti.database.connection import Database
from sinetti.database.organisations.search import matches
from sinetti.domain.certificates.display_status import OF_ORDERS, DisplayStatus, OrderFacts
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.listing import CertificateListItem, CertificateQuery, ListKey, ServiceProvider, Sort
from sinetti.domain.certificates.overview import CertificateTotals, add_up
from sinetti.domain.values import Channel

_HEX = frozenset("0123456789abcdef")


def find_keys(db: Database, wanted: CertificateQuery, most: int | None = None) -> tuple[ListKey, ...]:
    """Return the sorted keys of a query, in one statement; `most` of them, or all."""
    if not wanted.organisations:
        return ()
    with_orders = wanted.ends is None and (not wanted.states or any(state in OF_ORDERS for state in wanted.states))
    orders = _wanted_orders(db, wanted) if with_orders else None
    return status_sql.sorted_keys(db, wanted, _wanted_certificates(db, wanted), orders, most)


def totals(db: Database, organisations: Collection[str], now: datetime) -> CertificateTotals:
    """Return the totals of certificates and open orders, in one statement."""
    wanted = CertificateQuery(organisations, now)
    return add_up(status_sql.status_groups(db, now, _wanted_certificates(db, wanted), _wanted_orders(db, wanted)))


def counts_by_organisation(
    db: Database, organisations: Collection[str], now: datetime
) -> dict[str, dict[DisplayStatus, int]]:
    """Count the certificates of the default list by organisation and state.

    It is one statement.
    """
    wanted = _wanted_certificates(db, CertificateQuery(organisations, now))
    return status_sql.counts_by_owner(
        db, now, wanted.annotate(owner=F("lineage__organisation_id")).values(*_COLUMNS, "owner")
    )


def load_rows(db: Database, keys: Sequence[ListKey], now: datetime) -> tuple[CertificateListItem, ...]:
    """Return the list rows of these keys, in their order.

    One statement reads certificates, one orders, and one their service providers.
    """
    found = _certificates(db, [list_key.key for list_key in keys if not list_key.order], now)
    found |= _orders(db, [list_key.key for list_key in keys if list_key.order])
    firms = service_providers(db, {row.lineage_id for row in found.values()}, now)
    rows = [found[list_key.key] for list_key in keys if list_key.key in found]
    return tuple(listed(row, firms.get(row.lineage_id), now) for row in rows)


_COLUMNS = (
    "id",
    "serial",
    "not_before",
    "not_after",
    "renewable_from",
    "state",
    "origin",
    "first_fetched_at",
    "revoked_at",
    "revocation_reason",
    "renewal_opt_out_at",
    "seen",
    "word",
)


class _OneOf(Lookup):
    """Lookup for one of many values, passed as one array on PostgreSQL.

    Writing hundreds of separate values into a statement takes as long as running it.
    """

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:  # noqa: ANN401 - Django's own
        """Write the lookup with a placeholder for each value."""
        column, values = self.process_lhs(compiler, connection)
        return f"{column} IN ({', '.join(['%s'] * len(self.rhs))})", (*values, *self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:  # noqa: ANN401 - Django's own
        """Write the lookup with one placeholder."""
        column, values = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", (*values, list(self.rhs))


def _wanted_certificates(db: Database, wanted: CertificateQuery) -> Any:  # noqa: ANN401 - a query of two tables
    kept = db.rows(models.Certificate).exclude(state=CertificateState.SUPERSEDED)
    kept = kept.filter(_OneOf(F("lineage__organisation_id"), wanted.organisations))
    if wanted.channel is not None:
        kept = kept.filter(lineage__type__channel=wanted.channel)
    if wanted.ends is not None:
        begin, end = wanted.ends
        kept = kept.filter(revoked_at__isnull=True, not_after__gte=begin, not_after__lt=end)
    kept = _searched(db, kept, wanted, serials=True)
    kept = kept.annotate(
        seen=status_sql.seen(),
        renewal_opt_out_at=F("lineage__renewal_opt_out_at"),
        word=_word(wanted.sort, "lineage__description"),
    )
    if wanted.sort is Sort.HAND:
        return kept.annotate(approved=status_sql.approved("lineage__")).values(*_COLUMNS, "approved")
    return kept.values(*_COLUMNS)


def _wanted_orders(db: Database, wanted: CertificateQuery) -> Any:  # noqa: ANN401 - as above
    kept = db.rows(models.Order).filter(
        _OneOf(F("lineage__organisation_id"), wanted.organisations), state=OrderState.OPEN
    )
    if wanted.channel is not None:
        kept = kept.filter(lineage__type__channel=wanted.channel)
    kept = _searched(db, kept, wanted, serials=False)
    kept = kept.annotate(
        expires=status_sql.expires(), opened=status_sql.opened(), word=_word(wanted.sort, "description")
    )
    return kept.values("order_id", "created", "expires", "opened", "word")


def _searched(db: Database, kept: Any, wanted: CertificateQuery, *, serials: bool) -> Any:  # noqa: ANN401 - one of two tables
    """Filter by a part of a text, and by a part of the contact's name or address."""
    people = [f"lineage__contact__{one}" for one in ("name", "email")]
    if wanted.contact:
        kept = kept.filter(contains(db, people[0], wanted.contact) | contains(db, people[1], wanted.contact))
    if wanted.organisation:
        kept = kept.filter(matches(db, wanted.organisation, "lineage__organisation__"))
    if wanted.text:
        found = matches(db, wanted.text, "lineage__organisation__")
        for column in ("lineage__description", *people):
            found |= contains(db, column, wanted.text)
        digits = wanted.text.lower().replace(":", "")
        if serials and digits and _HEX.issuperset(digits):
            found |= Q(serial__gte=digits, serial__lt=f"{digits}g")
        kept = kept.filter(found)
    return kept


def _word(sort: Sort, description: str) -> Any:  # noqa: ANN401 - an expression
    column = {
        Sort.DESCRIPTION: description,
        Sort.ORGANISATION: "lineage__organisation__name",
        Sort.CHANNEL: "lineage__type__channel",
        Sort.CONTACT: "lineage__contact__name",
    }.get(sort)
    if column is None:
        return Value("", CharField())
    return Coalesce(Lower(column), Value(""), output_field=CharField())


PATHS = ("lineage__organisation", "lineage__type", "lineage__contact")


def _certificates(db: Database, serials: Sequence[str], now: datetime) -> dict[str, Any]:
    if not serials:
        return {}
    rows = db.rows(models.Certificate).filter(serial__in=serials).select_related(*PATHS)
    return {row.serial: row for row in status_sql.with_display_columns(rows, now)}


def _orders(db: Database, ids: Sequence[str]) -> dict[str, Any]:
    if not ids:
        return {}
    rows = db.rows(models.Order).filter(pk__in=ids).select_related(*PATHS)
    return {row.order_id: row for row in rows.annotate(expires=status_sql.expires(), opened=status_sql.opened())}


def listed(row: Any, firm: ServiceProvider | None, now: datetime) -> CertificateListItem:  # noqa: ANN401 - a row with annotations
    """Return the list row of a certificate or order that was read with `PATHS`."""
    lineage, contact, is_order = row.lineage, row.lineage.contact, isinstance(row, models.Order)
    return CertificateListItem(
        key=row.order_id if is_order else row.serial,
        organisation_id=lineage.organisation_id,
        customer_id=lineage.organisation.customer_id,
        organisation=lineage.organisation.name,
        channel=Channel(lineage.type.channel),
        description=(is_order and row.description) or lineage.description,
        contact=contact.name if contact is not None else "",
        email=contact.email if contact is not None else "",
        facts=OrderFacts(row.created, row.expires, row.opened) if is_order else status_sql.facts_of(row),
        firm=firm,
        serves=lineage.serves,
        looking=None if is_order else status_sql.looking_since(row, now),
    )
