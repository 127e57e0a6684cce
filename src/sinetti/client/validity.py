"""Whether a certificate and the CA that issued it are within their dates. Pure: looked at after the issuer is found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message

NO_LAG = timedelta()


@dataclass(frozen=True, slots=True)
class ValidityError:
    """`early`: before `at`, the first valid second; otherwise after `at`, the last one. `of_issuer`: the CA's dates."""

    of_issuer: bool
    early: bool
    at: datetime


def check_validity(
    certificate: x509.Certificate,
    ways: Sequence[Sequence[x509.Certificate]],
    now: datetime,
    lag: timedelta = NO_LAG,
) -> ValidityError | None:
    """Return the certificate whose dates do not fit `now` (UTC), or None.

    Its own dates come first, then those of the CAs above it. `ways` are those up to an anchor
    (`pki.chain.trusted_ways`): on one of them every CA's dates fit. `lag` is how far this machine's clock may be
    behind: a certificate that begins so little later passes.
    """
    own = _outside(certificate, now, lag)
    if own is not None:
        return ValidityError(of_issuer=False, early=own[0], at=own[1])
    above = [next(filter(None, (_outside(one, now, lag) for one in way)), None) for way in ways]
    worst = None if None in above else next(iter(above), None)
    return None if worst is None else ValidityError(of_issuer=True, early=worst[0], at=worst[1])


def told(found: ValidityError, own: str, issuers: str, now: datetime) -> Message:
    """Put it into words. `own` and `issuers` are the message ids that name the certificate and its CA's."""
    words = messages.VALID_FROM if found.early else messages.VALID_UNTIL
    return make_message(words, what=make_message(issuers if found.of_issuer else own), at=found.at, now=now)


def _outside(certificate: x509.Certificate, now: datetime, lag: timedelta) -> tuple[bool, datetime] | None:
    if now > certificate.not_valid_after_utc:
        return False, certificate.not_valid_after_utc
    if now + lag < certificate.not_valid_before_utc:
        return True, certificate.not_valid_before_utc
    return None
