"""Tests that every web server before a relying party has to pass.

A judge's class inherits them. The class has the fixtures `caller` (relying_doors.Caller) and `made`
(relying.Material).
"""

import ssl

import pytest

from tests.support.relying import CUSTOMER_ID
from tests.support.relying_doors import OURS, SMUGGLED, ours_in, resumed

REFUSED = {
    "expired": (403, "expired"),
    "revoked": (403, "revoked"),
    "foreign": (403, "untrusted"),
    None: (401, "certificate-missing"),
}
"""Expected status and reason by kind of certificate."""

WISHES = {"fi": "fi", "sv-FI, fi;q=0.5": "sv", "en": "en", "de, *;q=0.1": "en"}
WORDS = {"fi": "varmen", "sv": "certifikat", "en": "certificate"}


class Judged:
    """Tests of a web server before a relying party."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_the_good_one_gets_through_and_the_application_hears_who_it_is(self, caller, made, method):
        answered = caller.calls("good", method=method)
        assert answered.status == 200
        told = dict(ours_in(answered.told))
        assert tuple(told) == OURS
        assert told["sinetti-customer-id"] == CUSTOMER_ID
        assert told["sinetti-channel"] == "WS"
        assert told["sinetti-serial"] == made.serial("good")
        assert told["sinetti-not-after"] == f"{made.certificates['good'].not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
        assert told["sinetti-days-left"] == "100"

    @pytest.mark.parametrize("wish", WISHES)
    @pytest.mark.parametrize("kind", REFUSED, ids=str)
    def test_the_others_read_why_in_their_language(self, caller, kind, wish):
        answered = caller.calls(kind, [("Accept-Language", wish)], method="POST" if wish == "fi" else "GET")
        problem, language = answered.problem, WISHES[wish]
        assert (answered.status, problem["reason"]) == REFUSED[kind]
        assert problem["status"] == answered.status
        assert answered.headers["content-language"] == language
        assert WORDS[language] in problem["title"].casefold()
        assert WORDS[language] in problem["detail"].casefold()
        assert "no-store" in answered.headers["cache-control"]

    @pytest.mark.parametrize("written", SMUGGLED.values(), ids=SMUGGLED)
    def test_nobody_speaks_in_our_name(self, caller, written):
        answered = caller.calls("good", written)
        assert answered.status == 200
        told = ours_in(answered.told)
        assert tuple(name for name, _ in told) == OURS
        assert dict(told)["sinetti-customer-id"] == CUSTOMER_ID
        assert not [name for name, _ in answered.told if "sinetti" in name and name not in OURS]

    def test_nobody_becomes_another_by_a_header(self, caller, made):
        shown = f":{made.rfc9440('good')}:"
        for kind, outcome in REFUSED.items():
            answered = caller.calls(kind, [("Client-Cert", shown), ("Client_Cert", shown), ("Sinetti-Serial", "00")])
            assert (answered.status, answered.problem["reason"]) == outcome

    def test_what_the_application_refuses_itself_passes_as_it_is(self, caller):
        answered = caller.calls("good", path="/own-403")
        assert answered.status == 403
        assert dict(answered.told)["sinetti-customer-id"] == CUSTOMER_ID

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_who_resumes_a_session_is_who_began_it(self, caller, version):
        assert resumed(caller, "good", version) == (True, [200, 200])
        assert resumed(caller, "revoked", version) == (True, [403, 403])

    def test_the_doors_of_the_gateway_lead_nobody_in(self, caller):
        for path in ("/_sinetti/check", "/check", "/refusal", "/verify"):
            assert caller.calls(None, path=path).status in {401, 404}
