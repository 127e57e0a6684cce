"""States of invitations and requests, and pasted lists of ids."""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.access.invitations import (
    REQUEST_LIVES,
    InvitationState,
    ParsedIdentifiers,
    RoleRequestState,
    invitation,
    parse_identifiers,
    role_request_state,
)
from sinetti.domain.values import Environment

NOW = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
SECOND = timedelta(seconds=1)

INVITATIONS = {
    "the last second": (NOW, None, None, InvitationState.WAITING),
    "one second after": (NOW - SECOND, None, None, InvitationState.LAPSED),
    "used": (NOW - SECOND, NOW - SECOND, None, InvitationState.USED),
    "ended by another": (NOW, None, NOW, InvitationState.ENDED),
}


@pytest.mark.parametrize(("expires", "used", "ended", "state"), INVITATIONS.values(), ids=INVITATIONS)
def test_invitation(expires, used, ended, state):
    assert invitation(expires, used, ended, NOW) is state


ANSWERS = {
    "the last second": (NOW - REQUEST_LIVES, None, False, RoleRequestState.WAITING),
    "one second after": (NOW - REQUEST_LIVES - SECOND, None, False, RoleRequestState.LAPSED),
    "yes": (NOW, NOW, True, RoleRequestState.GIVEN),
    "no": (NOW, NOW, False, RoleRequestState.DECLINED),
}


@pytest.mark.parametrize(("created", "answered", "given", "state"), ANSWERS.values(), ids=ANSWERS)
def test_answer(created, answered, given, state):
    assert role_request_state(created, answered, NOW, given=given) is state


LISTS = {
    "one on each line": ("1234567-1\n2345678-0\n", ("1234567-1", "2345678-0"), ()),
    "with other things between": ("1234567-1, 2345678-0;\tHRB123", ("1234567-1", "2345678-0", "HRB123"), ()),
    "each once, whatever its case": ("hrb123 HRB123\r\nHrb123", ("hrb123",), ()),
    "words are no ids": ("1234567-1\nx y\n", ("1234567-1",), ((2, "x"), (2, "y"))),
    "empty lines are counted": ("\n\n2345678-0 #\n", ("2345678-0",), ((3, "#"),)),
    "a wrong check digit": ("1234567-2", (), ((1, "1234567-2"),)),
    "too long": ("1" * 31, (), ((1, "1" * 31),)),
    "nothing": (" \n", (), ()),
}


@pytest.mark.parametrize(("listed", "found", "wrong"), LISTS.values(), ids=LISTS)
def test_lists_of_ids(listed, found, wrong):
    assert parse_identifiers(listed, Environment.PRODUCTION) == ParsedIdentifiers(found, wrong)


def test_artificial_ids_have_no_check_digit_in_test():
    assert parse_identifiers("1234567-2", Environment.TEST).found == ("1234567-2",)
