"""Renewal information of one certificate (RFC 9773).

It takes one statement, and a few more every few hours that record the request. The record shows operators how many
certificates have a client that learns of a call for early replacement (docs/holders/renewal-info.md).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from sinetti.database.certificates import early_replacement
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.domain.certificates.renewal_info import (
    ASK_AGAIN,
    ASK_AGAIN_CALLED,
    Explanation,
    SuggestedWindow,
    suggested_window,
)
from sinetti.domain.notifications.early_replacement import needs_record, parse_product
from sinetti.domain.usage import TrustListNumbers
from sinetti.domain.values import Serial
from sinetti.pki.ari_id import key_identifier
from sinetti.pki.encoding import load_certificate
from sinetti.services.context import ServiceContext


@dataclass(frozen=True)
class HintProgram:
    """Program that asks: its User-Agent, and the numbers of its trust lists."""

    user_agent: str = ""
    numbers: TrustListNumbers | None = None


UNKNOWN_PROGRAM = HintProgram()


@dataclass(frozen=True)
class RenewalInfo:
    """Renewal window, explanation of the operator, and time until the next query."""

    window: SuggestedWindow
    notice: Explanation
    ask_again: timedelta


def identified(ctx: ServiceContext) -> Mapping[bytes, tuple[str, ...]]:
    """Return our CAs by key identifier, as certificate ids name them (RFC 9773, 4.1)."""
    pairs: dict[bytes, tuple[str, ...]] = {}
    for name, der in ctx.certificates.items():
        identifier = _identifier(der)
        pairs[identifier] = (*pairs.get(identifier, ()), name)
    return pairs


@lru_cache(maxsize=256)
def _identifier(der: bytes) -> bytes:
    return key_identifier(load_certificate(der))


def hint_of(
    authorities: Sequence[str], serial: Serial, ctx: ServiceContext, program: HintProgram = UNKNOWN_PROGRAM
) -> RenewalInfo | None:
    """Return the renewal information of a certificate of one of these CAs, or None.

    The product of the caller's User-Agent is recorded, so that the certificates of a faulty program can be called, and
    the numbers of its trust lists.
    """
    now = ctx.now()
    renewal_info = early_replacement.hinted(ctx.db, authorities, serial, now)
    if renewal_info is None:
        return None
    called = renewal_info.facts.called
    has_news = program.numbers is not None and program.numbers != renewal_info.numbers
    if needs_record(renewal_info.asked_at, now, called.begins if called is not None else None, has_news=has_news):
        # The answer does not depend on the write.
        with suppress(*DATABASE_UNAVAILABLE):
            software = parse_product(program.user_agent)
            early_replacement.note_asked(ctx.db, renewal_info.certificate, software, now, program.numbers)
    explanation = called.notice if called is not None and renewal_info.facts.revoked_at is None else Explanation()
    return RenewalInfo(
        suggested_window(renewal_info.facts), explanation, ASK_AGAIN_CALLED if renewal_info.calling else ASK_AGAIN
    )
