"""Meaning of a rejection by the service."""

import pytest

from sinetti.client.results import NextStep, after_request, after_retrieval

REQUESTS = {
    "too early: keep the key": (["PKI034"], False, NextStep.REFUSED),
    "wrong password: keep the key": (["PKI004"], False, NextStep.REFUSED),
    "revoked": (["PKI033"], False, NextStep.REFUSED),
    "not ready": (["PKI021"], False, NextStep.LATER),
    "unavailable": (["PKI090"], True, NextStep.LATER),
    "too many requests": (["PKI092"], False, NextStep.LATER),
    "their fault": (["PKI099"], False, NextStep.LATER),
    "ids used by somebody else": (["PKI006"], False, NextStep.REFUSED),
    "ids used, perhaps by our lost request": (["PKI006"], True, NextStep.UNCERTAIN),
    "renewed by somebody else": (["PKI035"], False, NextStep.REFUSED),
    "renewed, perhaps by our lost request": (["PKI035"], True, NextStep.UNCERTAIN),
    "a key that will never do": (["PKI011"], False, NextStep.REFUSED_FOR_GOOD),
    "a code that we do not know": (["PKI777"], False, NextStep.UNCERTAIN),
    "a known code and an unknown one": (["PKI034", "PKI777"], False, NextStep.UNCERTAIN),
    "no code at all": ([], False, NextStep.UNCERTAIN),
    "later and refused: refused": (["PKI090", "PKI034"], False, NextStep.REFUSED),
}


@pytest.mark.parametrize(("codes", "doubt", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_of_request(codes, doubt, expected):
    assert after_request(codes, doubt=doubt) is expected


FETCHES = {
    "not ready": (["PKI021"], NextStep.LATER),
    "unknown retrieval id": (["PKI020"], NextStep.REFUSED_FOR_GOOD),
    "superseded": (["PKI022"], NextStep.REFUSED_FOR_GOOD),
    "a code that we do not know": (["PKI777"], NextStep.UNCERTAIN),
    "no code at all": ([], NextStep.UNCERTAIN),
}


@pytest.mark.parametrize(("codes", "expected"), FETCHES.values(), ids=FETCHES)
def test_of_fetch(codes, expected):
    assert after_retrieval(codes) is expected
