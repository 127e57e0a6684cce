"""Trust lists that a store takes from its services, and the bundles of its names."""

import json
import stat
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.client.agent import renewal_info_poll
from sinetti.client.requests import trust_lists
from sinetti.client.requests.trust_lists import DOOR, fetch_lists, refresh_store
from sinetti.client.service_address import origin
from sinetti.client.store import event_log, files, settings
from sinetti.client.store.settings import NameSettings
from sinetti.client.store.trust_memory import FILE, TrustMemory, extend, find_distrusted, load_trust, memory_of
from sinetti.domain.usage import TrustListNumbers
from sinetti.domain.values import Environment, KeyType, Language
from sinetti.pki import chain
from sinetti.pki.encoding import certificate_der, sha256_hex
from sinetti.pki.trust_lists.lists import AnchorRole, DistrustEntry
from tests.support.authority import CUSTOMER_ID, NOW, authority
from tests.support.small_server import small_server
from tests.support.trust_lists import anchors_list, by_responder, by_root, distrust_list, root_of, rsa_authority

BUILT = authority()
ROOT = root_of(BUILT)
SERVICES = BUILT.certificate(BUILT.hierarchy.services.file_name)
PATH = "/2017/10/CertificateServices"
HOUR = timedelta(hours=1)
WHOLE = {"anchors": by_root(anchors_list(BUILT), BUILT), "distrust": by_responder(distrust_list(BUILT), BUILT)}


def pem(*certificates):
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates).decode()


def kept(url="http://127.0.0.1:1", services=(ROOT,), holders=(ROOT,)):
    return NameSettings(
        f"{url}{PATH}", Environment.TEST, CUSTOMER_ID, None, KeyType.EC_P256, pem(*services), pem(*holders), None
    )


class ListService:
    """A service with the lists that a test gives it."""

    def __init__(self, **lists):
        self.lists, self.asked, self.status, self.media = dict(lists), [], 200, "application/json"

    def __call__(self, wanted):
        kind = wanted.path.removeprefix(DOOR)
        self.asked.append(kind)
        if kind not in self.lists:
            return 404, {"content-type": "text/plain"}, b"none"
        return self.status, {"content-type": self.media}, self.lists[kind]


@pytest.fixture
def service():
    found = ListService(**WHOLE)
    with small_server(found) as server:
        found.url = server.url
        yield found


def fetched(service, known=None, now=NOW, **bundles):
    return fetch_lists(kept(service.url, **bundles), known or TrustMemory(), now, Language.EN)


def names_in(bundle):
    return set(chain.load_bundle(bundle.encode()))


def test_both_lists_are_taken_below_the_root_that_a_name_has(service):
    found = fetched(service)
    assert (found.has_new, found.trouble, found.memory.numbers) == (True, None, TrustListNumbers(1, 1))
    again = fetched(service, found.memory, NOW + HOUR)
    assert (again.has_new, again.memory.asked) == (False, NOW + HOUR)
    longer = extend(kept(), found.memory)
    whole = anchors_list(BUILT).authorities
    above = {one.certificate for one in whole if one.role in {AnchorRole.ROOT, AnchorRole.INTERMEDIATE}}
    assert names_in(longer.trust_services) == above | {SERVICES}
    assert names_in(longer.trust_holders) == above | {
        one.certificate for one in whole if one.role is AnchorRole.ISSUING
    }
    assert extend(longer, found.memory) == longer


def test_a_service_without_lists_is_no_fault(service):
    service.lists.clear()
    found = fetched(service)
    assert (found.trouble, found.memory.numbers, extend(kept(), found.memory)) == (None, None, kept())
    service.lists |= WHOLE
    service.media = "text/html"
    assert fetched(service).trouble is None


REFUSED = {
    "another root": by_root(distrust_list(BUILT, 9), rsa_authority()),
    "no list": b"{}",
    "an entry less": by_responder(replace(distrust_list(BUILT, 9), authorities=()), BUILT),
    "a number of the future": by_root(distrust_list(BUILT, int(NOW.timestamp()) + 3601), BUILT),
}


@pytest.mark.parametrize("octets", REFUSED.values(), ids=REFUSED)
def test_a_list_that_does_not_count_leaves_the_one_before(service, octets):
    known = fetched(service).memory
    service.lists["distrust"] = octets
    found = fetched(service, known)
    assert (found.has_new, found.is_refused, found.memory.numbers) == (False, True, TrustListNumbers(1, 1))
    assert found.trouble.startswith("distrust: ")


def test_a_root_corrects_what_a_thief_of_the_status_key_signed(service):
    entry = DistrustEntry(sha256_hex(certificate_der(SERVICES)), "Services", NOW, NOW)
    service.lists["distrust"] = by_responder(replace(distrust_list(BUILT, 2), authorities=(entry,)), BUILT)
    known = fetched(service).memory
    assert SERVICES not in names_in(extend(kept(), known).trust_services)
    service.lists["distrust"] = by_root(distrust_list(BUILT, 3), BUILT)
    found = fetched(service, known)
    assert (found.trouble, found.memory.numbers) == (None, TrustListNumbers(1, 3))
    assert SERVICES in names_in(extend(kept(), found.memory).trust_services)


def test_an_old_list_is_not_taken_again(service):
    service.lists["anchors"] = by_root(anchors_list(BUILT, 5), BUILT)
    known = fetched(service).memory
    service.lists["anchors"] = WHOLE["anchors"]
    assert "an old one" in fetched(service, known).trouble


def test_silence_and_faults_of_the_service_are_no_refusal(service):
    away = fetch_lists(kept(), TrustMemory(), NOW, Language.EN)
    assert (away.trouble is None, away.is_refused, away.has_new) == (False, False, False)
    service.status = 503
    assert not fetched(service).has_new
    service.status = 418
    assert "HTTP status 418" in fetched(service).trouble


def test_a_bundle_without_a_root_stays_as_it_is(service):
    issuing = next(one.certificate for one in anchors_list(BUILT).authorities if one.role is AnchorRole.ISSUING)
    alone = {"services": (SERVICES,), "holders": (issuing,)}
    assert fetched(service, **alone).is_refused
    memory = fetched(service).memory
    assert extend(kept(**alone), memory) == kept(**alone)


def test_a_distrusted_services_ca_signs_no_answers_and_a_distrusted_issuing_ca_stays(service):
    entry = DistrustEntry(sha256_hex(certificate_der(SERVICES)), "Services", NOW, NOW + HOUR)
    both = replace(distrust_list(BUILT, 2), authorities=(*distrust_list(BUILT).authorities, entry))
    service.lists["distrust"] = by_root(both, BUILT)
    memory = fetched(service).memory
    longer = extend(kept(services=(ROOT, SERVICES)), memory)
    assert SERVICES not in names_in(longer.trust_services)
    issuing = BUILT.certificate(distrust_list(BUILT).authorities[0].name)
    assert issuing in names_in(longer.trust_holders)
    assert set(find_distrusted(kept(services=(ROOT, SERVICES), holders=(ROOT, issuing)), memory)) == {SERVICES, issuing}


def store_with(folder, *names, url):
    for name in names:
        (folder / name).mkdir()
        settings.store(folder / name, kept(url))
    return folder


def test_all_names_of_a_store_get_the_new_cas(service, tmp_path):
    store = store_with(tmp_path, "one", "two", url=service.url)
    (store / "damaged").mkdir()
    (found,) = refresh_store(store, ("one", "two", "damaged", "none"), NOW, Language.EN)
    assert (found.origin, found.names) == (service.url, ("one", "two"))
    assert len(names_in(settings.load(store / "one").trust_holders)) > 1
    assert "trust_holders" in (store / "one" / event_log.FILE).read_text()
    assert stat.S_IMODE((store / FILE).stat().st_mode) == 0o600
    assert load_trust(store)[service.url].numbers == TrustListNumbers(1, 1)
    (again,) = refresh_store(store, ("one", "two"), NOW, Language.EN)
    assert again.names == ()


def test_a_service_is_asked_again_after_a_while_and_one_without_lists_more_rarely(service, tmp_path):
    store = store_with(tmp_path, "one", url=service.url)

    def asked(at):
        return len(refresh_store(store, ("one",), NOW + at, Language.EN, every=HOUR))

    assert [asked(timedelta()), asked(HOUR - timedelta(seconds=1)), asked(HOUR)] == [1, 0, 1]
    assert asked(-HOUR) == 1, "a time from the future was a wrong clock"
    service.lists.clear()
    (store / FILE).unlink()
    assert [asked(timedelta()), asked(HOUR), asked(24 * HOUR)] == [1, 0, 1]


def test_a_slow_process_puts_no_older_list_back(service, tmp_path, monkeypatch):
    store = store_with(tmp_path, "one", url=service.url)
    slow = fetched(service)
    service.lists["distrust"] = by_root(distrust_list(BUILT, 2), BUILT)
    refresh_store(store, ("one",), NOW, Language.EN)
    monkeypatch.setattr(trust_lists, "fetch_lists", lambda *_: slow)
    (found,) = refresh_store(store, ("one",), NOW, Language.EN)
    assert found.fetched.memory.numbers == TrustListNumbers(1, 2)
    assert load_trust(store)[service.url].numbers == TrustListNumbers(1, 2)


def test_a_locked_name_is_extended_by_the_next_round(service, tmp_path):
    store = store_with(tmp_path, "one", url=service.url)
    with files.locked(store / "one"):
        (found,) = refresh_store(store, ("one",), NOW, Language.EN)
    assert found.names == ()
    (found,) = refresh_store(store, ("one",), NOW, Language.EN)
    assert found.names == ("one",)


DAMAGED = {
    "no JSON": b"x",
    "a list": b"[]",
    "no members": b'{"http://a": {}}',
    "no base64": json.dumps({"http://a": {"anchors": "?", "distrust": None, "asked": None}}).encode(),
    "no list in it": json.dumps({"http://a": {"anchors": "AAAA", "distrust": None, "asked": None}}).encode(),
    "no time": json.dumps({"http://a": {"anchors": None, "distrust": None, "asked": "now"}}).encode(),
}


@pytest.mark.parametrize("octets", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_memory_is_none(tmp_path, octets):
    (tmp_path / FILE).write_bytes(octets)
    assert load_trust(tmp_path) == {}
    assert memory_of(tmp_path, f"http://a{PATH}") == TrustMemory()


def test_no_memory_is_empty(tmp_path):
    assert (load_trust(tmp_path), memory_of(tmp_path, PATH), memory_of(None, PATH)) == (
        {},
        TrustMemory(),
        TrustMemory(),
    )
    assert origin(f"https://a.example:1{PATH}") == "https://a.example:1"


def test_a_fault_of_the_lists_stops_no_run(monkeypatch):
    calls = []

    def fail(*words, **_more):
        calls.append(words)
        raise RuntimeError

    monkeypatch.setattr(trust_lists, "refresh_store", fail)

    class Agent:
        """An agent whose run is not asked anything more."""

        class run:  # noqa: N801 - the name of the field
            store, now, language = None, NOW, Language.EN

    renewal_info_poll._take_trust_lists(Agent, [], ())
    assert len(calls) == 1
