"""Trust lists of a gateway: they come, they count, and they never go back."""

import json
import os
import stat
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.ca.hierarchy_builder import authority_plan
from sinetti.ca.issuance import attach_signature, new_serial, prepare_authority
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Environment
from sinetti.gateway.trust_lists import folder as trust_list_folder
from sinetti.gateway.trust_lists import lists as gateway_lists
from sinetti.gateway.trust_lists.content import TrustListSettings
from sinetti.gateway.trust_lists.lists import BEHIND_AFTER, TrustLists
from sinetti.infra.http_client import HttpError, HttpResponse, HttpStage
from sinetti.pki.encoding import certificate_der, generate_key, load_certificate, sha256_hex, sign
from sinetti.pki.trust_lists.lists import AnchorEntry, AnchorRole, DistrustEntry, TrustListKind
from tests.support import authority, golden, trust_lists
from tests.support.authority import NOW
from tests.support.trust_lists import anchors_list, by_responder, by_root, distrust_list, root_of

URL = "http://status.example"
BUILT = authority.authority()
SERVICES = BUILT.certificate(BUILT.hierarchy.services.file_name)
ANCHORS, DISTRUST = TrustListKind.ANCHORS, TrustListKind.DISTRUST


class Address:
    """A status address that serves what a test puts there."""

    def __init__(self, **lists):
        self.lists, self.asked, self.answers = lists, [], {}

    def __call__(self, wanted):
        kind = wanted.url.removeprefix(f"{URL}/trust/")
        self.asked.append((kind, wanted.headers.get("If-None-Match")))
        if kind in self.answers:
            answer = self.answers[kind]
            if isinstance(answer, Exception):
                raise answer
            return answer
        octets = self.lists.get(kind)
        if octets is None:
            return HttpResponse(404, {}, b"")
        etag = f'"{len(octets)}-{hash(octets)}"'
        if wanted.headers.get("If-None-Match") == etag:
            return HttpResponse(304, {"etag": etag}, b"")
        return HttpResponse(200, {"etag": etag}, octets)


class Clock:
    """A clock that a test moves."""

    now = NOW

    def __call__(self):
        return self.now


def opened(folder, address=None, clock=None, **changes):
    settings = TrustListSettings(URL, folder / "trust", (root_of(BUILT),), Environment.TEST)
    return TrustLists(replace(settings, **changes), now=clock or Clock(), send=address or Address())


def reread(found):
    """Read the files now, and not within a second."""
    found._look_at = 0.0
    return found.current()


def numbers(found):
    return tuple(one.number for one in found.checks())


def stored(folder):
    return sorted(one.name for one in (folder / "trust").iterdir() if not one.name.startswith("."))


def test_both_lists_are_fetched_stored_for_their_user_alone_and_confirmed_by_their_tags(tmp_path):
    address = Address(anchors=by_root(anchors_list(BUILT), BUILT), distrust=by_responder(distrust_list(BUILT), BUILT))
    found = opened(tmp_path, address)
    assert [one.is_changed for one in found.fetch()] == [True, True]
    assert stored(tmp_path) == ["anchors-1.json", "checks.json", "distrust-1.json"]
    modes = {stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "trust").iterdir()}
    assert modes == {0o600}
    assert numbers(found) == (1, 1)
    assert [one.is_changed for one in found.fetch()] == [False, False]
    assert [tag is None for _, tag in address.asked] == [True, True, False, False]
    assert found.notices() == []
    assert [one.certificate for one in found.current().responders] == [SERVICES]


def test_an_authority_without_lists_has_none(tmp_path):
    found = opened(tmp_path)
    assert [(one.trouble, one.number) for one in found.fetch()] == [(None, 0), (None, 0)]
    assert (found.notices(), found.unready()) == ([], [])


def test_one_kind_can_be_asked_for_and_the_other_check_stays(tmp_path):
    address = Address(distrust=by_root(distrust_list(BUILT), BUILT))
    found = opened(tmp_path, address)
    found.fetch()
    assert [one.kind for one in found.fetch(DISTRUST)] == [DISTRUST]
    assert [kind for kind, _ in address.asked] == ["anchors", "distrust", "distrust"]
    assert found.notices() == []


def changed_authority(one):
    return replace(one, authority="0" * 64)


def changed_signature(octets):
    """Return a list with another character in the middle of its signature."""
    at = octets.rindex(b'"', 0, octets.rindex(b'"')) + 20
    return octets[:at] + (b"A" if octets[at : at + 1] != b"A" else b"B") + octets[at + 1 :]


REFUSED = {
    "a lower number": lambda: by_root(distrust_list(BUILT, 4), BUILT),
    "the same number with another content": lambda: by_root(
        replace(distrust_list(BUILT, 5), issued=NOW - timedelta(days=1)), BUILT
    ),
    "an entry less": lambda: by_responder(replace(distrust_list(BUILT, 6), authorities=()), BUILT),
    "a longer bridge": lambda: by_responder(
        replace(
            distrust_list(BUILT, 6),
            authorities=(replace(distrust_list(BUILT).authorities[0], bridge_until=NOW + timedelta(hours=73)),),
        ),
        BUILT,
    ),
    "a number of the future": lambda: by_root(distrust_list(BUILT, int(NOW.timestamp()) + 3601), BUILT),
    "another authority": lambda: by_responder(changed_authority(distrust_list(BUILT, 6)), BUILT),
    "another root": lambda: by_root(distrust_list(BUILT, 6), trust_lists.rsa_authority()),
    "a list of anchors": lambda: by_root(anchors_list(BUILT, 6), BUILT),
    "a changed octet": lambda: changed_signature(by_root(distrust_list(BUILT, 6), BUILT)),
    "no list": lambda: b"{}",
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_a_list_that_does_not_count_leaves_the_one_in_use(tmp_path, make):
    address = Address(distrust=by_responder(distrust_list(BUILT, 5), BUILT))
    found = opened(tmp_path, address)
    found.fetch()
    before = found.current()
    address.lists["distrust"] = make()
    (check,) = found.fetch(DISTRUST)
    assert check.trouble.startswith("refused: ")
    assert found.current().distrust == before.distrust
    assert (check.number, check.is_changed) == (5, False)
    assert found.notices() == [f"list of distrust: {check.trouble}"]
    assert opened(tmp_path).current().distrust == before.distrust


def test_a_higher_number_replaces_the_list_and_forgets_the_bridge(tmp_path, monkeypatch):
    address = Address(distrust=by_root(distrust_list(BUILT), BUILT))
    found = opened(tmp_path, address)
    found.fetch()
    forgotten = []
    monkeypatch.setattr(type(found.bridge), "forget", lambda _: forgotten.append(1))
    address.lists["distrust"] = by_root(distrust_list(BUILT, 9), BUILT)
    assert found.fetch(DISTRUST)[0].is_changed
    assert (forgotten, stored(tmp_path)) == ([1], ["checks.json", "distrust-9.json"])


AWAY = {
    "no answer": (HttpError("connection refused", HttpStage.UNREACHABLE), "gave no complete answer"),
    "an error": (HttpResponse(503, {}, b""), "HTTP status 503"),
    "the list is gone": (HttpResponse(404, {}, b""), "HTTP status 404"),
}


@pytest.mark.parametrize(("answer", "trouble"), AWAY.values(), ids=AWAY)
def test_silence_takes_nothing_back_and_an_operator_knows(tmp_path, answer, trouble):
    address, clock = Address(distrust=by_root(distrust_list(BUILT), BUILT)), Clock()
    found = opened(tmp_path, address, clock)
    found.fetch()
    address.answers["distrust"] = answer
    clock.now = NOW + timedelta(minutes=1)
    (check,) = found.fetch(DISTRUST)
    assert trouble in check.trouble
    assert (check.number, check.checked) == (1, NOW)
    assert found.current().distrust.number == 1
    assert found.unready() == []


def test_a_list_that_nothing_confirms_is_behind(tmp_path):
    clock = Clock()
    found = opened(tmp_path, clock=clock)
    said = found.notices()
    found.fetch()
    clock.now = NOW + BEHIND_AFTER
    assert found.notices() == []
    clock.now += timedelta(seconds=1)
    golden.check("sentences/gateway-lists/behind", {"en.txt": "\n".join((*said, *found.notices(), ""))})


def test_a_new_list_that_cannot_be_stored_waits(tmp_path, monkeypatch):
    def refuse(path, *_):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(trust_list_folder, "write_atomic", refuse)
    found = opened(tmp_path, Address(distrust=by_root(distrust_list(BUILT), BUILT)))
    (check,) = found.fetch(DISTRUST)
    golden.check("sentences/gateway-lists/waits", {"en.txt": f"{golden.stable_text(check.trouble)}\n"})
    assert found.current().distrust is None


def test_a_folder_that_cannot_be_read_lets_nothing_through(tmp_path):
    (tmp_path / "trust").write_bytes(b"")
    found = opened(tmp_path)
    said = "\n".join((*found.unready(), ""))
    golden.check("sentences/gateway-lists/no-folder", {"en.txt": said.replace(str(tmp_path), "FOLDER")})
    (tmp_path / "trust").unlink()
    reread(found)
    assert found.unready() == []


def test_what_another_process_stored_counts_without_restart(tmp_path):
    address = Address(anchors=by_root(anchors_list(BUILT), BUILT), distrust=by_root(distrust_list(BUILT), BUILT))
    found, other = opened(tmp_path), opened(tmp_path, address)
    other.fetch()
    assert found.current().distrust is None, "files are read once a second at most"
    content = reread(found)
    assert (content.distrust, content.anchors) == (distrust_list(BUILT), anchors_list(BUILT))
    assert reread(found) is content


def test_a_process_keeps_its_list_when_the_files_are_older_or_gone(tmp_path):
    address = Address(anchors=by_root(anchors_list(BUILT, 7), BUILT), distrust=by_root(distrust_list(BUILT, 7), BUILT))
    found = opened(tmp_path, address)
    found.fetch()
    for one in (tmp_path / "trust").iterdir():
        one.unlink()
    (tmp_path / "trust" / "distrust-3.json").write_bytes(by_root(distrust_list(BUILT, 3), BUILT))
    (tmp_path / "trust" / "anchors-3.json").write_bytes(by_root(anchors_list(BUILT, 3), BUILT))
    content = reread(found)
    assert (content.distrust.number, content.anchors.number) == (7, 7)
    assert content.responders


BROKEN = {
    "empty": b"",
    "another number than its name": by_root(distrust_list(BUILT, 2), BUILT),
    "another root": by_root(distrust_list(BUILT, 1), trust_lists.rsa_authority()),
}


@pytest.mark.parametrize("octets", BROKEN.values(), ids=BROKEN)
def test_a_damaged_file_of_distrust_lets_nothing_through_until_it_is_fetched_anew(tmp_path, octets):
    (tmp_path / "trust").mkdir()
    path = tmp_path / "trust" / "distrust-1.json"
    path.write_bytes(octets)
    address = Address(distrust=by_root(distrust_list(BUILT), BUILT))
    found = opened(tmp_path, address)
    said = "\n".join((*found.unready(), ""))
    golden.check("sentences/gateway-lists/damaged", {"en.txt": said.replace(str(path), "FILE")})
    found.fetch()
    assert (found.unready(), found.current().distrust) == ([], distrust_list(BUILT))


def test_a_damaged_file_of_anchors_lets_nothing_through_either(tmp_path):
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "anchors-2.json").write_bytes(by_root(anchors_list(BUILT, 1), BUILT))
    found = opened(tmp_path, Address(anchors=by_root(anchors_list(BUILT, 2), BUILT)))
    assert len(found.unready()) == 1
    found.fetch()
    assert (found.unready(), found.current().anchors.number) == ([], 2)


def test_a_list_that_another_process_replaces_while_it_is_read_is_no_damage(tmp_path, monkeypatch):
    found, folder = opened(tmp_path), tmp_path / "trust"
    folder.mkdir()
    (folder / "distrust-1.json").write_bytes(by_root(distrust_list(BUILT, 1), BUILT))
    read = trust_list_folder.TrustListFolder._octets

    def replaced_before(self, kind, number):
        if number == 1:
            (folder / "distrust-2.json").write_bytes(by_root(distrust_list(BUILT, 2), BUILT))
            (folder / "distrust-1.json").unlink()
        return read(self, kind, number)

    monkeypatch.setattr(trust_list_folder.TrustListFolder, "_octets", replaced_before)
    content = reread(found)
    assert (content.distrust.number, found.unready()) == (2, [])


def test_a_file_that_vanishes_while_it_is_read_is_damage_and_not_an_error(tmp_path):
    (tmp_path / "trust" / "distrust-1.json").mkdir(parents=True)
    assert len(opened(tmp_path).unready()) == 1


def test_a_stored_list_outlives_the_certificate_of_its_signer(tmp_path):
    opened(tmp_path, Address(distrust=by_responder(distrust_list(BUILT), BUILT))).fetch()
    late = Clock()
    late.now = NOW + timedelta(days=5000)
    assert opened(tmp_path, clock=late).current().distrust == distrust_list(BUILT)


def test_the_list_of_anchors_only_adds(tmp_path):
    whole = anchors_list(BUILT)
    fewer = replace(whole, number=2, authorities=tuple(one for one in whole.authorities if one.channel is None))
    address = Address(anchors=by_root(whole, BUILT))
    found = opened(tmp_path, address)
    found.fetch()
    address.lists["anchors"] = by_root(fewer, BUILT)
    found.fetch()
    wanted = {one.certificate for one in whole.authorities if one.role is not AnchorRole.SERVICES}
    assert set(found.current().added) == wanted
    assert set(opened(tmp_path).current().added) == wanted, "after a restart, too"
    assert found.current().anchors.number == 2


def test_a_new_root_counts_by_its_link_and_signs_the_next_list(tmp_path):
    key, root, new_with_old, _ = trust_lists.successor()
    whole = anchors_list(BUILT, 2)
    entry = AnchorEntry(root, AnchorRole.ROOT, None, CaState.STANDBY)
    linked = replace(whole, authorities=(*whole.authorities, entry), links=(new_with_old,))
    address = Address(anchors=by_root(linked, BUILT))
    found = opened(tmp_path, address)
    assert found.fetch(ANCHORS)[0].trouble is None
    assert root in found.current().roots
    distrust = distrust_list(BUILT)
    signature = trust_lists.signature_of(distrust, key, root)
    address.lists["distrust"] = trust_lists.SignedList(distrust.payload, (signature,)).octets
    assert found.fetch(DISTRUST)[0].trouble is None
    assert opened(tmp_path).current().distrust == distrust


def test_addresses_and_lists_of_added_cas_come_from_their_names(tmp_path):
    found = opened(tmp_path, Address(anchors=by_root(anchors_list(BUILT), BUILT)))
    issuers = [one.certificate for one in anchors_list(BUILT).authorities if one.role is AnchorRole.ISSUING]
    assert found.ocsp_address(issuers[0]) is None
    found.fetch()
    name = authority.issuer().file_name
    assert found.ocsp_address(authority.issuer().certificate) == f"{URL}/ocsp/{name}"
    assert {one.url for one in found.downloads(tmp_path, ())} == {
        f"{URL}/crl/{BUILT.issuer(one.file_name).file_name}.crl"
        for one in BUILT.hierarchy.authorities
        if one.channel is not None
    }
    assert found.downloads(tmp_path, issuers) == ()
    first = found.downloads(tmp_path, issuers[1:])[0]
    assert (first.file.parent, first.issuer.certificate) == (tmp_path, issuers[0])


def test_the_cas_of_the_settings_are_the_only_responders_if_there_are_any(tmp_path):
    other = BUILT.certificate(BUILT.hierarchy.authorities[1].file_name)
    address = Address(anchors=by_root(anchors_list(BUILT), BUILT), distrust=by_responder(distrust_list(BUILT), BUILT))
    found = opened(tmp_path, address, responders=(other,))
    found.fetch()
    assert [one.certificate for one in found.current().responders] == [other]


def test_the_signers_services_ca_is_a_responder_without_a_list_of_anchors_but_never_a_distrusted_one(tmp_path):
    address = Address(distrust=by_responder(distrust_list(BUILT), BUILT))
    found = opened(tmp_path, address)
    found.fetch()
    assert [one.certificate for one in found.current().responders] == [SERVICES]
    digest = trust_lists.sha256_hex(trust_lists.certificate_der(SERVICES))
    entry = DistrustEntry(digest, "Services", NOW, NOW + timedelta(hours=1))
    both = replace(distrust_list(BUILT, 2), authorities=(*distrust_list(BUILT).authorities, entry))
    address.lists["distrust"] = by_root(both, BUILT)
    assert found.fetch(DISTRUST)[0].trouble is None
    assert found.current().responders == ()
    address.lists["distrust"] = by_responder(replace(both, number=3), BUILT)
    assert "refused" in found.fetch(DISTRUST)[0].trouble


def services_ca_of_a_thief():
    """Return the authority with a services CA that a thief made with the intermediate CA's key."""
    spec = BUILT.hierarchy.services
    middle = BUILT.issuer(BUILT.hierarchy.authorities[1].file_name)
    key = generate_key(spec.key_type)
    tbs = prepare_authority(authority_plan(BUILT.hierarchy, spec, key.public_key(), new_serial(), NOW), middle)
    made = load_certificate(attach_signature(tbs, sign(BUILT.key(middle.file_name), tbs), middle.certificate))
    return replace(BUILT, entries={**BUILT.entries, spec.file_name: (key, made)}), made


def test_a_services_ca_that_a_thief_made_is_no_responder_once_the_ca_above_it_is_distrusted(tmp_path):
    forged, made = services_ca_of_a_thief()
    address = Address(
        anchors=by_root(anchors_list(BUILT), BUILT), distrust=by_responder(distrust_list(BUILT, 1), forged)
    )
    found = opened(tmp_path, address)
    found.fetch()
    assert [one.certificate for one in found.current().responders] == [SERVICES, made]
    middle = BUILT.hierarchy.authorities[1].file_name
    entry = DistrustEntry(sha256_hex(certificate_der(BUILT.certificate(middle))), middle, NOW, NOW + timedelta(hours=1))
    both = replace(distrust_list(BUILT, 2), authorities=(*distrust_list(BUILT).authorities, entry))
    address.lists["distrust"] = by_responder(both, BUILT)
    assert found.fetch(DISTRUST)[0].trouble is None
    assert [one.certificate for one in found.current().responders] == [SERVICES]
    assert opened(tmp_path).current().responders == found.current().responders


def poisoned(number, **changes):
    """Return a list that a thief of the online status key signed, with each CA of the authority as distrusted."""
    entries = tuple(
        DistrustEntry(sha256_hex(certificate_der(one)), name, NOW, NOW) for name, (_, one) in BUILT.entries.items()
    )
    return by_responder(replace(distrust_list(BUILT, number), **{"authorities": entries, **changes}), BUILT)


POISONS = {
    "all CAs, the root too": poisoned(5),
    "another name of the authority": poisoned(5, authority="0" * 64, authorities=()),
}


@pytest.mark.parametrize("octets", POISONS.values(), ids=POISONS)
def test_a_root_corrects_what_a_thief_of_the_status_key_signed_and_nothing_else_does(tmp_path, octets):
    address = Address(distrust=octets)
    found = opened(tmp_path, address)
    found.fetch()
    assert found.current().distrust.number == 5
    right = distrust_list(BUILT, 6)
    address.lists["distrust"] = by_responder(right, BUILT)
    assert "refused" in found.fetch(DISTRUST)[0].trouble
    for one in (found, opened(tmp_path, address)):
        address.lists["distrust"] = by_root(replace(right, number=4), BUILT)
        assert "an old one" in one.fetch(DISTRUST)[0].trouble
    address.lists["distrust"] = by_root(right, BUILT)
    assert found.fetch(DISTRUST)[0].trouble is None
    assert (found.current().distrust, opened(tmp_path).current().distrust) == (right, right)
    address.lists["distrust"] = by_root(replace(right, number=7, authorities=()), BUILT)
    assert "never taken back" in found.fetch(DISTRUST)[0].trouble, "a root signed that entry"


LATEST = NOW + timedelta(hours=1)
OPEN_TOO_LONG = {
    "for more than 72 hours": (NOW, LATEST + timedelta(hours=72, seconds=1)),
    "from the future on": (LATEST + timedelta(seconds=1), LATEST + timedelta(hours=2)),
}


@pytest.mark.parametrize(("since", "until"), OPEN_TOO_LONG.values(), ids=OPEN_TOO_LONG)
def test_no_bridge_is_open_for_more_than_72_hours(tmp_path, since, until):
    entry = replace(distrust_list(BUILT).authorities[0], since=since, bridge_until=until)
    address, clock = Address(distrust=by_root(replace(distrust_list(BUILT), authorities=(entry,)), BUILT)), Clock()
    found = opened(tmp_path, address, clock)
    assert "more than 72 hours" in found.fetch(DISTRUST)[0].trouble
    clock.now += timedelta(seconds=1)
    assert found.fetch(DISTRUST)[0].trouble is None
    clock.now -= timedelta(seconds=1)
    address.lists["distrust"] = by_root(replace(distrust_list(BUILT, 2), authorities=(entry,)), BUILT)
    assert found.fetch(DISTRUST)[0].trouble is None, "the entry was there before"


def test_the_list_of_anchors_names_the_authority(tmp_path):
    address = Address(distrust=POISONS["another name of the authority"])
    found = opened(tmp_path, address)
    found.fetch()
    address.lists["anchors"] = by_root(anchors_list(BUILT, 3), BUILT)
    address.lists["distrust"] = by_responder(distrust_list(BUILT, 6), BUILT)
    assert [one.trouble for one in found.fetch()] == [None, None]
    assert numbers(found) == (3, 6)


def test_unreadable_checks_are_none(tmp_path):
    found = opened(tmp_path, Address(distrust=by_root(distrust_list(BUILT), BUILT)))
    found.fetch()
    path = tmp_path / "trust" / "checks.json"
    for octets in (b"", b"[]", b"{}", json.dumps({"distrust": {"checked": 1}}).encode(), _wrong_etag(path)):
        path.write_bytes(octets)
        assert {one.checked for one in found.checks()} == {None}


def _wrong_etag(path):
    row = {"checked": NOW.isoformat(), "number": 1, "trouble": None, "etag": 5}
    return json.dumps({"anchors": row, "distrust": row}).encode()


def test_a_thread_in_each_process_keeps_the_lists_current(tmp_path, monkeypatch):
    waits = []

    class Event:
        """An event whose third wait ends the loop."""

        def wait(self, seconds):
            waits.append(seconds)
            if len(waits) == 3:
                found._first_lists = None

    fetched = []
    monkeypatch.setattr(gateway_lists.threading, "Event", Event)
    monkeypatch.setattr(gateway_lists, "fetch", fetched.append)
    address = Address(anchors=by_root(anchors_list(BUILT), BUILT))
    found = opened(tmp_path, address)
    there = tmp_path / "there.crl"
    there.write_bytes(b"")

    def first_lists():
        absent, present = found.downloads(tmp_path, ())[:2]
        return [absent, replace(present, file=there)]

    started = []
    monkeypatch.setattr(gateway_lists.threading, "Thread", lambda **facts: started.append(facts) or _Thread())
    found.keep_current(first_lists)
    for _ in range(2):
        found.current()
    assert [one["daemon"] for one in started] == [True], "one thread in one process"
    monkeypatch.setattr(os, "getpid", lambda: -1)
    found.current()
    assert len(started) == 2, "a fork starts its own"
    address.answers["distrust"] = ValueError("a defect")
    started[1]["target"]()
    del address.answers["distrust"]
    assert len(waits) == 3
    assert all(15 <= one <= 25 for one in waits)
    assert {one.file.name for one in fetched} <= {one.file.name for one in found.downloads(tmp_path, ())}
    found.stop()
    started[1]["target"]()
    assert len(waits) == 3, "lists that others replaced ask no more"


class _Thread:
    def start(self):
        pass
