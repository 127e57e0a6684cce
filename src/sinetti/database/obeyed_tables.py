"""Tables with rows that the service obeys (docs/evidence.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ObeyedTable:
    """Columns of a table that the service obeys.

    `prefix` begins the object of audit rows, and the value of the column `key` ends it. `only` leaves out rows that
    give no rights. With `newest`, the row with the largest value of that column counts alone. Of a private
    table the log has hashes, which link no two objects.
    """

    prefix: str
    model: str
    key: str
    columns: tuple[str, ...]
    only: Mapping[str, object] = field(default_factory=dict)
    newest: str = ""
    is_private: bool = False

    @property
    def name(self) -> str:
        """Name of the table."""
        return f"sinetti_{self.model.lower()}"


TABLES = (
    ObeyedTable(
        "officer:",
        "OfficerRecord",
        "name",
        ("officer_id", "role", "key", "fingerprint", "attestation", "removed_at"),
    ),
    ObeyedTable("setting:", "ApprovalSetting", "name", ("value",)),
    ObeyedTable("user:", "User", "user_id", ("is_active", "is_staff"), {"is_staff": True}),
    ObeyedTable(
        "user:", "StaffPerson", "user_id", ("digest",), {"ended_at": None, "user__is_staff": True}, is_private=True
    ),
    ObeyedTable(
        "authority:",
        "CertificateAuthority",
        "name",
        (
            *("common_name", "role", "issuer_id", "channel", "generation", "certificate", "sha256", "key_id"),
            *("state", "signs_from", "signs_until", "version", "revoked_at", "revocation_reason"),
        ),
    ),
    ObeyedTable("authority:", "CaDistrust", "authority_id", ("since", "declared_at", "bridge_until", "checkpoint")),
    ObeyedTable("authority:", "CertificateType", "authority_id", ("type_id", "purpose", "channel")),
    ObeyedTable("gateway:", "Gateway", "name", ("public_key", "withdrawn")),
    ObeyedTable("trust-list:", "TrustList", "kind", ("number", "octets"), newest="number"),
)
PREFIXES = tuple(dict.fromkeys(obeyed_table.prefix for obeyed_table in TABLES))
"""Beginnings of the objects of audit rows about them."""
