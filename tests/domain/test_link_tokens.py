"""Secrets derived from the server key.

Each is for one purpose, and none can serve another.
"""

import hmac
from base64 import b32encode
from hashlib import sha256

from sinetti.domain.link_tokens import (
    CODE,
    OPEN_LINK,
    PIN,
    RETURN_ADDRESS,
    STOP_LINK,
    bounce_token,
    constant_time_equal,
    delivery_code,
    link_token,
    pin_code,
)
from sinetti.services.issuance import order

KEY = b"k" * 32
ID = "0123456789abcdef" * 2


def test_each_purpose_has_secrets_of_its_own():
    made = {link_token(KEY, purpose, ID) for purpose in (OPEN_LINK, STOP_LINK, PIN, CODE, RETURN_ADDRESS)}
    assert (len(made), {len(one) for one in made}) == (5, {32})
    assert [len(make(KEY, ID)) for make in (pin_code, delivery_code, bounce_token)] == [6, 10, 16]
    assert pin_code(KEY, ID) != pin_code(b"x" * 32, ID)


def test_no_proof_of_a_password_is_one_of_them():
    """Both are derived from one server key.

    Under it are texts with a zero octet, and the one without, which makes their key.
    """
    own = hmac.digest(KEY, b"notices", sha256)
    token = b32encode(hmac.digest(own, f"open\0{ID}".encode(), sha256)[:20]).decode().lower()
    assert link_token(KEY, OPEN_LINK, ID) == token
    assert order.mac(KEY, "notices", "") == hmac.digest(KEY, b"notices\0", sha256) != own


def test_secrets_are_compared_whatever_somebody_sent():
    assert constant_time_equal("å\ud800", "å\ud800")
    assert not constant_time_equal("\ud800", "?")
    assert not constant_time_equal("", "a")
