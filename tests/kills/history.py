"""Requests and answers as a client remembers them."""

from dataclasses import dataclass, field
from threading import Lock

ACCEPTED, CERTIFICATE = "accepted", "certificate"
NEW, RENEW, GET = "new", "renew", "get"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its subject and the key to be certified.

    `key` is the SHA-256 of the SubjectPublicKeyInfo. `subject` is the transfer id, the serial of the certificate that
    signed, or the retrieval id.
    """

    operation: str
    subject: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A trusted answer.

    `kind` is ACCEPTED with a retrieval id, CERTIFICATE with the SHA-256 of the DER, or an error code.
    """

    asked: Asked
    kind: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Store:
    """The set that the real client has in use.

    `key` and `certificate_key` are the SHA-256 of the keys in the key file and in the certificate. `sha256` is that of
    the certificate. `vouched` is true if the chain verifies. `under_way` is true if a kill interrupted the client and
    the command has to be repeated.
    """

    name: str
    key: str
    certificate_key: str
    sha256: str
    vouched: bool
    under_way: bool = False


@dataclass(slots=True)
class History:
    """All requests and answers in order, and the answers to operators.

    `client_keys` are the keys that the real client made; its requests are not recorded. `heads` are the roots that the
    log's checkpoints signed, by size. `closed` are CAs with the newest audit row at which the command that closed them
    had returned.
    """

    asked: set[Asked] = field(default_factory=set)
    stores: list[Store] = field(default_factory=list)
    client_keys: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    ders: dict[str, bytes] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    closed: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    heads: dict[int, bytes] = field(default_factory=dict)
    clock_moved: bool = False
    restored: bool = False
    lock: Lock = field(default_factory=Lock)

    def ask(self, asked: Asked) -> None:
        """Record a request."""
        with self.lock:
            self.asked.add(asked)

    def lose(self) -> None:
        """Record the loss of an answer."""
        with self.lock:
            self.lost += 1

    def answer(self, answer: Answer, der: bytes | None = None) -> None:
        """Record an answer."""
        with self.lock:
            self.answers.append(answer)
            if der is not None:
                self.ders[answer.value] = der

    def handed_out(self) -> dict[str, Asked]:
        """Return all issued retrieval ids with the first request that each answered."""
        found: dict[str, Asked] = {}
        for one in self.answers:
            if one.kind == ACCEPTED:
                found.setdefault(one.value, one.asked)
        return found

    def accepted(self) -> dict[Asked, set[str]]:
        """Return every accepted request with all retrieval ids in its answers."""
        found: dict[Asked, set[str]] = {}
        for one in self.answers:
            if one.kind == ACCEPTED:
                found.setdefault(one.asked, set()).add(one.value)
        return found
