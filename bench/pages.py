"""`python -m bench.pages`: duration of main pages, lists and searches.

The database has a million certificates.
"""

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from time import process_time
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connections

from bench.clusters import cluster, new_database
from bench.filling import add_authority, run, settle, write
from bench.running import cpu
from sinetti.database import models
from sinetti.database.certificates.search import search_all
from sinetti.database.connection import Database, migrate, open_database
from sinetti.database.models import Gateway, User
from sinetti.database.organisations.search import find_organisations
from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import DisplayStatus
from sinetti.domain.certificates.listing import CertificateQuery, Sort
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment, KeyType, Language
from sinetti.eservice.accounts.sessions import SessionStore
from sinetti.eservice.core.context import PortalContext
from sinetti.eservice.staff.common import PURPOSE
from sinetti.eservice.wsgi import application
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.notifications.context import NotificationSettings
from sinetti.pki.encoding import certificate_der, generate_key
from sinetti.server.http import Request
from sinetti.server.wsgi_adapter import WsgiEndpoint
from sinetti.services.access.permissions import Actor, load_permissions
from sinetti.services.context import ServiceContext
from sinetti.services.self_service import certificates as self_service_certificates

NOW = datetime(2027, 6, 3, 9, tzinfo=UTC)
CLIENTS = 300
AIM = 0.15
"""Limit in seconds for the 95th percentile of a page, and of a statement."""
PAGE_AIM = 150_000
"""Limit in octets for a page."""
ADDRESS, AUTHORITY = "http://localhost:8000", "bench-ca"

# Four certificates to an organisation; every eighth was renewed, and the new one retrieved. A gateway saw half. One
# name in a thousand has a family name inside. One in a hundred has an open order, and one in fifty a rejected request
# and a message that was returned.
_FILLING = """
INSERT INTO sinetti_person (person_id, name, email, phone, language)
SELECT md5('p' || i), CASE i %% 2000 WHEN 7 THEN 'Maija Korhonen ' ELSE 'Contact ' END || i,
       'Contact' || i || '@bench.example', '', 'fi' FROM {numbers};
INSERT INTO sinetti_organisation (organisation_id, customer_id, normalised_id, kind, country, name, language, created)
SELECT md5('o' || i), 'BENCH' || i, 'bench' || i, 'artificial', 'FI',
       CASE WHEN i %% 1000 = 0 THEN 'Maalaamo Korhonen ' || i || ' Oy' ELSE 'Organisation ' || i END, 'fi', %(at)s
  FROM {numbers} WHERE i %% 4 = 0;
INSERT INTO sinetti_approvedchannel (organisation_id, type_id, approved_at)
SELECT md5('o' || i), 'bench', %(at)s FROM {numbers} WHERE i %% 4 = 0;
INSERT INTO sinetti_lineage (lineage_id, organisation_id, type_id, subject_serial, description, version, created,
       contact_id)
SELECT md5('h' || i), md5('o' || (i - i %% 4)), 'bench', upper(md5('h' || i)), 'Payroll ' || i %% 1000, 3, %(at)s,
       md5('p' || i) FROM {numbers};
INSERT INTO sinetti_usedkey (key_id, first_seen) SELECT md5('k' || i) || md5('l' || i), %(at)s FROM {numbers};
INSERT INTO sinetti_certificate (id, serial, authority_id, lineage_id, state, origin, key_id, sha256, retrieval_id,
       predecessor_id, not_before, not_after, renewable_from, crl_shard, reserved_at, recorded_at, first_fetched_at,
       revocation_reason)
SELECT i + 1, substr(md5('s' || i), 1, 30) || lpad(to_hex(i), 8, '0'), 'bench-ca',
       md5('h' || (i - CASE WHEN i %% 8 = 1 THEN 1 ELSE 0 END)), 'fetched',
       CASE WHEN i %% 8 = 1 THEN 'renewal' ELSE 'import' END,
       md5('k' || i) || md5('l' || i), md5('x' || i) || md5('y' || i), md5('r' || i),
       CASE WHEN i %% 8 = 1 THEN i END,
       ends - interval '730 days', ends, ends - interval '60 days', 1, %(at)s, %(at)s, ends - interval '730 days', ''
  FROM {numbers},
  LATERAL (SELECT %(at)s::timestamptz + ((i::bigint * 7919) %% 900 - 170) * interval '1 day' AS ends) AS e;
INSERT INTO sinetti_certificateobservation (certificate_id, gateway_id, last_seen)
SELECT i + 1, 1, %(at)s::timestamptz - (i %% 20) * interval '1 day' FROM {numbers} WHERE i %% 2 = 0
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One query: its name, and its durations in seconds.

    The table shows the shortest, the median, the 95th percentile and the longest. On a machine with other work only the
    shortest says what the page costs, and `used`: the mean of this process's and PostgreSQL's processor time.
    """

    what: str
    times: Sequence[float]
    octets: int = 0
    used: float = 0.0

    @property
    def p95(self) -> float:
        """95th percentile of the durations."""
        return quantiles(self.times, n=20, method="inclusive")[-1]

    @property
    def missed(self) -> bool:
        """True if the query takes longer, or the page is larger, than its limit."""
        return self.p95 > AIM or self.octets > PAGE_AIM

    def row(self) -> str:
        """Return the figure as a row of the table, in milliseconds."""
        middle = quantiles(self.times, n=2, method="inclusive")[0]
        figures = " | ".join(f"{one * 1000:.0f}" for one in (min(self.times), middle, self.p95, max(self.times)))
        octets = f"{self.octets:,}" if self.octets else "–"
        return f"| {self.what} | {len(self.times)} | {figures} | {self.used * 1000:.0f} | {octets} |"


HEAD = (
    "| what | asked | shortest ms | median ms | p95 ms | longest ms | processor ms | octets |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|"
)


def main() -> int:
    """Measure and print the table; return 1 if a query exceeds a limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--times", type=int, default=40, help="each is asked so often (default: %(default)s)")
    return run(parser, HEAD, lambda parsed: measured(parsed.certificates, parsed.times))


def measured(certificates: int, times: int) -> list[Figure]:
    """Fill a database and measure the queries."""
    with ExitStack() as stack:
        db = open_database(new_database(stack.enter_context(cluster())))
        stack.callback(db.close)
        migrate(db)
        with connections[db.alias].cursor() as cursor:
            cursor.execute("DROP FUNCTION sinetti_require_entry() CASCADE")  # its rows have no entries of the log
        fill(db, certificates)
        ctx = ServiceContext(
            Environment.TEST, db, cast("Any", None), {}, {}, "FI", {AUTHORITY: _certificate()}, lambda: NOW, utc_now,
            fixed_keys(b"k" * 32),
        )  # fmt: skip
        firm = prepared(ctx)
        return [
            *page_figures(ctx, firm, times),
            *_lists(ctx, Actor(firm.pk, second_factor=True), times),
            *_searches(db, certificates, times),
        ]


def prepared(ctx: ServiceContext) -> User:
    """Return a user of a firm, with everything settled as in a serving process."""
    firm = _firm(ctx.db, ctx.now())
    settle(ctx.db)  # without statistics of the roles a certificate's page took seconds
    gc.freeze()  # as each serving process does (server/supervisor.py)
    return firm


def _lists(ctx: ServiceContext, actor: Actor, times: int) -> list[Figure]:
    """Measure the statements of the list of a firm with 300 clients."""
    allowed = load_permissions(actor, ctx)
    wanted = CertificateQuery(allowed.organisations(Permission.SEE), ctx.now())
    asked = {
        "list, most urgent first": wanted,
        **{f"list by {one}": replace(wanted, sort=one) for one in Sort if one is not Sort.URGENCY},
        "list, everything": replace(wanted, over=True),
        "list of one state": replace(wanted, states=(DisplayStatus.RENEWAL_OPEN,)),
        "search in it: description": replace(wanted, text="roll 1"),
        "search in it: name": replace(wanted, text="sation 11"),
        "search in it: a family name": replace(wanted, text="korhonen"),
        "search in it: nothing": replace(wanted, text="nothing"),
        "contact": replace(wanted, contact="tact1"),
    }

    def page(one: CertificateQuery, number: int = 1) -> Callable[[int], object]:
        return lambda _: self_service_certificates.list_page(one, number, allowed, ctx)

    figures = [_timed(what, times, page(one)) for what, one in asked.items()]
    return [*figures, _timed("list, page 20", times, page(wanted, 20))]


def _searches(db: Database, certificates: int, times: int) -> list[Figure]:
    """Measure a clerk's search over everything.

    It has common and rare parts, and pages far on.
    """

    def pages(text: str) -> Callable[[int], None]:
        """Return a look-up that continues where the previous one ended."""
        after = [""]

        def ask(_: int) -> None:
            after[0] = search_all(db, text, after[0]).after

        return ask

    some = [str((number * 7919) % certificates) for number in range(times)]
    return [
        _timed("everything: a serial", times, lambda n: search_all(db, f"{n % 16:x}{n % 7}{n % 13:x}")),
        _timed("everything: in a customer id", times, lambda n: search_all(db, f"nch{some[n]}")),
        _timed("everything: in a name", times, lambda n: search_all(db, f"sation {some[n][:4]}")),
        _timed("everything: a family name", times, lambda n: search_all(db, ("korhonen", "maija", "orho")[n % 3])),
        _timed("everything: in a description", times, lambda n: search_all(db, f"roll {n}")),
        _timed("everything: in an address", times, lambda n: search_all(db, f"tact{some[n]}@")),
        _timed("everything: every name, page by page", times, pages("sation")),
        _timed("everything: every description, page by page", times, pages("ayr")),
        _timed("everything: two letters", times, lambda n: search_all(db, ("pa", "or", "be", "zz")[n % 4])),
        _timed("everything: nothing", times, lambda _: search_all(db, "zzzz")),
        _timed("organisations: a family name", times, lambda _: find_organisations(db, "korhonen")),
        _timed("organisations: in a name", times, lambda n: find_organisations(db, f"tion {some[n][:3]}")),
    ]


def page_figures(ctx: ServiceContext, firm: User, times: int) -> list[Figure]:
    """Measure the main pages through the endpoint, with sessions and role assignments."""
    around = PortalContext(ctx, lambda _: True, NotificationSettings(ADDRESS, "Bench", dict.fromkeys(Language, "help")))
    door = WsgiEndpoint(application(ADDRESS, ctx.keys), ADDRESS, around.given())
    signatory, held = _signatory(ctx.db, ctx.now())
    clerk = User.objects.using(ctx.db.alias).create(email="clerk@authority.example", is_staff=True, created=ctx.now())
    lists, at_firm = "/settings/certificates", firm.mandates.get().organisation_id
    asked: Sequence[tuple[str, User, str, str]] = (
        ("start page of a representative", signatory, "/", ""),
        ("start page of a firm", firm, "/", ""),
        ("clerk's start page", clerk, "/", ""),
        ("clerk's pages", clerk, "/staff", ""),
        ("certificates of a firm", firm, lists, ""),
        ("a search in them: description", firm, lists, "q=ayroll+1"),
        ("a search in them: name", firm, lists, "q=korhonen"),
        ("by contact person, descending", firm, lists, "sort=contact&order=descending"),
        ("one certificate", signatory, f"{lists}/{held}", ""),
        ("clients of a firm", firm, "/settings/clients", f"organisation={at_firm}"),
        ("orders of a firm", firm, "/settings/orders", ""),
        ("authorisations", signatory, "/settings/authorisations", ""),
        ("clerk's search of certificates: name", clerk, "/staff/certificates", "text=korhonen"),
        ("clerk's search of certificates: description", clerk, "/staff/certificates", "text=ayroll+77"),
        ("clerk's search of certificates: nothing", clerk, "/staff/certificates", "text=zzzz"),
        ("clerk's search of organisations", clerk, "/staff/organisations", "text=korhonen"),
        ("clerk's outbox", clerk, "/staff/outbox", ""),
    )
    sessions = {user.pk: f"{settings.SESSION_COOKIE_NAME}={_session(user)}" for user in (signatory, firm, clerk)}
    return [
        _page(
            door,
            what,
            Request("GET", path, query, {"host": "localhost:8000", "cookie": sessions[user.pk]}, "0" * 32, b""),
            times,
        )
        for what, user, path, query in asked
    ]


def _page(door: WsgiEndpoint, what: str, request: Request, times: int) -> Figure:
    reply = door(request)
    if reply.status != 200:  # noqa: PLR2004 - OK
        sentence = f"{what}: {reply.status}"
        raise RuntimeError(sentence)
    return replace(_timed(f"page: {what}", times, lambda _: door(request)), octets=len(reply.body))


def _timed(what: str, times: int, ask: Callable[[int], object]) -> Figure:
    """Run a query so many times and return its durations.

    Two runs before that warm it up, as in a serving process.
    """
    ask(0), ask(0)
    found, before = [], _used()
    for number in range(times):
        begun = monotonic_seconds()
        ask(number)
        found.append(monotonic_seconds() - begun)
    return Figure(what, found, used=(_used() - before) / times)


def _used() -> float:
    return process_time() + cpu(Path.cwd())["database"]


def fill(db: Database, certificates: int) -> None:
    """Write certificates, four to an organisation.

    Their ends lie from 170 days ago to two years ahead.
    """
    add_authority(db, AUTHORITY, NOW)
    Gateway.objects.using(db.alias).create(
        number=1, name="gate", public_key="", added=NOW, first_report=NOW, last_report=NOW
    )
    write(db, _FILLING, certificates, {"at": NOW})
    settle(db)


def _certificate() -> bytes:
    """Return a CA's certificate, of which pages show the name."""
    key = generate_key(KeyType.EC_P256)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW)
    return certificate_der(builder.sign(key, hashes.SHA256()))


def _firm(db: Database, now: datetime) -> User:
    """Return a user of an accounting firm.

    The firm looks after 300 organisations, spread over all.
    """
    using = db.alias
    ids = list(models.Organisation.objects.using(using).order_by("pk").values_list("pk", flat=True)[: CLIENTS + 1])
    user = User.objects.using(using).create(email="somebody@firm.example", created=now)
    mandates = models.RoleAssignment.objects.using(using)
    firm = ids.pop()
    mandates.create(organisation_id=firm, user=user, role="manager", valid_from=now)
    mandates.bulk_create(
        models.RoleAssignment(organisation_id=one, agent_id=firm, role="manager", valid_from=now) for one in ids
    )
    return user


def _signatory(db: Database, now: datetime) -> tuple[User, str]:
    """Return a representative, and the serial number of a certificate."""
    user = User.objects.using(db.alias).create(email="somebody@malli.example", created=now)
    held = models.Certificate.objects.using(db.alias).select_related("lineage").get(pk=1)
    models.RoleAssignment.objects.using(db.alias).create(
        organisation_id=held.lineage.organisation_id, user=user, role="signatory", valid_from=now
    )
    return user, held.serial


def _session(user: User) -> str:
    """Return the session of a user who has signed in; a clerk's has a purpose."""
    session = SessionStore()
    session[PURPOSE] = "support"
    session[SESSION_KEY] = user.pk
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    # Both factors: a user who may act for others needs the second.
    session["account_authentication_methods"] = [{"method": one, "at": 0} for one in ("password", "mfa")]
    session["account_authentication_methods_user"] = user.pk
    session.save()
    return str(session.secret)


if __name__ == "__main__":
    sys.exit(main())
