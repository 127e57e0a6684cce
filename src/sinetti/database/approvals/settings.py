"""Strictest values of the settings of approvals that were ever in effect.

A file can be changed by one person. So a lower value in it counts only after officers have approved it.
"""

from collections.abc import Mapping

from sinetti.database.approvals.officers import locked_officers
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import ApprovalSetting


def read_settings(db: Database) -> dict[str, str]:
    """Return the stored values by their names."""
    return dict(db.rows(ApprovalSetting).values_list("name", "value"))


def write_settings(db: Database, wanted: Mapping[str, str], audit: AuditContext) -> None:
    """Store values that differ, each with an audit row."""
    with locked_officers(db):
        before = read_settings(db)
        for name, value in wanted.items():
            if before.get(name) == value:
                continue
            db.rows(ApprovalSetting).update_or_create(pk=name, defaults={"value": value})
            facts = {"before": before[name]} if name in before else {}
            audit_log.write(db, audit, "approval-setting-set", f"setting:{name}", value=value, **facts)
