"""Configuration of an environment's CAs: names, keys and lifetimes from TOML.

Presets are in `presets/`. `parse_hierarchy` returns the validated form, which all other modules use.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy
from sinetti.ca.hierarchy_model import (
    CaRole,
    CaSpec,
    Hierarchy,
    HierarchyError,
    ResponseSignerSpec,
    file_name_for,
)
from sinetti.domain.authorities.lifecycle import successor_name
from sinetti.domain.values import Channel, Environment, KeyPolicy, KeyType
from sinetti.infra.durations import has_years, parse_duration
from sinetti.infra.toml_tables import TomlTable, parse_toml
from sinetti.pki.policy_oids import EXAMPLES, is_example
from sinetti.pki.signers.pkcs11_uri import TokenLocation, load_location

__all__ = [
    "CaRole",
    "CaSpec",
    "GeneratedHierarchy",
    "Hierarchy",
    "HierarchyError",
    "ResponseSignerSpec",
    "generate_hierarchy",
]


_SHORT = {"short-47d": 'validity = "P47D"', "short-7d": 'validity = "P7D"'}
PRESETS = ("default", "incomes-register-test", *_SHORT)
"""Names of presets.

Those of short lives differ from the default one in the validity of holders' certificates.
"""

_PLACEHOLDER = "{test}"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]| (?! ))*[A-Za-z0-9]")
_NAME_FORM = "at most 64 letters A-Z, digits, dots and hyphens with single blanks between them"
_LONGEST_NAME = 64
_ARC = re.compile(r"([01]\.[1-3]?[0-9]|2\.N)(\.N){0,9}".replace("N", "(0|[1-9][0-9]{0,9})"))
"""OID whose policies have at most 63 octets, the limit of `cryptography`."""
_OWN_ARC = (
    'such as "1.3.6.1.4.1.NUMBER.1" below the private enterprise number of your organisation, which '
    "https://www.iana.org/assignments/enterprise-numbers/ assigns"
)
_COUNTRY = re.compile(r"[A-Z]{2}")
_DAYS = range(1, 36_526)
"""Days of a lifetime, up to a hundred years.

The limit keeps all dates of certificates within the calendar.
"""
SHORTEST_VALIDITY = timedelta(hours=24)
"""Shortest life of holders' certificates.

Its window of 12 hours has room for an agent that runs hourly.
"""
_ANY_TOKEN = TokenLocation(Path("module"), "token", Path("pin"))
"""Values for the parts that a token's URI may lack."""

_TEST_WORD = re.compile(r"\btest\b", re.IGNORECASE)
ABOVE: Mapping[CaRole, CaRole] = {
    CaRole.INTERMEDIATE: CaRole.ROOT,
    CaRole.ISSUING: CaRole.INTERMEDIATE,
    CaRole.SERVICES: CaRole.INTERMEDIATE,
}
"""Role of the CA above each other one."""


class PresetTable(TomlTable):
    """Table of a preset; its errors repeat the value found, which is no secret."""

    error_class = HierarchyError
    missing_template = "{key}: this key is missing; write {wanted}"
    wrong_template = "{key}: {value!r} is not valid; write {wanted}"
    unknown_template = "{key}: there is no such key; remove it or correct its spelling"
    place_template = "[{key}]: "
    row_template = "[[{key}]] number {number}: "


def load_preset(name: str) -> str:
    """Return the TOML of a preset.

    Raises HierarchyError if there is no such preset.
    """
    if name not in PRESETS:
        raise HierarchyError(f"there is no preset {name!r}; use one of {', '.join(PRESETS)}")
    file = "default" if name in _SHORT else name
    text = (files("sinetti.ca") / "presets" / f"{file}.toml").read_text(encoding="utf-8")
    return text.replace('validity = "P730D"', _SHORT[name]) if name in _SHORT else text


def parse_hierarchy(
    text: str, environment: Environment, base_url: str | None = None, *, is_stored: bool = False
) -> Hierarchy:
    """Parse a hierarchy for one environment from TOML.

    `base_url` (plain http, without a final slash) overrides the key `base_url` of the file; one of the two is
    required. In names, `{test}` becomes "Test " in TEST and nothing in PRODUCTION. `is_stored`: the text is from the
    folder of an authority, which may be of version 0.1.0, with `validity_days` and no `policy_arc`. Raises
    HierarchyError, which names the line or key and what to write.
    """
    try:
        top = PresetTable(parse_toml(text))
    except ValueError as bad:
        raise HierarchyError(f"the hierarchy is not valid TOML: {bad}; correct that line") from None
    return read_hierarchy(top, environment, base_url, is_stored=is_stored)


def read_hierarchy(
    top: PresetTable, environment: Environment, base_url: str | None = None, *, is_stored: bool = False
) -> Hierarchy:
    """Read a hierarchy from its table, as `parse_hierarchy` does.

    Raises HierarchyError.
    """
    parsed = _parse_top(top, environment, base_url, is_stored=is_stored)
    _check_environment(parsed, is_stored=is_stored)
    _check_tree(parsed)
    _check_lifetimes(parsed)
    return parsed


def with_standby(text: str, token: str = "") -> str:
    """Add a standby for each issuing CA to the TOML of a hierarchy.

    It has the next generation of its name. A channel that has one keeps that. `token` is the URI of the token for their
    keys, or empty. A text that is not valid TOML is returned as it is.
    """
    try:
        rows = parse_toml(text).get("authorities", [])
        issuing = [row for row in rows if row.get("role") == CaRole.ISSUING]
        has_one = {one["channel"] for one in issuing if one.get("standby")}
        new = [{**one, "name": successor_name(one["name"])} for one in issuing if one["channel"] not in has_one]
    except (ValueError, AttributeError, KeyError, TypeError):
        return text
    parts = [text if text.endswith("\n") else f"{text}\n"]
    for one in new:
        values = {key: value for key, value in one.items() if key != "token"} | ({"token": token} if token else {})
        rows = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
        parts.append("\n[[authorities]]\nstandby = true\n" + "".join(rows))
    return "".join(parts)


def with_policy_arc(text: str, environment: Environment, arc: str | None = None) -> str:
    """Write an arc of policies into the TOML of a hierarchy, instead of its own.

    Without `arc`, it keeps its own; in TEST it gets that for examples.
    """
    rest = re.sub(r"^policy_arc\b.*\n", "", text, flags=re.MULTILINE)
    if arc is None:
        if environment is Environment.PRODUCTION or rest != text:
            return text
        arc = EXAMPLES
    return f'policy_arc = "{arc}"\n{rest}'


def is_same_hierarchy(stored: str, text: str) -> bool:
    """Return True if a stored hierarchy equals the one in `text`.

    The stored one may be of version 0.1.0. An arc in one alone is no difference.
    """
    if stored == text:
        return True
    try:
        hierarchy, other = (
            parse_hierarchy(each, Environment.TEST, "http://same", is_stored=True) for each in (stored, text)
        )
    except HierarchyError:
        return False
    other = replace(other, policy_arc=other.policy_arc or hierarchy.policy_arc)
    return replace(hierarchy, policy_arc=hierarchy.policy_arc or other.policy_arc) == other


def _parse_top(top: PresetTable, environment: Environment, base_url: str | None, *, is_stored: bool) -> Hierarchy:
    written_url = top.text_or_none("base_url")
    validity, policy = _holders(top.table("holders"), is_stored=is_stored)
    parsed = Hierarchy(
        environment=environment,
        base_url=_base_url(base_url or written_url),
        organisation=top.text("organisation"),
        country=_country(top),
        test_bench_only=top.flag("test_bench_only"),
        authorities=tuple(read_authority(table, environment) for table in top.tables("authorities", 1)),
        response_signer=_response_signer(top.table("response_signer"), environment),
        holder_validity=validity,
        key_policy=policy,
        policy_arc=_arc(top),
    )
    top.finish()
    return parsed


def _arc(top: PresetTable) -> str | None:
    written = top.text_or_none("policy_arc")
    if written is not None and not (_ARC.fullmatch(written) and all(int(n) < 1 << 31 for n in written.split("."))):
        top.refuse("policy_arc", f"an OID with numbers under 2^31, eleven at most, {_OWN_ARC}", written)
    return written


def _country(top: PresetTable) -> str:
    value = top.text("country")
    if not _COUNTRY.fullmatch(value):
        top.refuse("country", 'two capital letters, such as "FI"', value)
    return value


def _days(table: PresetTable, key: str) -> timedelta:
    return timedelta(days=table.number(key, _DAYS))


def _holders(table: PresetTable, *, is_stored: bool) -> tuple[timedelta, KeyPolicy]:
    validity = _days(table, "validity_days") if is_stored and table.has("validity_days") else _validity(table)
    policy = KeyPolicy(table.choices("key_types", KeyType), table.flag("small_exponent"))
    table.finish()
    return validity, policy


def _validity(table: PresetTable) -> timedelta:
    """Take the validity of holders' certificates.

    It is a duration from 24 hours to a hundred years.
    """
    days = table.raw.get("validity_days")
    if days is not None:
        raise HierarchyError(f'[holders]: validity_days: this key has a new name; write validity = "P{days}D"')
    written = table.text("validity")
    if has_years(written):
        wanted = 'days, because years and months differ in length, such as "P730D" for two years'
        table.refuse("validity", wanted, written)
    try:
        length = parse_duration(written)
    except (ValueError, OverflowError):
        length = timedelta()
    if not SHORTEST_VALIDITY <= length <= timedelta(days=_DAYS[-1]):
        table.refuse("validity", f'a duration from "PT24H" to "P{_DAYS[-1]}D", such as "P730D" or "PT36H"', written)
    return length


def read_authority(table: PresetTable, environment: Environment) -> CaSpec:
    """Read one [[authorities]] table. Raises HierarchyError."""
    role = table.choice("role", CaRole)
    parsed = CaSpec(
        name=_name(table, "name", environment),
        role=role,
        parent=None if role is CaRole.ROOT else _name(table, "parent", environment),
        key_type=table.choice("key", KeyType),
        lifetime=_days(table, "lifetime_days"),
        channel=table.choice("channel", Channel) if role is CaRole.ISSUING else None,
        token=_token(table),
        is_standby=role is CaRole.ISSUING and table.has("standby") and table.flag("standby"),
    )
    table.finish()
    return parsed


def _token(table: PresetTable) -> str:
    """Take the URI of the token for a CA's key; an empty text without it."""
    written = table.text_or_none("token")
    if written is None:
        return ""
    try:
        load_location(written, _ANY_TOKEN)
    except ValueError:
        table.refuse("token", 'the URI of a token (RFC 7512), such as "pkcs11:token=LABEL"', written)
    return written


def _response_signer(table: PresetTable, environment: Environment) -> ResponseSignerSpec:
    parsed = ResponseSignerSpec(
        name=_name(table, "name", environment),
        key_type=table.choice("key", KeyType),
        lifetime=_days(table, "lifetime_days"),
    )
    table.finish()
    return parsed


def _name(table: PresetTable, key: str, environment: Environment) -> str:
    """Take a CN for addresses and file names.

    It is plain ASCII, with the placeholder filled.
    """
    written = table.text(key)
    name = written.replace(_PLACEHOLDER, "Test " if environment is Environment.TEST else "")
    if not _is_name(name):
        table.refuse(key, _NAME_FORM, written)
    return name


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and bool(_NAME.fullmatch(name))


def check_name(name: str, environment: Environment) -> None:
    """Check the CN of a CA: plain ASCII, and clear about the environment.

    Raises HierarchyError.
    """
    if not _is_name(name):
        raise HierarchyError(f"name: {name!r} is not valid; write {_NAME_FORM}")
    is_production = environment is Environment.PRODUCTION
    if bool(_TEST_WORD.search(name)) is is_production:
        wanted = 'without the word "Test"' if is_production else 'with the word "Test"'
        raise HierarchyError(f"name: {name!r} does not distinguish PRODUCTION from TEST; write it {wanted}")


def _base_url(url: str | None) -> str:
    if url is None:
        raise HierarchyError('base_url: this key is missing; write the http address, such as "http://pki.example.fi"')
    if not _is_plain_http(url):
        raise HierarchyError(
            f"base_url: {url!r} is not valid; write a plain http:// address without user, query, or slash at the end"
        )
    return url


def _is_plain_http(url: str) -> bool:
    """Return True for a plain http address.

    A client that checks a certificate's status cannot use TLS for it (RFC 5280, 8).
    """
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = url.startswith("http://") and bool(parts.hostname) and "@" not in parts.netloc and port_fits
    return plain and url.isascii() and url.isprintable() and not re.search(r"[ ?#<>\"\\]|/$", url)


def _check_environment(parsed: Hierarchy, *, is_stored: bool) -> None:
    """Check that names and settings fit the environment.

    Every name distinguishes PRODUCTION from TEST (facts sheet, 1). PRODUCTION has no setting of a test bench. Raises
    HierarchyError if a rule is broken.
    """
    production = parsed.environment is Environment.PRODUCTION
    if production and parsed.test_bench_only:
        raise HierarchyError("test_bench_only: this hierarchy is only for tests; use another one for PRODUCTION")
    if production and parsed.key_policy.small_exponent:
        raise HierarchyError(
            "[holders]: small_exponent: RSA with e=3 is only for test benches; write false for PRODUCTION"
        )
    for one in _named(parsed):
        if bool(_TEST_WORD.search(one.name)) is production:
            raise HierarchyError(
                f"name: {one.name!r} does not distinguish PRODUCTION from TEST; write {_PLACEHOLDER} "
                "where the environment belongs"
            )
    is_missing = parsed.policy_arc is None and not is_stored
    if production and (is_missing or is_example(parsed.policy_arc)):
        text = "this key is missing" if is_missing else f"{parsed.policy_arc} is only for examples"
        raise HierarchyError(f"policy_arc: {text}; write an OID of your own, or give --policy-arc, {_OWN_ARC}")


def _check_tree(parsed: Hierarchy) -> None:
    """Check for one root, CAs below the right role, unique purposes and unique names.

    Raises HierarchyError if a rule is broken.
    """
    specs = parsed.authorities
    cas: dict[str, CaSpec] = {}
    for spec in specs:
        above = None if spec.parent is None else cas.get(spec.parent)
        if spec.role is not CaRole.ROOT and (above is None or above.role is not ABOVE[spec.role]):
            wanted = ABOVE[spec.role].value
            raise HierarchyError(f"parent: {spec.name!r} needs a CA of the role {wanted!r} before it in the file")
        cas[spec.name] = spec
    _check_unique(parsed)
    _check_count(specs, CaRole.ROOT)
    _check_count(specs, CaRole.SERVICES)
    channels = [spec.channel for spec in specs if spec.channel is not None and not spec.is_standby]
    if not channels or len(channels) != len(set(channels)):
        raise HierarchyError('channel: write at least one [[authorities]] of the role "issuing", and each channel once')
    beside = [spec.channel for spec in specs if spec.is_standby]
    if len(beside) != len(set(beside)) or not set(beside) <= set(channels):
        raise HierarchyError("standby: write at most one for a channel, beside the CA that issues for it")


def _named(parsed: Hierarchy) -> tuple[CaSpec | ResponseSignerSpec, ...]:
    return (*parsed.authorities, parsed.response_signer)


def _check_unique(parsed: Hierarchy) -> None:
    check_distinct_names([ca.name for ca in parsed.authorities], parsed.response_signer.name)


def check_distinct_names(authorities: Sequence[str], signer: str) -> None:
    """Check that no two of these CNs share a file, nor the address of one.

    `signer` is the CN of the response signers. Raises HierarchyError.
    """
    names = [file_name_for(authority).lower() for authority in authorities]
    files = file_name_for(signer).lower()
    for name in (*names, files):
        if [*names, files].count(name) > 1:
            raise HierarchyError(f"name: {name!r} is used twice (spaces and case do not matter); write different names")
    for name in names:
        # The signer's files are named NAME-SERIAL; no CA's file may have such a name.
        if name.startswith(f"{files}-"):
            raise HierarchyError(f"name: {name!r} begins like the files of [response_signer]; rename one of them")
        # Certificates contain /crl/NAME-SHARD.crl, CRLs in a critical extension; no other file may have that address.
        shard_of, _, number = name.rpartition("-")
        if shard_of in names and number.isdecimal():
            raise HierarchyError(
                f"name: {name!r} is the address of a revocation list of {shard_of!r}; rename one of them"
            )


def _check_count(specs: Sequence[CaSpec], role: CaRole) -> None:
    if sum(spec.role is role for spec in specs) != 1:
        raise HierarchyError(f'role: write exactly one [[authorities]] of the role "{role.value}"')


def _check_lifetimes(parsed: Hierarchy) -> None:
    """Check that every certificate ends before the CAs above it.

    Issuing rejects a certificate that would end later and does not shorten it. The lifetimes must therefore fit from
    the start. Raises HierarchyError if they do not.
    """
    lifetimes = {spec.name: spec.lifetime for spec in parsed.authorities}
    for spec in parsed.authorities:
        above = None if spec.parent is None else lifetimes[spec.parent]
        if above is not None and spec.lifetime > above:
            raise HierarchyError(
                f"lifetime_days: {spec.name!r} would be valid longer than {spec.parent!r}; write at most {above.days}"
            )
        if spec.channel is not None and parsed.holder_validity >= spec.lifetime:
            raise HierarchyError(
                f"[holders]: validity: {spec.name!r} could never issue a certificate; write less "
                f'than "P{spec.lifetime.days}D"'
            )
        if spec.channel is not None and spec.lifetime > parsed.services.lifetime:
            ends = f"{parsed.services.name!r} would expire before {spec.name!r}, and responses could not be signed"
            raise HierarchyError(f"lifetime_days: {ends}; write at least {spec.lifetime.days}")
    if parsed.response_signer.lifetime >= parsed.services.lifetime:
        raise HierarchyError(
            f"[response_signer]: lifetime_days: write less than {parsed.services.lifetime.days}, the lifetime of its CA"
        )
