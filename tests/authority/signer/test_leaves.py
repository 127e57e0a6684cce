"""Certificates of the service itself: only for keys that the signer holds."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca import profiles
from sinetti.ca.hierarchy_builder import responder_plan, response_signer_plan
from sinetti.ca.issuance import build_tbs
from sinetti.ca.issuance_request import LeafProfile
from sinetti.domain.values import Channel, Serial, ValidityPeriod
from sinetti.pki.signers import SignatureRefused
from tests.support import golden
from tests.support.authority import NOW, authority, holder_key, issuer, services_issuer
from tests.support.signing import CA, RESPONSE_SIGNER, SERVICES, keys, one, unlinted

HIERARCHY = authority().hierarchy
KEY = holder_key(7)
LIFE = timedelta(days=30)
LATER = NOW + timedelta(days=30)
SFTP = issuer(Channel.SFTP).file_name


def responder(by=None, key=KEY, now=LATER, **changes):
    by = by or issuer()
    return build_tbs(
        replace(responder_plan(HIERARCHY, by, key.public_key(), now), **changes), by, LeafProfile.RESPONDER
    )


def response_signer(key):
    plan = response_signer_plan(HIERARCHY, key.public_key(), LATER)
    return build_tbs(plan, services_issuer(), LeafProfile.SERVICES)


RESPONSE_PLAN = response_signer_plan(HIERARCHY, KEY.public_key(), LATER)
MONTH = ValidityPeriod(LATER, LATER + LIFE)
FROM_ISSUING = unlinted(profiles.services(replace(RESPONSE_PLAN, span=MONTH), issuer()))
"""Response signer as an issuing CA would make it."""


def task(tbs, ca=CA):
    return SigningTask(TaskKind.LEAF, ca, tbs)


@pytest.mark.parametrize("by", [issuer(), issuer(Channel.SFTP), services_issuer()], ids=["WS", "SFTP", "services"])
def test_each_ca_certifies_its_own_responder(rules, by):
    rules.add_key(f"{by.file_name}_ocsp-new1", KEY)
    tbs = responder(by)
    signature = one(rules, task(tbs, by.file_name), LATER)
    assert one(rules, task(tbs, by.file_name), LATER) == signature


def test_the_services_ca_certifies_response_signers(rules):
    assert one(rules, task(response_signer(keys()[RESPONSE_SIGNER]), SERVICES), LATER)


def test_a_responder_of_another_ca_is_refused(rules):
    rules.add_key(f"{SFTP}_ocsp-1", KEY)
    with pytest.raises(SignatureRefused, match="holds"):
        one(rules, task(responder()), LATER)


def lasting(days):
    return {"span": ValidityPeriod(LATER, LATER + timedelta(days=days))}


REFUSED = {
    "a key that is not here": responder(key=holder_key(8)),
    "a response signer by an issuing CA": FROM_ISSUING,
    "another name": responder(customer_id="Other OCSP"),
    "another organisation": responder(organisation="Other Oy"),
    "another base": responder(replace(issuer(), base_url="http://other.example"), organisation="X"),
    "yesterday": responder(now=LATER - timedelta(days=1)),
    "tomorrow": responder(now=LATER + timedelta(days=1)),
    "89 days": responder(**lasting(89)),
    "a short serial": responder(serial=Serial("4a" * 18)),
    "nothing": b"",
}


def test_is_refused(rules):
    rules.add_key(f"{CA}_ocsp-1", KEY)
    attempts = {case: partial(one, rules, task(tbs), LATER) for case, tbs in REFUSED.items()}
    golden.check("sentences/signer-certificates/leaves", {"en.txt": golden.refusals(attempts, SignatureRefused)})


def test_a_leaf_that_would_outlive_its_ca_is_refused(rules):
    rules.add_key(f"{CA}_ocsp-1", KEY)
    end = issuer().certificate.not_valid_after_utc
    beyond = replace(responder_plan(HIERARCHY, issuer(), KEY.public_key(), end), span=ValidityPeriod(end, end + LIFE))
    with pytest.raises(SignatureRefused, match="itself"):
        one(rules, task(unlinted(profiles.responder(beyond, issuer()))), end)


def test_a_root_certifies_no_leaf(rules):
    root = HIERARCHY.authorities[0].file_name
    rules.add_key(f"{root}_ocsp-1", KEY)
    with pytest.raises(SignatureRefused, match="may certify"):
        one(rules, task(responder(), root), LATER)
