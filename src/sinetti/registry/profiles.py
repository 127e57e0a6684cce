"""What people say of themselves in their account: name and language."""

from django.db import transaction

from sinetti.domain.values import Language
from sinetti.registry import audit
from sinetti.registry.audit import Deed
from sinetti.registry.eservice_models import User
from sinetti.registry.opening import Register


def change(register: Register, user_id: str, name: str, language: Language, deed: Deed) -> bool:
    """Store both; False where they were so before. The audit row says that, and not what."""
    with transaction.atomic(using=register.alias):
        rows = User.objects.using(register.alias).filter(pk=user_id).exclude(name=name, language=language)
        if not rows.update(name=name, language=language):
            return False
        audit.write(register, deed, "profile-changed", f"user:{user_id}")
    return True
