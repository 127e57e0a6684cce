"""Targets, one file for each: the input of the code, and properties of its result."""

from collections.abc import Mapping

from fuzz.target import Target
from fuzz.targets import (
    certificate,
    document,
    envelope,
    explanation,
    inspection,
    key,
    message_signature,
    ocsp_answer,
    ocsp_request,
    own_revocation,
    receipt,
    request,
    response,
    revocation_list,
    sightings,
    signing_request,
    status_feed,
)

_MODULES = (
    certificate,
    document,
    envelope,
    explanation,
    inspection,
    key,
    message_signature,
    ocsp_answer,
    ocsp_request,
    own_revocation,
    receipt,
    request,
    response,
    revocation_list,
    sightings,
    signing_request,
    status_feed,
)

TARGETS: Mapping[str, Target] = {one.TARGET.name: one.TARGET for one in _MODULES}
"""Every target by its name."""
