"""Applications for the technical interface, decisions, and case numbers.

The tests check what an application says and what a decision has to say.
"""

import pytest

from sinetti.domain.organisations.applications import (
    ApplicationDecision,
    ApplicationError,
    ApplicationErrorReason,
    ApplicationState,
    NewApplication,
    case_number,
    check_application,
    check_verdict,
    paragraphs,
    read_case_number,
)
from sinetti.domain.values import Channel, Language

WS, SFTP = Channel.WS, Channel.SFTP
OPEN, APPROVED, REFUSED, WITHDRAWN = ApplicationState
WHY = "The purpose does not need the interface."


def new(channels=(WS,), purpose="Payroll reports", software="Palkka 5"):
    return NewApplication(frozenset(channels), purpose, software, Language.FI)


APPLICATIONS = {
    "one channel": (new(), (), None),
    "one more channel": (new((WS, SFTP)), (WS,), None),
    "no software": (new(software=" "), (), None),
    "no channel": (new(()), (), "channels"),
    "a channel that nobody issues for": (new((SFTP,)), (), "channels"),
    "all approved already": (new(), (WS,), "nothing-new"),
    "no purpose": (new(purpose=" \n "), (), "purpose"),
    "the longest purpose": (new(purpose="x" * 1000), (), None),
    "a longer one": (new(purpose="x" * 1001), (), "purpose"),
    "a purpose with a bell": (new(purpose="ding\a"), (), "purpose"),
    "software on two lines": (new(software="a\nb"), (), "software"),
}


@pytest.mark.parametrize(("asked", "approved", "fault"), APPLICATIONS.values(), ids=APPLICATIONS)
def test_what_is_applied_for(asked, approved, fault):
    offered = (WS, SFTP) if len(asked.channels) > 1 else (WS,)
    if fault is None:
        assert check_application(asked, approved, offered).channels == asked.channels
        return
    with pytest.raises(ApplicationError) as refused:
        check_application(asked, approved, offered)
    assert refused.value.fault is ApplicationErrorReason(fault)


VERDICTS = {
    "approved without a word": (ApplicationDecision(APPROVED), None),
    "approved with reasons": (ApplicationDecision(APPROVED, WHY), None),
    "refused, with reasons and appeal": (ApplicationDecision(REFUSED, WHY, "Write to the court."), None),
    "refused without reasons": (ApplicationDecision(REFUSED, " ", "Write to the court."), "reason"),
    "refused in a word": (ApplicationDecision(REFUSED, "No.", "Write to the court."), "reason"),
    "refused without end": (ApplicationDecision(REFUSED, "x" * 2001, "Write to the court."), "reason"),
    "refused without appeal": (ApplicationDecision(REFUSED, WHY), "appeal"),
    "neither": (ApplicationDecision(OPEN), "verdict"),
    "withdrawn is no decision": (ApplicationDecision(WITHDRAWN), "verdict"),
}


@pytest.mark.parametrize(("verdict", "fault"), VERDICTS.values(), ids=VERDICTS)
def test_what_is_decided(verdict, fault):
    if fault is None:
        assert check_verdict(verdict) == verdict
        return
    with pytest.raises(ApplicationError) as refused:
        check_verdict(verdict)
    assert refused.value.fault is ApplicationErrorReason(fault)


def test_a_case_number_is_made_of_random_octets_and_read_again():
    assert case_number(bytes(7)) == "SI-00000-00000"
    assert case_number(b"\xff" * 7) == "SI-ZZZZZ-ZZZZZ"
    assert read_case_number(f" {case_number(b'sinetti').lower()} ") == case_number(b"sinetti")
    assert read_case_number("SI-00000-0000I") is None
    with pytest.raises(ValueError, match="7 octets"):
        case_number(b"")


def test_paragraphs_keep_one_empty_line_at_most():
    assert paragraphs("  a \r\n\r\n\r\n b\nc \n") == "a\n\nb\nc"
