"""Model of the service's answers in a few plain lists.

It was written from docs/integrators/errors.md and shares no code with the service. A certificate is known by its
retrieval id. Keys and customers are known by their names here.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LIFE, WINDOW, IDS_LIVE = 730 * DAY, 60 * DAY, 14 * DAY
GUESSES, MADE_AGAIN = 10, 3

OK = "OK"
"""Answer without an error code."""


@dataclass(eq=False)
class Ids:
    """Transfer ids that were shown once."""

    order: "Order"
    transfer_id: str
    password: str
    expires: datetime
    wrong: int = 0
    ended: bool = False


@dataclass(eq=False)
class Order:
    """One order, for one certificate."""

    order_id: str
    customer: str
    channel: str
    ids: list[Ids] = field(default_factory=list)
    spent: "Issued | None" = None


@dataclass(eq=False)
class Issued:
    """One certificate that exists according to the model."""

    key: str
    order: Order
    begins: datetime
    predecessor: "Issued | None" = None
    retrieval_id: str = ""
    der: bytes | None = None
    void: bool = False
    revoked: bool = False

    @property
    def ends(self) -> datetime:
        """Last second of the validity."""
        return self.begins + LIFE

    @property
    def fetched(self) -> bool:
        """True if the certificate was retrieved."""
        return self.der is not None

    def counts(self, now: datetime) -> bool:
        """Return True if the answer about it may be given again."""
        return not self.revoked and not self.void and now <= self.ends


@dataclass(frozen=True)
class Wanted:
    """Content of a request.

    Without `key` the answer to the signing request is `csr` (PKI010 or PKI011).
    """

    customer: str
    key: str | None
    csr: str = ""
    malformed: bool = False


@dataclass
class Model:
    """The service as it should be.

    It issues until `issues_until`, since certificates may not outlive those of the CAs.
    """

    issues_until: datetime
    approved: dict[str, set[str]]
    orders: list[Order] = field(default_factory=list)
    issued: list[Issued] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def sign_new(  # noqa: C901, PLR0911 - the order of checks, one after the other
        self, wanted: Wanted, ids: Ids | None, password: str, now: datetime
    ) -> tuple[str, Issued | None]:
        """Answer SignNewCertificate: return the code, or OK and the certificate.

        The checks are in the order of the service. A wrong password counts.
        """
        if wanted.malformed:
            return "PKI001", None
        if ids is None or ids.ended or ids.password != password:
            if ids is not None and ids.order.spent is None and ids.password != password:
                ids.wrong = min(GUESSES, ids.wrong + 1)
            return "PKI004", None
        order = ids.order
        if ids.wrong >= GUESSES:
            return "PKI007", None
        if wanted.customer != order.customer:
            return "PKI003", None
        if wanted.key is None:
            return wanted.csr, None
        if order.spent is not None and order.spent.key == wanted.key and order.spent.counts(now):
            return OK, order.spent
        if now > ids.expires:
            return "PKI005", None
        if order.spent is not None:
            return "PKI006", None
        made = self._issue(wanted.key, order, None, now)
        if isinstance(made, Issued):
            order.spent = made
            return OK, made
        return made, None

    def renew(
        self, wanted: Wanted, signer: Issued | None, now: datetime, *, broken: bool = False
    ) -> tuple[str, Issued | None]:
        """Answer RenewCertificate: return the code, or OK and the certificate.

        Without `signer` the signing certificate was not issued here.
        """
        if wanted.malformed:
            return "PKI001", None
        if broken:
            return "PKI030", None
        if signer is None:
            return "PKI031", None
        if wanted.customer != signer.order.customer:
            return "PKI003", None
        if signer.revoked:
            return "PKI033", None
        if wanted.key is None:
            return wanted.csr, None
        renewals = [one for one in self.issued if one.predecessor is signer]
        for one in renewals:
            if one.key == wanted.key and one.counts(now):
                return OK, one
        return self._renew(wanted.key, signer, renewals, now)

    def _renew(self, key: str, signer: Issued, renewals: list[Issued], now: datetime) -> tuple[str, Issued | None]:
        if now > signer.ends:
            return "PKI032", None
        if signer.order.channel not in self.approved[signer.order.customer]:
            return "PKI036", None
        if now < signer.ends - WINDOW:
            return "PKI034", None
        other = [one for one in renewals if not one.void and not one.revoked]
        made_again = sum(one.void for one in renewals)
        if other and (other[0].fetched or made_again >= MADE_AGAIN):
            return "PKI035", None
        made = self._issue(key, signer.order, signer, now)
        if not isinstance(made, Issued):
            return made, None
        for one in other:
            one.void = one.revoked = True
        return OK, made

    def get(self, customer: str, found: Issued | None, *, malformed: bool = False) -> str:
        """Answer GetCertificate: return the code, or OK."""
        if malformed:
            return "PKI001"
        if found is None or found.order.customer != customer:
            return "PKI020"
        return "PKI022" if found.void else OK

    def revoke(self, named: Issued, *, compromised: bool) -> bool:
        """Revoke a certificate; return False if it changed nothing.

        If the key was compromised, every certificate renewed from it is revoked too.
        """
        taken = [named]
        if compromised:
            for one in taken:
                taken += [later for later in self.issued if later.predecessor is one]
        fresh = [one for one in taken if not one.revoked]
        for one in fresh:
            one.revoked = True
        return bool(fresh)

    def _issue(self, key: str, order: Order, predecessor: Issued | None, now: datetime) -> Issued | str:
        """Make the last checks; return the new certificate or a code."""
        if order.channel not in self.approved[order.customer]:
            return "PKI036"
        if key in self.keys:
            return "PKI012"
        if now > self.issues_until:
            return "PKI090"
        made = Issued(key, order, now, predecessor)
        self.keys.add(key)
        self.issued.append(made)
        return made
