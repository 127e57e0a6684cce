"""A stolen issuing key, from the declaration to the end of the bridge, over real HTTP."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.api.publication import PublicationEndpoint
from sinetti.ca.issuance_request import LeafProfile
from sinetti.domain.authorities.distrust import LONGEST_BRIDGE
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Environment
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.bridge import ASK_AGAIN
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.crl_fetch import CrlDownload, fetch
from sinetti.gateway.trust_lists.content import TrustListSettings
from sinetti.gateway.trust_lists.lists import ASKED_EVERY, TrustLists
from sinetti.gateway.verdicts.verdict import VerdictReason
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex
from sinetti.server.http import Request
from sinetti.services.authorities.distrust_list import publish_distrust
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.authority import authority, holder_key, issue, issuer, leaf_plan
from tests.support.distrust import declared, with_services
from tests.support.scene import REQUEST, enrolled
from tests.support.small_server import small_server
from tests.support.trust_lists import root_of

SECOND = timedelta(seconds=1)
WITHIN = timedelta(seconds=60)


def forged(like, begins):
    """Sign a certificate with the stolen key, with a real serial number and the thief's own key."""
    plan = leaf_plan(holder_key(9).public_key(), begins=begins)
    return issue(
        replace(plan, serial=serial_hex(load_certificate(like).serial_number)), issuer(), kind=LeafProfile.HOLDER
    )


class Relying:
    """A relying service with its gateway, which reads lists at a status address."""

    def __init__(self, folder, url, clock):
        self.clock, built = clock, authority()
        ca = authority_of(issuer().certificate)
        self.crl = CrlDownload(f"{url}/crl/{issuer().file_name}.crl", folder / "crls" / "issuing.crl", ca)
        (folder / "crls").mkdir(exist_ok=True)
        settings = TrustListSettings(url, folder / "trust", (root_of(built),), Environment.TEST)
        self.lists = TrustLists(settings, now=clock)
        anchors = [one for _, one in built.entries.values()][:-1]
        source = CrlSource(folder=folder / "crls")
        self.gateway = Gateway(anchors, source=source, lists=self.lists, freshness=timedelta(hours=1))

    def reason(self, der):
        """Judge a certificate after a round of upkeep, as each process makes it every 20 seconds."""
        assert fetch(self.crl).trouble is None
        assert [one.trouble for one in self.lists.fetch()] == [None, None]
        self.gateway.source.refresh()
        return self.gateway.identify(der, self.clock()).reason


@pytest.fixture
def office(sqlite_scene):
    return with_services(sqlite_scene)


@pytest.fixture
def address(office):
    """Serve the status address of an office on a real socket."""
    door = PublicationEndpoint(office.ctx)

    def answer(asked):
        headers = {name.casefold(): value for name, value in asked.headers.items()}
        reply = door(Request(asked.method, asked.path, "", headers, REQUEST, asked.body))
        office.db.close()
        return reply.status, {**reply.headers, "content-type": reply.content_type}, reply.body

    with small_server(answer) as server:
        yield server.url


def test_the_life_of_a_compromise(office, address, tmp_path):
    clock = office.clock
    held, other = enrolled(office), enrolled(office)
    clock.now += SECOND
    stolen_at = clock.now
    relying = Relying(tmp_path, address, clock)
    fake = certificate_der(forged(held.der, stolen_at - SECOND))
    assert relying.reason(held.der) is None
    assert relying.reason(fake) is None, "before the declaration nothing shows the theft"

    late = enrolled(office)
    declared(office, issuer().file_name, stolen_at)
    publish_distrust(office.ctx, ("operator", REQUEST))
    clock.now += timedelta(seconds=ASKED_EVERY * 1.25)
    assert timedelta(seconds=ASKED_EVERY * 1.25) < WITHIN
    assert relying.reason(fake) is VerdictReason.REVOKED
    assert relying.reason(held.der) is None, "its holder goes on working"
    assert relying.reason(other.der) is None
    assert relying.reason(late.der) is VerdictReason.REVOKED, "recorded after the theft"

    restarted = Relying(tmp_path, address, clock)
    assert restarted.gateway.identify(fake, clock()).reason is VerdictReason.REVOKED, "from the stored list"

    revoke(RevocationRequest(other.serial, RevocationReason.SUPERSEDED), office.ctx, "operator", REQUEST)
    assert relying.reason(other.der) is None, "the kept answer is less than a minute old"
    clock.now += ASK_AGAIN
    assert relying.reason(other.der) is VerdictReason.REVOKED
    assert relying.reason(held.der) is None
    clock.now += timedelta(hours=LONGEST_BRIDGE)
    assert relying.reason(held.der) is VerdictReason.REVOKED
    assert relying.reason(fake) is VerdictReason.REVOKED


def test_while_the_status_address_is_silent_nothing_becomes_acceptable(office, address, tmp_path):
    clock, held = office.clock, enrolled(office)
    clock.now += SECOND
    relying = Relying(tmp_path, address, clock)
    declared(office, issuer().file_name, clock.now)
    publish_distrust(office.ctx, ("operator", REQUEST))
    assert relying.reason(held.der) is None
    silent = replace(relying.lists.settings, url="http://127.0.0.1:1")
    alone = TrustLists(silent, now=clock)
    assert [one.trouble is None for one in alone.fetch()] == [False, False]
    gateway = Gateway(relying.gateway.anchors, source=relying.gateway.source, lists=alone)
    assert gateway.identify(held.der, clock()).reason is VerdictReason.STATUS_UNKNOWN
    assert gateway.identify(certificate_der(forged(held.der, clock())), clock()).reason is VerdictReason.STATUS_UNKNOWN
