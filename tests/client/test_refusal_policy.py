"""What a "no" of the service means."""

import pytest

from sinetti.client.refusal_policy import Verdict, of_fetch, of_request

REQUESTS = {
    "too early: keep the key": (["PKI034"], False, Verdict.REFUSED),
    "wrong password: keep the key": (["PKI004"], False, Verdict.REFUSED),
    "revoked": (["PKI033"], False, Verdict.REFUSED),
    "not ready": (["PKI021"], False, Verdict.LATER),
    "unavailable": (["PKI090"], True, Verdict.LATER),
    "too many requests": (["PKI092"], False, Verdict.LATER),
    "their fault": (["PKI099"], False, Verdict.LATER),
    "ids used by somebody else": (["PKI006"], False, Verdict.REFUSED),
    "ids used, perhaps by our lost request": (["PKI006"], True, Verdict.UNCERTAIN),
    "renewed by somebody else": (["PKI035"], False, Verdict.REFUSED),
    "renewed, perhaps by our lost request": (["PKI035"], True, Verdict.UNCERTAIN),
    "a key that will never do": (["PKI011"], False, Verdict.REFUSED_FOR_GOOD),
    "a code that we do not know": (["PKI777"], False, Verdict.UNCERTAIN),
    "a known code and an unknown one": (["PKI034", "PKI777"], False, Verdict.UNCERTAIN),
    "no code at all": ([], False, Verdict.UNCERTAIN),
    "later and refused: refused": (["PKI090", "PKI034"], False, Verdict.REFUSED),
}


@pytest.mark.parametrize(("codes", "doubt", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_of_request(codes, doubt, expected):
    assert of_request(codes, doubt=doubt) is expected


FETCHES = {
    "not ready": (["PKI021"], Verdict.LATER),
    "unknown retrieval id": (["PKI020"], Verdict.REFUSED_FOR_GOOD),
    "superseded": (["PKI022"], Verdict.REFUSED_FOR_GOOD),
    "a code that we do not know": (["PKI777"], Verdict.UNCERTAIN),
    "no code at all": ([], Verdict.UNCERTAIN),
}


@pytest.mark.parametrize(("codes", "expected"), FETCHES.values(), ids=FETCHES)
def test_of_fetch(codes, expected):
    assert of_fetch(codes) is expected
