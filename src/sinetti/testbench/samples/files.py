"""Sample certificates as files: a folder that is written whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sinetti.pki.encoding import certificate_der, certificate_pem, dump_private_key
from sinetti.testbench.samples.generator import SampleCertificate, SampleState

KEY, CERTIFICATE, CHAIN, ANCHORS = "key.pem", "certificate.pem", "chain.pem", "anchors.pem"
LIST, LISTS, README = "crl.der", "crls", "README.txt"

_OURS = frozenset({KEY, CERTIFICATE, CHAIN, ANCHORS, LIST, LISTS, README})
_STATES = frozenset(sample_state.value for sample_state in SampleState)
_PRIVATE, _PUBLIC, _FOLDER = 0o600, 0o644, 0o755

_EXPECTED = {
    SampleState.VALID: "accepted",
    SampleState.ENDS_SOON: "accepted; it expires in 14 days",
    SampleState.EXPIRED: "refused: expired",
    SampleState.REVOKED: "refused: revoked",
    SampleState.OTHER_CHANNEL: "refused: wrong-channel",
    SampleState.OTHER_CA: "refused: untrusted (a CA of the same name, with another key)",
}
_WRITTEN = "%Y-%m-%dT%H:%M:%SZ"
_BEGINS = "A sample certificate of Sinetti, "
_README = (
    _BEGINS
    + """made for tests on {now}. No service trusts it. Delete it after use.

state:    {state}
serial:   {serial}
subject:  {subject}
valid:    {begins} - {ends}

Try, in this folder:

  sinetti gateway check --anchors anchors.pem --crl crl.der --channel WS --at {now} certificate.pem

Expected: {expected}.

for the caller:           key.pem, certificate.pem, chain.pem (issuing CA, intermediate CA)
for the relying service:  anchors.pem, crl.der (revocation list of the issuing CA), crls/ (those of all CAs)

The revocation lists were signed on {now}. To get fresh ones, make the sample again.
"""
)
_README_ALL = (
    _BEGINS
    + """one for every state, made for tests on {now}. No service trusts them. Delete them after use.

Each folder has a sample and its {readme}. All samples have the same CAs, so one configuration accepts them all:

  {anchors}, {lists}/   for the relying service: the CAs, and their revocation lists

The revocation lists were signed on {now}. To get fresh ones, make the samples again.
"""
)


class FolderTaken(Exception):
    """Raised where the folder has content; the sentence says what to do."""


@dataclass(frozen=True)
class SamplePaths:
    """Paths of the files of a sample."""

    folder: Path

    @property
    def key(self) -> Path:
        """Private key, PKCS#8 in PEM, readable only by its owner."""
        return self.folder / KEY

    @property
    def certificate(self) -> Path:
        """Certificate in PEM."""
        return self.folder / CERTIFICATE

    @property
    def chain(self) -> Path:
        """Certificates of the issuing CA and then of the intermediate CA, in PEM."""
        return self.folder / CHAIN

    @property
    def anchors(self) -> Path:
        """PEM bundle of the relying party."""
        return self.folder / ANCHORS

    @property
    def crl(self) -> Path:
        """CRL in which the certificate is looked up, DER."""
        return self.folder / LIST

    @property
    def crls(self) -> Path:
        """Folder with the CRLs of all CAs in `anchors`, DER."""
        return self.folder / LISTS


def write_sample(sample: SampleCertificate, folder: Path, *, replace: bool = False) -> SamplePaths:
    """Write a sample into a missing or empty folder, whole or not at all.

    With `replace` an earlier sample in it is replaced, but no other file ever is. Raises FolderTaken or OSError if
    that fails.
    """
    _write(contents(sample), folder, replace=replace)
    return SamplePaths(folder)


def write_samples(
    samples: Sequence[SampleCertificate], folder: Path, *, replace: bool = False
) -> tuple[SamplePaths, ...]:
    """Write samples of one instant, one per state, each in the folder of its state.

    Files for the relying party are written beside them. Raises FolderTaken or OSError as `write_sample` does.
    """
    files = {f"{sample.state.value}/{name}": octets for sample in samples for name, octets in contents(sample).items()}
    first = samples[0]
    readme = _README_ALL.format(now=first.now.strftime(_WRITTEN), readme=README, anchors=ANCHORS, lists=LISTS)
    _write(files | _of_relying_party(first) | {README: readme.encode()}, folder, replace=replace)
    return tuple(SamplePaths(folder / sample.state.value) for sample in samples)


def contents(sample: SampleCertificate) -> Mapping[str, bytes]:
    """Return the files of a sample by their paths in its folder."""
    files = {
        KEY: dump_private_key(sample.key, None),
        CERTIFICATE: certificate_pem(certificate_der(sample.certificate)),
        CHAIN: b"".join(certificate_pem(certificate_der(certificate)) for certificate in sample.chain),
        LIST: sample.crl,
        README: _readme(sample).encode(),
    }
    return files | _of_relying_party(sample)


def _of_relying_party(sample: SampleCertificate) -> dict[str, bytes]:
    anchors = b"".join(certificate_pem(certificate_der(anchor)) for anchor in sample.anchors)
    return {ANCHORS: anchors} | {f"{LISTS}/{name}.crl": der for name, der in sample.lists.items()}


def _readme(sample: SampleCertificate) -> str:
    return _README.format(
        now=sample.now.strftime(_WRITTEN),
        state=sample.state.value,
        serial=sample.serial,
        subject=sample.certificate.subject.rfc4514_string(),
        begins=sample.certificate.not_valid_before_utc.strftime(_WRITTEN),
        ends=sample.certificate.not_valid_after_utc.strftime(_WRITTEN),
        expected=_EXPECTED[sample.state],
    )


def _write(files: Mapping[str, bytes], folder: Path, *, replace: bool) -> None:
    target = folder.resolve()
    _refuse_taken(target, folder, replace=replace)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.new")
    try:
        _fill(beside, files)
        _put_in_place(beside, target)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _refuse_taken(target: Path, named: Path, *, replace: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise FolderTaken(f"{named} is a file: name a folder")
    found = {path.name for path in target.iterdir()}
    if found and not replace:
        raise FolderTaken(f"{named} is not empty: name another folder, or replace the sample in it with --force")
    if others := _others(target):
        listed = ", ".join(others[:3])
        raise FolderTaken(f"{named} has other files ({listed}), which --force does not remove: name another folder")
    if found and not _is_sample(target):
        raise FolderTaken(f"{named} has no sample with a {README}, so it was not changed: name another folder")


def _others(folder: Path) -> list[str]:
    """Return the files that belong to no sample, in the folder or in that of a state."""
    found = []
    for path in folder.iterdir():
        if path.name in _STATES and path.is_dir() and not path.is_symlink():
            found += [f"{path.name}/{inner.name}" for inner in path.iterdir() if inner.name not in _OURS]
        elif path.name not in _OURS:
            found.append(path.name)
    return sorted(found)


def _is_sample(folder: Path) -> bool:
    """Return True if the folder holds a sample.

    The names of its files are not enough: a client's own key has them, too.
    """
    try:
        return (folder / README).read_bytes().startswith(_BEGINS.encode())
    except OSError:
        return False


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=_FOLDER)
    for name, octets in files.items():
        mode = _PRIVATE if Path(name).name == KEY else _PUBLIC
        (folder / name).parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        with os.fdopen(handle, "wb") as file:
            file.write(octets)


def _put_in_place(beside: Path, target: Path) -> None:
    if not target.exists():
        beside.rename(target)
        return
    old = target.with_name(f"{beside.name}.old")
    target.rename(old)
    beside.rename(target)
    shutil.rmtree(old, ignore_errors=True)
