"""Accounts and role assignments in a database, and a signed-in browser.

Examples: `maija = account(scene, "maija")`, `mandate(scene, maija, "1234567-1", Role.SIGNATORY)`,
`signed_in(browser, maija).get("/settings/certificates")`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.eservice.accounts.sessions import SessionStore
from sinetti.eservice.core.authentication import OUTSIDE_ROLES
from sinetti.infra.clock import utc_now
from sinetti.services.access.permissions import Actor, load_permissions
from sinetti.services.context import ServiceContext
from sinetti.services.self_service.contact_handover import (
    ContactDetails,
    HandedOver,
    get_for_confirmation,
    hand_over_rows,
)
from tests.support.browser import Browser
from tests.support.scene import Scene


def account(scene: Scene, name: str, *, language: Language = Language.EN, staff: bool = False) -> models.User:
    """Create an account whose e-mail address is derived from its name."""
    user = models.User(
        email=f"{name}@people.example", name=name.title(), language=language, is_staff=staff, created=scene.ctx.now()
    )
    user.set_unusable_password()
    user.save(using=scene.db.alias)
    if staff:
        logged_clerk(scene.db, user)
    return user


def logged_clerk(db: Database, user: models.User) -> models.User:
    """Write the entry that names a clerk, as the log has it of each, and return the account."""
    audit_log.note(db, AuditContext("operator", user.created, "0" * 32), "clerk-named", f"user:{user.pk}")
    return user


def mandate(
    scene: Scene, who: models.User | str, customer_id: str, role: Role, until: datetime | None = None
) -> models.RoleAssignment:
    """Assign a role for an organisation to an account or to another organisation.

    `who` is the account, or the customer id of the other organisation.
    """
    rows = models.Organisation.objects.using(scene.db.alias)
    organisation = rows.get(customer_id=customer_id)
    values: dict[str, object] = {"agent": rows.get(customer_id=who)} if isinstance(who, str) else {"user": who}
    if not isinstance(who, str):
        values["person"] = models.Person.objects.using(scene.db.alias).create(
            name=who.name, email=who.email, language=who.language
        )
    return models.RoleAssignment.objects.using(scene.db.alias).create(
        organisation=organisation, role=role, valid_from=scene.ctx.now(), valid_until=until, **values
    )


def signed_in(
    browser: Browser,
    user: models.User,
    *,
    second_factor: bool = True,
    recent: bool = True,
    outside: Iterable[tuple[str, Role]] = (),
    keeps: Mapping[str, str] | None = None,
) -> Browser:
    """Create the session that allauth leaves after a sign-in.

    The forms of allauth are bypassed, since they have tests of their own. Without `recent` the sign-in was long ago, so
    that pages ask for the password or the second factor once more. `keeps` are further values of the session.
    """
    proved = {"at": utc_now().timestamp(), "reauthenticated": True} if recent else {"at": 0}
    session = SessionStore()
    session[SESSION_KEY] = user.pk
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    names = ("password", "mfa") if second_factor else ("password",)
    session["account_authentication_methods"] = [{"method": one, **proved} for one in names]
    session["account_authentication_methods_user"] = user.pk
    session[OUTSIDE_ROLES] = [(customer_id, role.value) for customer_id, role in outside]
    session.update(keeps or {})
    session.save()
    browser.cookies[settings.SESSION_COOKIE_NAME] = session.secret
    return browser


def hand_over(email: str, new: ContactDetails, ctx: ServiceContext, actor: Actor, request_id: str) -> HandedOver:
    """Replace a contact or deputy in all lineages that the actor may change, as the page does."""
    found = get_for_confirmation(email, load_permissions(actor, ctx), ctx)
    return hand_over_rows(found, (email, new), ctx, actor, request_id)
