"""Policy of the separate signer: `signer.toml`, parsed once into a valid value.

It belongs to the signer's own user. The processes that the signer does not trust cannot change it.
"""

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from sinetti.ca.hierarchy_builder import CaSubject
from sinetti.ca.hierarchy_model import CaRole, Hierarchy, file_name_for
from sinetti.domain.approvals.acts import (
    FEWEST,
    MOST,
    OF_SIGNER,
    OFFICER_KEYS,
    ApprovalPolicy,
    KeyRequirement,
    OfficerRole,
)
from sinetti.domain.approvals.officers import OfficerError, check_name
from sinetti.domain.values import Channel, Environment, KeyPolicy, KeyType
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError
from sinetti.infra.toml_tables import SettingsError, TomlTable, parse_toml
from sinetti.pki.encoding import certificate_der
from sinetti.pki.policy_oids import find_arc
from sinetti.pki.ssh_signatures import SshKeyError, load_key
from sinetti.settings.authority import check_base_url

MOST_ORDERS = 1_000_000
"""Greatest daily number of certificates without proof of a renewal."""

ORDERS = 1_000
"""This number for a new authority."""

_FILE, _SUCCESSOR_FILE = "signer.toml: ", "successor: "
_DER = "the base64 of the CA's certificate in DER"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LONGEST = 100 * 366 * 24 * 3600
_HEAD = "# Policy of the separate signer, written at its founding (docs/operators/signer.md).\n"


@dataclass(frozen=True)
class PolicyCa:
    """One CA whose key the signer may have.

    `base_url` is the beginning of the addresses in its certificates. `longest_validity` is that of the certificates
    that it issues. `channel` is set for the role issuing only. CAs of the roles root and intermediate sign lists alone.
    """

    file_name: str
    role: CaRole
    channel: Channel | None
    base_url: str
    longest_validity: timedelta
    certificate: x509.Certificate

    @property
    def name(self) -> str:
        """The CN."""
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    @property
    def responder_file_name(self) -> str:
        """Beginning of the names of its OCSP responder's keys."""
        return f"{self.file_name}_ocsp"


@dataclass(frozen=True)
class PolicyOfficer:
    """Officer who was pinned at founding; `key` is the line of an OpenSSH public key."""

    name: str
    role: OfficerRole
    key: str


@dataclass(frozen=True)
class PolicySuccessor:
    """Successor of a CA of the policy, whose key the signer made.

    `request` is its PKCS#10 request in DER. `certificate` is None until the signer took it in, and `chain` has the CAs
    between it and one of `signer.toml`.
    """

    name: str
    role: CaRole
    channel: Channel | None
    key_type: KeyType
    request: bytes
    certificate: x509.Certificate | None = None
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def file_name(self) -> str:
        """CN without blanks, the name of the key."""
        return file_name_for(self.name)

    def has_same_purpose(self, other: "PolicySuccessor") -> bool:
        """Return True for a successor of the same name, role, channel and type of key."""
        return all(getattr(self, one) == getattr(other, one) for one in ("name", "role", "channel", "key_type"))


@dataclass(frozen=True)
class SignerPolicy:
    """Limits of everything that the signer signs.

    `instance_id` is the authority's. `organisation` and `country` are the subject of its own certificates, `country`
    also that of holders. `response_signer` is the CN of the certificates that sign answers. `orders_per_day` is the
    number of certificates without proof of a renewal. `log_origin` is the first line of the log's heads.
    `approvals` are the rules of approvals. A file may lack them: then any keys count, and the table's numbers.
    """

    environment: Environment
    instance_id: str
    organisation: str
    country: str
    keys: KeyPolicy
    response_signer: str
    orders_per_day: int
    log_origin: str
    authorities: tuple[PolicyCa, ...]
    officers: tuple[PolicyOfficer, ...] = ()
    approvals: ApprovalPolicy | None = None

    @property
    def subject(self) -> CaSubject:
        """Parts that the certificates of all CAs share."""
        arc = find_arc(authority.certificate for authority in self.authorities)
        return CaSubject(self.organisation, self.country, self.environment, arc)

    @property
    def response_signer_file_name(self) -> str:
        """Beginning of the names of the keys that sign answers."""
        return file_name_for(self.response_signer)

    def with_successor(self, new: PolicySuccessor) -> "SignerPolicy":
        """Return the policy with a successor that has its certificate.

        Addresses and longest validity are those of the CA before it. Raises SettingsError without one.
        """
        purpose = (new.role, new.channel)
        before = next(
            (authority for authority in self.authorities if (authority.role, authority.channel) == purpose), None
        )
        if before is None or new.certificate is None:
            raise SettingsError(
                f"{_SUCCESSOR_FILE}{new.name} follows no CA of signer.toml: restore the signer's folder"
            )
        added = replace(before, file_name=new.file_name, certificate=new.certificate)
        signer_policy = replace(self, authorities=(*self.authorities, added))
        _check_names(signer_policy)
        return signer_policy


def policy_for(
    hierarchy: Hierarchy,
    certificates: Mapping[str, x509.Certificate],
    instance_id: str,
    log_origin: str,
    officers: tuple[PolicyOfficer, ...] = (),
) -> SignerPolicy:
    """Return the policy of a new authority; `certificates` are its CAs' by file name."""
    lives = {CaRole.ISSUING: hierarchy.holder_validity, CaRole.SERVICES: hierarchy.response_signer.lifetime}
    return SignerPolicy(
        environment=hierarchy.environment,
        instance_id=instance_id,
        organisation=hierarchy.organisation,
        country=hierarchy.country,
        keys=hierarchy.key_policy,
        response_signer=hierarchy.response_signer.name,
        orders_per_day=ORDERS,
        log_origin=log_origin,
        authorities=tuple(
            PolicyCa(
                spec.file_name,
                spec.role,
                spec.channel,
                hierarchy.base_url,
                lives.get(spec.role, spec.lifetime),
                certificates[spec.file_name],
            )
            for spec in hierarchy.authorities
        ),
        officers=officers,
    )


def approval_lines(officers: Iterable[PolicyOfficer], rules: ApprovalPolicy | None) -> list[str]:
    """Return officers and rules of approvals, a line each, which `check` compares."""
    lines = [
        f"[[officers]] {officer.name}, {officer.role}, {load_key(officer.key.encode()).fingerprint}"
        for officer in officers
    ]
    if rules is not None:
        lines.append(f'{OFFICER_KEYS} = "{rules.keys}"')
        lines += [f"[approvals] {act} = {rules.people_for(act)}" for act in OF_SIGNER]
    return lines


def parse(text: str) -> SignerPolicy:
    """Parse `signer.toml`.

    Raises SettingsError, with the key and what to write instead.
    """
    try:
        table = TomlTable(parse_toml(text), _FILE)
    except ValueError as bad:
        raise SettingsError(f"signer.toml is not valid TOML: {bad}") from bad
    environment = table.choice("environment", Environment)
    has_rules = table.has(OFFICER_KEYS) or table.has("approvals")
    policy = SignerPolicy(
        environment=environment,
        instance_id=table.text("instance_id"),
        organisation=table.text("organisation"),
        country=_matching(table, "country", _COUNTRY, "two capitals"),
        keys=KeyPolicy(table.choices("key_types", KeyType), table.flag("small_exponent")),
        response_signer=table.text("response_signer"),
        orders_per_day=table.number("orders_per_day", range(1, MOST_ORDERS + 1)),
        log_origin=table.text("log_origin"),
        authorities=tuple(_ca(one) for one in table.tables("authorities", least=1)),
        officers=tuple(_officer(one) for one in table.tables("officers")),
        approvals=_approvals(table, environment) if has_rules else None,
    )
    table.finish()
    _check_names(policy)
    return policy


def render(policy: SignerPolicy) -> str:
    """Return the text of `signer.toml`."""
    values = {
        "environment": policy.environment.value,
        "instance_id": policy.instance_id,
        "organisation": policy.organisation,
        "country": policy.country,
        "key_types": sorted(policy.keys.types),
        "small_exponent": policy.keys.small_exponent,
        "response_signer": policy.response_signer,
        "orders_per_day": policy.orders_per_day,
        "log_origin": policy.log_origin,
    }
    text = _HEAD + _lines(values)
    if (rules := policy.approvals) is not None:
        people = {act.value: rules.people_for(act) for act in OF_SIGNER}
        text += f"{_lines({OFFICER_KEYS: rules.keys.value})}\n[approvals]\n{_lines(people)}"
    cas = [_ca_values(authority) for authority in policy.authorities]
    officers: list[Mapping[str, object]] = [
        {"name": officer.name, "role": officer.role.value, "key": officer.key} for officer in policy.officers
    ]
    tables = [*(("authorities", one) for one in cas), *(("officers", officer) for officer in officers)]
    return text + "".join(f"\n[[{name}]]\n{_lines(one)}" for name, one in tables)


def parse_successor(text: str) -> PolicySuccessor:
    """Parse the file of a successor. Raises SettingsError."""
    try:
        table = TomlTable(parse_toml(text), _SUCCESSOR_FILE)
    except ValueError as bad:
        raise SettingsError(f"{_SUCCESSOR_FILE}it is not valid TOML: {bad}") from bad
    role = table.choice("role", CaRole)
    successor = PolicySuccessor(
        name=table.text("name"),
        role=role,
        channel=table.choice("channel", Channel) if role is CaRole.ISSUING else None,
        key_type=table.choice("key", KeyType),
        request=_octets(table, "request", "the base64 of a PKCS#10 request in DER"),
        certificate=_certificate(table) if table.has("certificate") else None,
        chain=tuple(_chain_certificate(one) for one in table.tables("chain")),
    )
    table.finish()
    return successor


def _chain_certificate(table: TomlTable) -> x509.Certificate:
    certificate = _certificate(table)
    table.finish()
    return certificate


def render_successor(successor: PolicySuccessor) -> str:
    """Return the text of the file of a successor."""
    values: dict[str, object] = {"name": successor.name, "role": successor.role.value}
    if successor.channel is not None:
        values["channel"] = successor.channel.value
    values |= {"key": successor.key_type.value, "request": b64encode(successor.request).decode("ascii")}
    if successor.certificate is not None:
        values["certificate"] = _base64(successor.certificate)
    return _lines(values) + "".join(f"\n[[chain]]\n{_lines({'certificate': _base64(ca)})}" for ca in successor.chain)


def read(path: Path) -> SignerPolicy:
    """Read and parse `signer.toml`. Raises SettingsError."""
    return parse(_trusted_text(path))


def read_successor(path: Path) -> PolicySuccessor:
    """Read and parse the file of a successor. Raises SettingsError."""
    return parse_successor(_trusted_text(path))


def _trusted_text(path: Path) -> str:
    try:
        return file_permissions.read_trusted(path, is_named=True).decode("utf-8")
    except RightsError as bad:
        raise SettingsError(
            f"other users can change {bad.path}, which limits what is signed: run chmod go-w {bad.path}"
        ) from bad
    except (OSError, UnicodeDecodeError) as bad:
        raise SettingsError(f"{path.name} cannot be read: {bad}") from bad


def _ca(table: TomlTable) -> PolicyCa:
    role = table.choice("role", CaRole)
    ca = PolicyCa(
        file_name=_matching(table, "file_name", _NAME, "letters, digits, dots, hyphens and underscores"),
        role=role,
        channel=table.choice("channel", Channel) if role is CaRole.ISSUING else None,
        base_url=check_base_url(f"{_FILE}base_url", table.text("base_url")),
        longest_validity=timedelta(seconds=table.number("longest_validity_seconds", range(1, _LONGEST))),
        certificate=_certificate(table),
    )
    table.finish()
    return ca


def _certificate(table: TomlTable) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(_octets(table, "certificate", _DER))
    except ValueError:
        table.refuse("certificate", _DER)
    if not certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        table.refuse("certificate", "a certificate whose subject has a CN")
    return certificate


def _octets(table: TomlTable, key: str, wanted: str) -> bytes:
    try:
        return b64decode(table.text(key), validate=True)
    except (ValueError, binascii.Error):
        table.refuse(key, wanted)


def _base64(certificate: x509.Certificate) -> str:
    return b64encode(certificate_der(certificate)).decode("ascii")


def _officer(table: TomlTable) -> PolicyOfficer:
    try:
        name = check_name(table.text("name"))
        key = load_key(table.text("key").encode()).line
    except (OfficerError, SshKeyError) as bad:
        raise SettingsError(f"{_FILE}[officers] {bad}") from bad
    officer = PolicyOfficer(name, table.choice("role", OfficerRole), key)
    table.finish()
    return officer


def _approvals(table: TomlTable, environment: Environment) -> ApprovalPolicy:
    among = range(FEWEST[environment], MOST + 1)
    rules = table.table("approvals")
    people = {act: rules.number(act, among) for act in OF_SIGNER}
    rules.finish()
    return ApprovalPolicy(people, table.choice(OFFICER_KEYS, KeyRequirement))


def _check_names(policy: SignerPolicy) -> None:
    """Raise SettingsError if one name or key stands for two things."""
    groups = {
        "the file name": [authority.file_name for authority in policy.authorities]
        + [authority.responder_file_name for authority in policy.authorities]
        + [policy.response_signer_file_name],
        "the officer": [officer.name for officer in policy.officers],
        "the officers' key": [officer.key for officer in policy.officers],
    }
    for what, names in groups.items():
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise SettingsError(f"{_FILE}{what} {twice[0]} is there twice: give each its own")


def _matching(table: TomlTable, key: str, form: re.Pattern[str], wanted: str) -> str:
    text = table.text(key)
    if not form.fullmatch(text):
        table.refuse(key, wanted)
    return text


def _ca_values(ca: PolicyCa) -> Mapping[str, object]:
    return {
        "file_name": ca.file_name,
        "role": ca.role.value,
        **({"channel": ca.channel.value} if ca.channel is not None else {}),
        "base_url": ca.base_url,
        "longest_validity_seconds": int(ca.longest_validity.total_seconds()),
        "certificate": _base64(ca.certificate),
    }


def _lines(values: Mapping[str, object]) -> str:
    # A JSON value is a valid TOML value, except for DEL, which TOML requires to be escaped.
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n".replace("\x7f", "\\u007f")
        for name, value in values.items()
    )
