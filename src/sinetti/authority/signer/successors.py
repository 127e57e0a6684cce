"""Successors of CAs in the signer: keys that it makes, certificates it takes in.

Each has a file `successors/NAME.toml` in the signer's folder. The service may begin one and show its certificate. The
offline CA above it decides, because the certificate must lead to a CA of `signer.toml`.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn, cast

from cryptography import x509

from sinetti.authority.key_store import AuthorityKeys
from sinetti.authority.signer.rules import SigningRules
from sinetti.ca.hierarchy_model import CaRole, CaSpec
from sinetti.ca.issuance_request import IssuingCa
from sinetti.ca.profiles import ca_key
from sinetti.ca.successors import (
    CertificateRefused,
    check_ca_certificate,
    check_chain,
    check_key,
    check_new_name,
    common_name,
)
from sinetti.domain.values import Channel, KeyType
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.infra.toml_tables import SettingsError
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import PrivateKey, PublicKey, load_certificate
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.settings import signer as signer_settings
from sinetti.settings.signer import PolicySuccessor, SignerPolicy

MOST_WAITING = 5
"""Successors without a certificate at once; each has a key that the signer made."""

_LONGEST = timedelta(days=36_525)
"""Longest lifetime of a CA; the CA above it decides on the real one."""


def read_successors(root: Path) -> tuple[PolicySuccessor, ...]:
    """Read the successors in a signer's folder. Raises SettingsError."""
    successors = []
    for path in sorted(_folder(root).glob("*.toml")):
        successor = signer_settings.read_successor(path)
        if successor.file_name != path.stem:
            raise SettingsError(f"{path} is of another CA: restore the signer's folder")
        successors.append(successor)
    return tuple(successors)


def with_successors(policy: SignerPolicy, successors: tuple[PolicySuccessor, ...]) -> SignerPolicy:
    """Return a policy with the successors that have certificates.

    Raises SettingsError.
    """
    for successor in successors:
        if successor.certificate is not None:
            policy = policy.with_successor(successor)
    return policy


class SignerSuccessors:
    """Successors of an opened signer: its folder, its keys and its rules."""

    def __init__(self, root: Path, keys: AuthorityKeys, rules: SigningRules) -> None:
        """Store the arguments."""
        self._root, self._keys, self._rules = root, keys, rules
        for successor in read_successors(root):
            rules.expect(successor)

    def begin(self, *fields: bytes) -> list[bytes]:
        """Make the key of a successor, and return its request.

        The fields are name, role, channel or nothing, and type of key. The same fields get the same request. Raises
        SignatureRefused, and the errors of the keys' store.
        """
        wanted = _parsed_request(fields)
        known = {successor.file_name: successor for successor in read_successors(self._root)}
        successor = known.get(wanted.file_name)
        store, name = self._keys.makes, wanted.file_name
        if successor is not None and not successor.has_same_purpose(wanted):
            _refuse(f"{wanted.name} was begun with another purpose or type of key")
        if successor is not None and self._keys.store_of(name).has(name):
            return [successor.request]
        if successor is None:
            self._check_new(wanted, tuple(known.values()))
        new = store.create(name, wanted.key_type)
        request = build_request(cast("PrivateKey", new.key), wanted.name, self._rules.policy.organisation)
        # The request is first, so that a key in the folder always has it.
        wanted = replace(wanted, request=request)
        self._write(wanted)
        store.keep(new, name)
        self._rules.expect(wanted)
        return [request]

    def install(self, now: datetime, name: bytes, *ders: bytes) -> list[bytes]:
        """Take in the certificate of a successor, and the CAs between it and a pinned one.

        All are DER, the successor's first. The same call changes nothing. Raises SignatureRefused, SignerUnavailable
        and OSError.
        """
        file_name = name.decode("ascii", "replace")
        waiting = next(
            (successor for successor in read_successors(self._root) if successor.file_name == file_name), None
        )
        if waiting is None:
            _refuse("no successor of this name was begun")
        try:
            certificate, *chain = (load_certificate(der) for der in ders)
        except ValueError:
            _refuse("its certificate cannot be read")
        if waiting.certificate is not None:
            if waiting.certificate != certificate:
                _refuse(f"{waiting.name} has another certificate")
            return []
        try:
            self._check(waiting, certificate, chain, now)
        except CertificateRefused as bad:
            _refuse(str(bad))
        key = self._open(file_name, ca_key(certificate))
        new = replace(waiting, certificate=certificate, chain=tuple(chain))
        policy = self._rules.policy.with_successor(new)
        self._write(new)
        self._rules.add_authority(policy, key)
        return []

    def _check_new(self, wanted: PolicySuccessor, known: tuple[PolicySuccessor, ...]) -> None:
        policy = self._rules.policy
        if not any(
            (authority.role, authority.channel) == (wanted.role, wanted.channel)
            for authority in self._rules.policy.authorities
            if authority.file_name in self._rules.key_names
        ):
            _refuse("it has no key of a CA with this purpose")
        if sum(successor.certificate is None for successor in known) >= MOST_WAITING:
            _refuse(f"{MOST_WAITING} successors wait for their certificates: find out why before more are begun")
        names = dict.fromkeys(
            [authority.name for authority in policy.authorities] + [successor.name for successor in known]
        )
        try:
            check_new_name(wanted.name, policy.environment, names, policy.response_signer)
        except ValueError as bad:
            _refuse(str(bad))

    def _check(
        self, waiting: PolicySuccessor, certificate: x509.Certificate, chain: list[x509.Certificate], now: datetime
    ) -> None:
        policy = self._rules.policy
        pinned = {authority.certificate: authority for authority in policy.authorities}
        check_chain(chain, list(pinned), now)
        above = chain[0] if chain else _signer_of(certificate, list(pinned))
        name = common_name(above)
        base_url = policy.authorities[0].base_url
        issuer = IssuingCa(name, name.replace(" ", ""), "", above, base_url)
        spec = CaSpec(waiting.name, waiting.role, name, waiting.key_type, _LONGEST, waiting.channel)
        check_key(certificate, waiting.request, waiting.name)
        check_ca_certificate(certificate, policy.subject, spec, issuer, now)

    def _open(self, name: str, public: PublicKey) -> PrivateKey:
        try:
            return cast("PrivateKey", self._keys.open(name, public))
        except ValueError as bad:
            raise SignerUnavailable(str(bad)) from bad

    def _write(self, successor: PolicySuccessor) -> None:
        _folder(self._root).mkdir(mode=0o700, exist_ok=True)
        path = _folder(self._root) / f"{successor.file_name}.toml"
        write_atomic(path, signer_settings.render_successor(successor).encode(), PRIVATE)


def _signer_of(certificate: x509.Certificate, pinned: list[x509.Certificate]) -> x509.Certificate:
    """Return the pinned CA that signed a certificate. Raises CertificateRefused."""
    chain = check_chain([certificate], pinned, certificate.not_valid_before_utc)
    assert chain is not None  # noqa: S101 - the chain is not empty
    return chain


def _parsed_request(fields: tuple[bytes, ...]) -> PolicySuccessor:
    """Return the successor that a caller asks for. Raises ValueError for other fields."""
    name, role, channel, kind = (field.decode("ascii") for field in fields)
    return PolicySuccessor(name, CaRole(role), Channel(channel) if channel else None, KeyType(kind), b"")


def _folder(root: Path) -> Path:
    return root / "successors"


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the signer refuses the successor: {why}") from None
