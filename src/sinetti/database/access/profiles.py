"""What people say of themselves in their account: name and language."""

from django.db import transaction

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import User
from sinetti.domain.values import Language


def change(db: Database, user_id: str, name: str, language: Language, audit: AuditContext) -> bool:
    """Store both; False where they were so before. The audit row says that, and not what."""
    with transaction.atomic(using=db.alias):
        rows = User.objects.using(db.alias).filter(pk=user_id).exclude(name=name, language=language)
        if not rows.update(name=name, language=language):
            return False
        audit_log.write(db, audit, "profile-changed", f"user:{user_id}")
    return True
