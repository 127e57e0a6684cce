"""Record of a clerk's search."""

from sinetti.domain.access.access_purpose import SearchScope, search_digest


def test_the_same_search_has_the_same_digest_and_the_key_counts():
    one = search_digest(b"k" * 32, SearchScope.CERTIFICATES, "1234567-1")
    assert len(one) == 32
    assert one == search_digest(b"k" * 32, SearchScope.CERTIFICATES, " 1234567-1 ")
    assert one != search_digest(b"k" * 32, SearchScope.ORGANISATIONS, "1234567-1")
    assert one != search_digest(b"x" * 32, SearchScope.CERTIFICATES, "1234567-1")
