"""A clerk confirms another clerk's proposal with a passkey, for exactly what was shown."""

import json
from dataclasses import replace
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from fido2.utils import websafe_decode, websafe_encode

from sinetti.database import models
from sinetti.domain.values import Environment
from sinetti.wire.transparency.approvals import ApprovalRecord
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.merkle import ProofError
from tests.support import golden
from tests.support.browser import ADDRESS
from tests.support.pages import notices
from tests.support.passkeys import FLAG, Passkey
from tests.support.registers import opened_register
from tests.support.scene import opened_scene
from tests.support.users import logged_clerk
from tests.support.visits import CLERK, Visit, populate

HOST = urlsplit(ADDRESS).hostname
PLACE = "/staff/revocations/{proposal}"


@pytest.fixture
def built(request, tmp_path):
    with opened_register("sqlite", request, tmp_path, alias="default") as db:
        made = populate(opened_scene(db), ADDRESS)
        other = models.User.objects.create(email="other@authority.example", is_staff=True, created=made.scene.ctx.now())
        logged_clerk(db, other)
        serials = [made.objects["serial"]]
        rows = models.BulkRevocation.objects.filter(proposal_id=made.objects["proposal"])
        rows.update(officer=f"user.{other.pk}", serials=serials, count=1)
        yield made


@pytest.fixture
def asked(built):
    """Return a browser of a clerk with a passkey, on the page that asks for it, and the passkey."""
    key = Passkey(HOST, ADDRESS).register(built.people[CLERK])
    return at_the_question(built), key


def at_the_question(built):
    """Press *Confirm* on the page of a proposal."""
    browser = built.browser(Visit("staff_revocation", PLACE, CLERK))
    browser.get(PLACE.format(**built.objects))
    form = next(one for one in browser.page.forms if one.xpath(".//button[@value='confirm']"))
    browser.post(browser.path, {**{name: value or "" for name, value in form.form_values()}, "do": "confirm"})
    return browser


def question(browser):
    return browser.page.xpath("//form[@data-passkey='get']")[0]


def answer(browser, credential):
    """Send the form of the passkey as the script does."""
    fields = {name: value or "" for name, value in question(browser).form_values()}
    browser.post(browser.path, {**fields, "credential": credential})


def revoked():
    return models.Certificate.objects.filter(revoked_at__isnull=False).count()


def test_a_passkey_confirms_what_was_shown(asked):
    browser, key = asked
    before = revoked()
    options = question(browser).get("data-options")
    assert json.loads(options)["publicKey"]["userVerification"] == "required"
    answer(browser, key.assertion(options))
    assert revoked() > before
    entry = parse_entry(bytes(models.AuditEvent.objects.get(action="act-asserted").octets))
    facts, record = entry.facts, ApprovalRecord()
    challenge = json.loads(websafe_decode(facts["client_data"]))["challenge"]
    assert websafe_decode(challenge) == sha256(websafe_decode(facts["nonce"]) + bytes.fromhex(facts["sha256"])).digest()
    record.take(entry)
    assert record.verified == 1
    with pytest.raises(ProofError):
        record.take(replace(entry, facts={**facts, "sha256": "00" * 32}))


def refused(browser, credential):
    """Send a credential that must not count."""
    before = revoked()
    answer(browser, credential)
    assert browser.reply.status == 200
    golden.check("sentences/passkeys/not-accepted", {"en.txt": notices(browser)})
    assert revoked() == before
    assert not models.AuditEvent.objects.filter(action="act-asserted").exists()


WRONG = {
    "another site": {"origin": "https://other.example"},
    "a host below ours": {"origin": f"https://evil.{HOST}"},
    "another relying party": {"host": "other.example"},
    "no verification of the user": {"flags": FLAG.UP},
    "no presence of the user": {"flags": FLAG.UV},
    "another passkey": {"credential_id": b"passkey-2"},
}


@pytest.mark.long
@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_an_assertion_that_does_not_count(asked, changes):
    browser, key = asked
    for name, value in changes.items():
        setattr(key, name, value)
    refused(browser, key.assertion(question(browser).get("data-options")))


def test_an_assertion_is_neither_forged_nor_moved_nor_replayed(asked, built):
    browser, key = asked
    options = question(browser).get("data-options")
    refused(browser, Passkey(HOST, ADDRESS).assertion(options))
    # The challenge of a sign-in, and that of the page before.
    refused(browser, key.assertion(question(browser).get("data-options"), websafe_encode(b"\1" * 32)))
    refused(browser, key.assertion(options))
    models.BulkRevocation.objects.filter(proposal_id=built.objects["proposal"]).update(reason="keyCompromise")
    browser.post(browser.path, {"do": "confirm"})
    assert not models.AuditEvent.objects.filter(action="act-asserted").exists()


@pytest.mark.parametrize("environment", list(Environment))
def test_a_clerk_without_a_passkey_confirms_in_test_alone(built, environment):
    before = revoked()
    browser = at_the_question(replace(built, scene=built.scene.but(environment=environment)))
    done = environment is Environment.TEST
    if not done:
        golden.check("sentences/passkeys/none", {"en.txt": notices(browser)})
    assert (revoked() > before) is done
