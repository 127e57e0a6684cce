"""State of one run of the checks, and the isolation of its steps.

A step that fails hides no other. A step whose prerequisites failed is left out, because their findings are there.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography import x509

from sinetti.authority.bootstrap import issuers_of, offline_names, private_keys
from sinetti.authority.data_directory import DataDirectory, FolderError
from sinetti.authority.key_inventory import KeyHolder
from sinetti.authority.serve_record import ServeRecord, find_serving, tls_files
from sinetti.ca.hierarchy_model import Hierarchy
from sinetti.ca.profiles import ca_key
from sinetti.database.connection import DATABASE_UNAVAILABLE, Database, DatabaseSetupError
from sinetti.domain.operations.monitoring import CheckFinding, Impact, finding_of
from sinetti.infra.http_client import HttpError
from sinetti.infra.toml_tables import SettingsError
from sinetti.journal.reader import JournalError
from sinetti.notifications.context import TransportUnavailable
from sinetti.pki.signers import SignerUnavailable
from sinetti.server.addresses import AddressInUse
from sinetti.server.listener import InvalidKeyPair
from sinetti.settings.authority import AuthoritySettings

_EXPECTED = (
    AddressInUse,
    DatabaseSetupError,
    FolderError,
    HttpError,
    InvalidKeyPair,
    JournalError,
    SettingsError,
    SignerUnavailable,
    TransportUnavailable,
)
"""Errors whose sentences are for operators."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckOptions:
    """Options of a run.

    `is_offline`: without network and database. `is_start`: the service starts afterwards, so probes of other services,
    and what it checks itself, are left out. `tls` are the files of certificate and key, `listens` the addresses of the
    service. `passphrase` opens the keys.
    """

    root: Path
    is_offline: bool = False
    is_start: bool = False
    passphrase: bytes | None = field(default=None, repr=False)
    tls: tuple[Path, Path] | None = None
    listens: tuple[tuple[str, int], ...] = ()
    has_pages: bool = False


@dataclass
class CheckState:
    """Results of the steps of one run that later steps need; None or empty until then."""

    options: CheckOptions
    serving: ServeRecord | None = None
    settings: AuthoritySettings | None = None
    hierarchy: Hierarchy | None = None
    certificates: dict[str, x509.Certificate] = field(default_factory=dict[str, x509.Certificate])
    passphrase: bytes | None = field(default=None, repr=False)
    db: Database | None = None
    is_migrated: bool = False
    has_errors: bool = False

    @property
    def folder(self) -> DataDirectory:
        """The data directory."""
        return DataDirectory(self.options.root)

    @property
    def tls(self) -> tuple[Path, Path] | None:
        """Files of the TLS pair, by the options or of the serving process."""
        return self.options.tls or (tls_files(self.serving) if self.serving is not None else None)

    @property
    def has_pages(self) -> bool:
        """True if pages are served, by the options or by the serving process."""
        return self.options.has_pages or (self.serving is not None and self.serving.people is not None)

    @property
    def is_complete(self) -> bool:
        """True if settings, hierarchy and all its certificates could be read."""
        return (
            self.settings is not None
            and self.hierarchy is not None
            and len(self.certificates) == len(self.hierarchy.authorities)
        )

    def holder(self) -> KeyHolder:
        """Return the keys of the CAs whose certificates could be read.

        The caller closes them.
        """
        settings, hierarchy = self.settings, self.hierarchy
        assert settings is not None  # noqa: S101 - the steps before have read both
        assert hierarchy is not None  # noqa: S101
        ca_keys = {name: ca_key(certificate) for name, certificate in self.certificates.items()}
        roles = {spec.file_name: spec.role for spec in hierarchy.authorities}
        keys = private_keys(self.folder, settings, self.passphrase, roles.get, ca_keys)
        issuers = issuers_of(hierarchy, self.certificates)
        return KeyHolder(self.folder, hierarchy, issuers, keys, frozenset(offline_names(self.folder, hierarchy)))


Inspection = Callable[[CheckState], Iterable[CheckFinding]]


@dataclass(frozen=True)
class CheckStep:
    """Step of a run: its object, and the impact of its failure.

    `fix` is for errors whose sentence has none.
    """

    what: str
    impact: Impact
    inspect: Inspection
    fix: str = ""

    def findings(self, state: CheckState) -> Iterator[CheckFinding]:
        """Yield the findings; an error of the step is one of them."""
        try:
            for check_finding in self.inspect(state):
                state.has_errors |= check_finding.impact <= Impact.STATUS
                yield check_finding
        except Exception as bad:  # noqa: BLE001 - a check that fails hides no other
            check_finding = self._failure(bad)
            state.has_errors |= check_finding.impact <= Impact.STATUS
            yield check_finding

    def _failure(self, bad: Exception) -> CheckFinding:
        if isinstance(bad, _EXPECTED) and self.fix:
            return CheckFinding(self.impact, self.what, str(bad), self.fix)
        if isinstance(bad, _EXPECTED):
            return finding_of(self.impact, self.what, str(bad))
        if isinstance(bad, DATABASE_UNAVAILABLE):
            why = f"it is not available ({' '.join(str(bad).split())})"
            fix = "start the database, or correct DATABASE_URL or database_url in authority.toml"
            return CheckFinding(self.impact, self.what, why, fix)
        if isinstance(bad, OSError):
            why = f"{bad.filename or 'a file'} cannot be used ({bad.strerror or bad})"
            return CheckFinding(self.impact, self.what, why, "correct its permissions, or restore it from a copy")
        _log.error("the check of %s failed", self.what, exc_info=bad)
        why = f"this check failed with an internal error ({type(bad).__name__})"
        return CheckFinding(Impact.UPKEEP, self.what, why, "report the lines above it to the maintainers")


def new_state(options: CheckOptions) -> CheckState:
    """Return the state at the beginning of a run."""
    state = CheckState(replace(options, root=options.root.absolute()))
    with suppress(OSError):
        state.serving = find_serving(state.folder)
    return state


def is_owner_or_root(path: Path) -> bool:
    """Return whether this process runs as the owner of a file, or as root."""
    return os.geteuid() in {0, path.stat().st_uid}
