"""Anchors of a file, and CRLs about the CAs above a leaf, at the gateway."""

import pytest
from cryptography import x509

from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import GOOD, FallbackSource
from sinetti.gateway.verdicts.verdict import RevocationCheck, VerdictReason
from tests.gateway.material import DAY, HOUR, SECOND, certificate, crl, key, leaf
from tests.support.authority import NOW

ROOT = certificate("Root")
ABOVE = certificate("Intermediate CA", ("Root", "Root"))
ISSUING = certificate("Issuing CA", ("Intermediate CA", "Intermediate CA"))
LEAF = leaf(("Issuing CA", "Issuing CA"))
LONG_AGO = NOW - 30 * DAY


def listed(ca, *revoked, **changes):
    """Return a CRL of a CA, a month old and in force, as CRLs about CAs are."""
    signer = key(changes.pop("by", None) or ca.subject.rfc4514_string().removeprefix("CN="))
    serials = tuple(one.serial_number for one in revoked)
    return crl(**{"issuer": ca, "signer": signer, "revoked": serials, "at": LONG_AGO, "life": 60 * DAY} | changes)


OF_LEAVES = listed(ISSUING, at=NOW)
LISTS = {
    "no list of a CA": [],
    "lists that revoke nothing": [listed(ROOT), listed(ABOVE)],
    "the intermediate's revokes": [listed(ABOVE, ISSUING)],
    "the root's revokes": [listed(ROOT, ABOVE)],
    "the intermediate's is stale": [listed(ABOVE, life=DAY)],
    "the intermediate's is stale and revokes": [listed(ABOVE, ISSUING, life=DAY)],
    "a stale one revokes, a newer one does not": [listed(ABOVE, at=NOW), listed(ABOVE, ISSUING, life=DAY)],
    "one revokes, a newer one does not": [listed(ABOVE, at=NOW), listed(ABOVE, ISSUING)],
    "the root's is stale": [listed(ROOT, life=DAY)],
    "the intermediate's is of a foreign key": [listed(ABOVE, by="Stranger")],
    "one of a foreign key revokes": [listed(ABOVE, ISSUING, by="Stranger")],
    "one of a foreign key revokes beside its own": [listed(ABOVE, ISSUING, by="Stranger"), listed(ABOVE)],
}
BUNDLES = {
    "root, intermediate and issuing": ([ROOT, ABOVE, ISSUING], []),
    "intermediate and issuing": ([ABOVE, ISSUING], []),
    "issuing alone": ([ISSUING], []),
    "root alone, the chain presented": ([ROOT], [ISSUING, ABOVE]),
    "issuing alone, the chain presented": ([ISSUING], [ABOVE, ROOT]),
    "intermediate and issuing, the root presented": ([ABOVE, ISSUING], [ROOT]),
}
OK, REVOKED, UNKNOWN = None, VerdictReason.REVOKED, VerdictReason.STATUS_UNKNOWN
# In the order of BUNDLES.
VERDICTS = {
    "no list of a CA": [OK, OK, OK, UNKNOWN, OK, OK],
    "lists that revoke nothing": [OK, OK, OK, OK, OK, OK],
    "the intermediate's revokes": [REVOKED, REVOKED, UNKNOWN, REVOKED, REVOKED, REVOKED],
    "the root's revokes": [REVOKED, UNKNOWN, OK, REVOKED, OK, REVOKED],
    "the intermediate's is stale": [UNKNOWN, UNKNOWN, OK, UNKNOWN, UNKNOWN, UNKNOWN],
    "the intermediate's is stale and revokes": [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN],
    "a stale one revokes, a newer one does not": [REVOKED, REVOKED, UNKNOWN, REVOKED, REVOKED, REVOKED],
    "one revokes, a newer one does not": [REVOKED, REVOKED, UNKNOWN, REVOKED, REVOKED, REVOKED],
    "the root's is stale": [UNKNOWN, OK, OK, UNKNOWN, OK, UNKNOWN],
    "the intermediate's is of a foreign key": [UNKNOWN, UNKNOWN, OK, UNKNOWN, UNKNOWN, UNKNOWN],
    "one of a foreign key revokes": [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN],
    "one of a foreign key revokes beside its own": [OK, OK, UNKNOWN, UNKNOWN, OK, OK],
}
MATRIX = {
    f"{bundle}: {lists}": (*BUNDLES[bundle], LISTS[lists], reason)
    for lists, reasons in VERDICTS.items()
    for bundle, reason in zip(BUNDLES, reasons, strict=True)
}


def judged(anchors, chain, lists, **changes):
    return Gateway(anchors, source=CrlSource(lists), **changes).identify(LEAF, NOW, chain)


@pytest.mark.parametrize(("anchors", "chain", "lists", "reason"), MATRIX.values(), ids=MATRIX)
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "in the other order"])
def test_lists_about_cas(anchors, chain, lists, reason, turned):
    step = -1 if turned else 1
    verdict = judged(anchors[::step], chain[::step], [OF_LEAVES, *lists][::step])
    assert verdict.reason is reason
    if reason is VerdictReason.REVOKED:
        assert (verdict.revocation, verdict.customer_id) == (RevocationCheck.REVOKED, None)


@pytest.mark.parametrize(("anchors", "chain"), BUNDLES.values(), ids=BUNDLES)
def test_without_lists_every_bundle_leads_to_an_anchor(anchors, chain):
    verdict = Gateway(anchors).identify(LEAF, NOW, chain)
    assert (verdict.reason, verdict.revocation) == (None, RevocationCheck.NOT_CHECKED)
    assert judged(anchors, chain, [listed(ABOVE)]).reason is VerdictReason.STATUS_UNKNOWN, (
        "the leaf's own list is needed"
    )


def test_a_revoked_ca_refuses_though_the_list_of_leaves_is_missing():
    assert judged([ROOT, ABOVE, ISSUING], [], [listed(ABOVE, ISSUING)]).reason is VerdictReason.REVOKED


LISTED = {
    "the root's list revokes the anchor": ([ABOVE, ISSUING], [ROOT], [listed(ROOT, ABOVE)], REVOKED),
    "the root's list does not": ([ABOVE, ISSUING], [ROOT], [listed(ROOT)], OK),
    "the root's list is missing": ([ABOVE, ISSUING], [ROOT], [], UNKNOWN),
    "the root's list is stale": ([ABOVE, ISSUING], [ROOT], [listed(ROOT, life=DAY)], UNKNOWN),
    "the intermediate's list is missing": ([ROOT, ABOVE, ISSUING], [ABOVE], [listed(ROOT)], UNKNOWN),
    "the intermediate's list is there": ([ROOT, ABOVE, ISSUING], [ABOVE], [listed(ABOVE)], OK),
    "the issuing CA's list alone is named": ([ROOT, ABOVE, ISSUING], [ISSUING], [], OK),
    "the list's CA was renewed with its key": (
        [ROOT, ABOVE, ISSUING], [certificate("Intermediate CA", ("Root", "Root"))], [], UNKNOWN,
    ),
    "a namesake's list is named": ([ABOVE, ISSUING], [certificate("Root", of="Another")], [], OK),
}  # fmt: skip


@pytest.mark.parametrize(("anchors", "named", "lists", "reason"), LISTED.values(), ids=LISTED)
def test_lists_that_the_settings_name(anchors, named, lists, reason):
    assert judged(anchors, [], [OF_LEAVES, *lists], listed=named).reason is reason


def test_a_list_of_the_settings_makes_no_anchor():
    assert Gateway([certificate("Other")], listed=[ISSUING]).identify(LEAF, NOW).reason is VerdictReason.UNTRUSTED


def test_a_root_that_revoked_itself():
    assert judged([ROOT, ABOVE, ISSUING], [], [OF_LEAVES, listed(ROOT, ROOT)]).reason is VerdictReason.REVOKED


def test_a_self_signed_issuing_ca_whose_list_is_about_holders():
    scope = x509.IssuingDistributionPoint(
        full_name=None,
        relative_name=None,
        only_contains_user_certs=True,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    alone = certificate("Issuing CA")
    for begins, reason in ((NOW, None), (NOW - 2 * HOUR, VerdictReason.STATUS_UNKNOWN)):
        assert judged([alone], [], [listed(alone, at=begins, scope=scope)]).reason is reason


def test_dates_of_the_cas_above_count():
    old = certificate("Root", span=(NOW - DAY, NOW - SECOND))
    assert Gateway([old, ABOVE, ISSUING]).identify(LEAF, NOW).reason is VerdictReason.EXPIRED
    assert Gateway([ABOVE, ISSUING]).identify(LEAF, NOW).reason is None
    assert Gateway([old, ROOT, ABOVE, ISSUING]).identify(LEAF, NOW).reason is None, "another root of the same key"


def test_path_lengths_of_the_cas_above_count():
    short = certificate("Root", put=[(x509.BasicConstraints(ca=True, path_length=0), True)])
    assert Gateway([short, ABOVE, ISSUING]).identify(LEAF, NOW).reason is VerdictReason.UNTRUSTED


def test_what_comes_along_gives_a_ca_of_the_file_no_other_way():
    """An intermediate of the file is below an expired root; another does not help."""
    old = certificate("Root", span=(NOW - DAY, NOW - SECOND))
    assert Gateway([old, ABOVE, ISSUING]).identify(LEAF, NOW, [ROOT, ABOVE, ISSUING]).reason is VerdictReason.EXPIRED


def test_a_remembered_chain_hears_of_a_revocation(tmp_path):
    lists = CrlSource(folder=tmp_path)
    (tmp_path / "issuing.crl").write_bytes(OF_LEAVES)
    lists.refresh()
    gateway = Gateway([ROOT, ABOVE, ISSUING], source=lists)
    assert gateway.identify(LEAF, NOW).accepted
    (tmp_path / "intermediate.crl").write_bytes(listed(ABOVE, ISSUING))
    lists.refresh()
    assert gateway.identify(LEAF, NOW).reason is VerdictReason.REVOKED


def test_an_anchor_that_a_list_names_is_unknown_until_the_list_is_gone(tmp_path):
    lists = CrlSource(folder=tmp_path)
    gateway = Gateway([ABOVE, ISSUING], source=lists)
    for folder, reason in (([OF_LEAVES], OK), ([OF_LEAVES, listed(ROOT, ABOVE)], UNKNOWN), ([OF_LEAVES], OK)):
        for number in range(2):
            (tmp_path / f"{number}.crl").unlink(missing_ok=True)
        for number, der in enumerate(folder):
            (tmp_path / f"{number}.crl").write_bytes(der)
        lists.refresh()
        assert gateway.identify(LEAF, NOW).reason is reason


SOURCES = {
    "no lists": ([], OK),
    "a list that revokes the issuing CA": ([listed(ABOVE, ISSUING)], REVOKED),
    "a stale list": ([listed(ABOVE, life=DAY)], UNKNOWN),
}


class GoodSource:
    """Source that reports GOOD for a leaf, as an OCSP service would, and counts."""

    def __init__(self):
        self.asked = []

    def status(self, certificate, *_):
        self.asked.append(certificate)
        return GOOD

    above = OcspSource(()).above


@pytest.mark.parametrize(("lists", "reason"), SOURCES.values(), ids=SOURCES)
def test_beside_ocsp_lists_tell_of_the_cas(lists, reason):
    ocsp = GoodSource()
    source = FallbackSource((ocsp, CrlSource(lists)))
    assert Gateway([ROOT, ABOVE, ISSUING], source=source).identify(LEAF, NOW).reason is reason
    assert ocsp.asked == [LEAF]
