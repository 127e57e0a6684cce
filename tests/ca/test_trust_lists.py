"""Cross-certificates of roots: made once, and the same octets again."""

import pytest

from sinetti.ca.issuance_request import IssuingCa
from sinetti.ca.successors import common_name
from sinetti.ca.trust_lists import missing_links, prepare_link
from sinetti.pki.encoding import serial_hex, sign
from sinetti.pki.trust_lists.verification import is_root_link
from tests.support.authority import BASE_URL, authority
from tests.support.trust_lists import root_of, successor

NEW_KEY, NEW_ROOT, *LINKS = successor()


def issuer(certificate):
    name = common_name(certificate)
    return IssuingCa(name, name.replace(" ", ""), name, certificate, BASE_URL)


ROOTS = [issuer(root_of(authority())), issuer(NEW_ROOT)]
KEYS = {ROOTS[0].file_name: authority().key(ROOTS[0].file_name), ROOTS[1].file_name: NEW_KEY}


def signed(name, octets):
    return sign(KEYS[name], octets)


def test_two_roots_certify_each_other_with_the_same_octets_again():
    first, again = missing_links(ROOTS, (), signed), missing_links(ROOTS, (), signed)
    assert [one.tbs_certificate_bytes for one in first] == [one.tbs_certificate_bytes for one in again]
    assert [(one.subject, one.issuer) for one in first] == [
        (NEW_ROOT.subject, root_of(authority()).subject),
        (root_of(authority()).subject, NEW_ROOT.subject),
    ]
    assert all(map(is_root_link, first))
    assert first[0].public_key() == NEW_ROOT.public_key()
    tbs = prepare_link(NEW_ROOT, ROOTS[0], NEW_ROOT, serial_hex(first[0].serial_number))
    assert tbs == first[0].tbs_certificate_bytes


@pytest.mark.parametrize("links", [LINKS, missing_links(ROOTS, (), signed)])
def test_links_that_exist_are_not_made_again(links):
    assert missing_links(ROOTS, links, signed) == ()
    assert len(missing_links(ROOTS, links[:1], signed)) == 1
    assert missing_links(ROOTS[:1], (), signed) == ()
