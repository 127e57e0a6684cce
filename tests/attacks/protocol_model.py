"""What the service must answer, kept in a few plain lists: written from docs/errors.md, sharing no code with it.

A certificate is known by the retrieval id that was answered; keys and customers by their names here.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LIFE, WINDOW, IDS_LIVE = 730 * DAY, 60 * DAY, 14 * DAY
GUESSES, MADE_AGAIN = 10, 3

OK = "OK"
"""What is answered where there is no code."""


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
    """One certificate that the model says is there."""

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
        """The last second."""
        return self.begins + LIFE

    @property
    def fetched(self) -> bool:
        """Whether it was handed out."""
        return self.der is not None

    def counts(self, now: datetime) -> bool:
        """Whether the answer about it may be given again."""
        return not self.revoked and not self.void and now <= self.ends


@dataclass(frozen=True)
class Wanted:
    """What a request asks for. `key` None: its signing request is worth `csr` (PKI010 or PKI011)."""

    customer: str
    key: str | None
    csr: str = ""
    malformed: bool = False


@dataclass
class Model:
    """The service as it should be. `issues_until`: certificates of the CAs may not outlive them."""

    issues_until: datetime
    approved: dict[str, set[str]]
    orders: list[Order] = field(default_factory=list)
    issued: list[Issued] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def sign_new(  # noqa: C901, PLR0911 - the order of checks, one after the other
        self, wanted: Wanted, ids: Ids | None, password: str, now: datetime
    ) -> tuple[str, Issued | None]:
        """SignNewCertificate: the code, or OK and the certificate. In the order of checks; a wrong password counts."""
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
        """RenewCertificate, likewise. `signer` None: a certificate that was not issued here."""
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
        """GetCertificate: the code, or OK."""
        if malformed:
            return "PKI001"
        if found is None or found.order.customer != customer:
            return "PKI020"
        return "PKI022" if found.void else OK

    def revoke(self, named: Issued, *, compromised: bool) -> bool:
        """Revoke it; where its key was compromised, all renewed from it too. False where all of that was before."""
        taken = [named]
        if compromised:
            for one in taken:
                taken += [later for later in self.issued if later.predecessor is one]
        fresh = [one for one in taken if not one.revoked]
        for one in fresh:
            one.revoked = True
        return bool(fresh)

    def _issue(self, key: str, order: Order, predecessor: Issued | None, now: datetime) -> Issued | str:
        """The last checks, and then there is one certificate more."""
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
