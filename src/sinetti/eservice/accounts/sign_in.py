"""Sign-in, sign-out, sign-up, confirmation of an address, and password reset."""

from http import HTTPStatus
from typing import Any

from allauth.account import views
from allauth.account.forms import ResetPasswordForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.account.internal.stagekit import get_pending_stage
from allauth.account.models import EmailAddress
from allauth.core import context as core_context
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from sinetti.domain.validation import LONGEST_PERSON, ValidationError, check_unlinked
from sinetti.eservice.accounts import base_views
from sinetti.eservice.accounts.base_views import Context, PortalAccountView, next_url, provider_blocks, provider_origins
from sinetti.eservice.accounts.form_fields import NEW_PASSWORD, FieldOptions
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import Alert, Button, Component, Form, Link, Links, Severity, Text
from sinetti.eservice.ui.page import Page
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.access.accounts import release_address

_PASSWORD = {"password1": FieldOptions(gettext_noop("Password"), "password", "new-password", NEW_PASSWORD.hint)}
NO_RIGHTS = gettext_noop(
    "An account alone gives no rights. Your organisation's representative gives you an authorisation."
)
_LAPSED = (
    gettext_noop("The link has expired or has already been used."),
    gettext_noop("E-mail programs sometimes cut long links. Copy the whole link from our message into your browser."),
)
_ELSEWHERE = (
    gettext_noop(
        "The link works only in the browser in which you created the account or changed the address, and "
        "only for a limited time."
    ),
    gettext_noop("Sign in here first, in the same way as when you created the account. Then open the link again."),
    gettext_noop(
        "If you did not ask for this, you do not need to do anything. Someone else entered your address, "
        "and it stays unconfirmed."
    ),
)
_LAPSED_TITLE = gettext_noop("This link does not work")
_SIGN_IN = gettext_noop("Sign in")


class KeepsNextUrl(PortalAccountView):
    """Mixin for pages whose form sends a message that the user opens next.

    The session keeps the address to continue to meanwhile.
    """

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Store the address to continue to."""
        base_views.store(self.request, next_url(self.request))
        answer: HttpResponse = super().form_valid(form)  # type: ignore[misc] # a view's
        return answer


class LoginView(KeepsNextUrl, views.LoginView):  # type: ignore[misc] # allauth has no types
    """Page for sign-in by password, passkey or another service."""

    def page(self, context: Context) -> Page:
        """Return the form, and the other ways in."""
        onward = next_url(self.request)
        rest = f"?{urlencode({'next': onward})}" if onward else ""
        others = [
            Link(_("Sign in with a passkey"), f"{reverse('mfa_login_webauthn')}{rest}"),
            Link(_("Forgot your password?"), f"{reverse('account_reset_password')}{rest}"),
            Link(_("Create an account"), f"{reverse('account_signup')}{rest}"),
        ]
        blocks: list[Component] = [self.asked(context["form"], _SIGN_IN), Links(others)]
        blocks += provider_blocks(self.request, gettext_noop("Sign in with {name}"), "login")
        return Page(_(_SIGN_IN), blocks=blocks, form_targets=provider_origins(self.request))


class SignupForm(AllauthSignupForm):  # type: ignore[misc]
    """Sign-up form with a name, which colleagues see."""

    field_order = ("name", "email", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.fields["name"] = forms.CharField(max_length=LONGEST_PERSON)
        self.order_fields(self.field_order)

    def clean_name(self) -> str:
        """Return a name that can be displayed."""
        try:
            return check_unlinked("name", self.cleaned_data["name"], LONGEST_PERSON)
        except ValidationError as wrong:
            raise forms.ValidationError(str(wrong), code="null_characters_not_allowed") from wrong

    def validate_unique_email(self, value: str) -> str:
        """Reject an address that has an account; release an unconfirmed one."""
        release_unconfirmed_address(value)
        return str(super().validate_unique_email(value))


def release_unconfirmed_address(email: str) -> None:
    """Release an address that an account claims without confirmation.

    The user who signs up with it now can have it.
    """
    request = core_context.request
    release_address(email, portal_context(request).ctx, request_id(request))


class Signup(KeepsNextUrl, views.SignupView):  # type: ignore[misc]
    """Page that creates an account, which has no rights yet."""

    form_class = SignupForm

    def page(self, context: Context) -> Page:
        """Return the form."""
        paragraphs = [
            _(NO_RIGHTS),
            _("We send a link to your e-mail address. Open it to confirm the address and start using your account."),
        ]
        back = Link(_("Already have an account? Sign in"), reverse("account_login"))
        form = self.asked(context["form"], gettext_noop("Create an account"), _PASSWORD)
        return Page(_("Create an account"), blocks=[Text(paragraphs), form, Links([back])])


class Logout(PortalAccountView, views.LogoutView):  # type: ignore[misc]
    """Page with a sign-out button, because a program may follow a link."""

    def page(self, context: Context) -> Page:
        """Return the button."""
        del context
        form = Form((), (Button(_("Sign out")),))
        return Page(_("Sign out"), blocks=[Text([_("Do you want to sign out?")]), form])

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """Sign out."""
        answer: HttpResponse = super().post(*args, **kwargs)
        answer.status_code = HTTPStatus.SEE_OTHER
        return answer


class Inactive(PortalAccountView, views.AccountInactiveView):  # type: ignore[misc]
    """Page for a deactivated account."""

    def page(self, context: Context) -> Page:
        """Return the page."""
        del context
        explanation = _(
            "You can no longer use this account. If you think this is a mistake, ask for help at the address below."
        )
        return Page(_("This account has been closed"), blocks=[Text([explanation])], status=HTTPStatus.FORBIDDEN)


class ConfirmationSent(PortalAccountView, views.EmailVerificationSentView):  # type: ignore[misc]
    """Page after a link was sent; it does not depend on the address having an account."""

    def page(self, context: Context) -> Page:
        """Return the page."""
        del context
        paragraphs = [
            _("We have sent you an e-mail. Open the link in it to confirm your address."),
            _("No message? Check your junk mail, or sign in again in a few minutes to get a new message."),
        ]
        return Page(_("Confirm your e-mail address"), blocks=[Text(paragraphs)])


class ConfirmAddress(PortalAccountView, views.ConfirmEmailView):  # type: ignore[misc]
    """Page of the confirmation link, whose button confirms the address.

    Opening the page changes nothing. Only a browser that is signed in to the account, or began to be, may confirm it.
    Otherwise a person who can read the mailbox could confirm an account that another person created.
    """

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """Show the page. A signed-in user stays signed in."""
        del args, kwargs
        try:
            self.object = self.get_object()
        except Http404:
            self.object = None
        return self.render_to_response(self.get_context_data())

    def _is_theirs(self) -> bool:
        """Return True if the request is signed in to the account, or began to be.

        The beginning was by password or by another service.
        """
        user: Any = self.request.user
        if not user.is_authenticated:
            stage = get_pending_stage(self.request)
            user = None if stage is None else stage.login.user
        return user is not None and user.pk == self.object.email_address.user_id

    def page(self, context: Context) -> Page:
        """Return the page with the button, or an error page for an unusable link."""
        if not context["confirmation"] or not context["can_confirm"]:
            return _lapsed()
        if not self._is_theirs():
            paragraphs = [_(text) for text in _ELSEWHERE]
            way = Link(_(_SIGN_IN), reverse("account_login"), button=True)
            title = _("Confirm your e-mail address")
            return Page(title, blocks=[Text(paragraphs), Links([way])], status=HTTPStatus.FORBIDDEN)
        question = _("Is this your address? {email}", email=context["email"])
        form = Form((), (Button(_("Confirm")),))
        return Page(_("Confirm your e-mail address"), blocks=[Text([question]), form])

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """Confirm the address and redirect."""
        try:
            self.object = self.get_object()
            if not self._is_theirs():
                return self.render_to_response(self.get_context_data())
            answer: HttpResponse = super().post(*args, **kwargs)
        except Http404:
            self.object = None
            return self.render_to_response({"confirmation": None, "can_confirm": False})
        if answer.status_code == HTTPStatus.FOUND:
            messages.info(self.request, _("E-mail address confirmed. You can now sign in with it."))
            answer.status_code = HTTPStatus.SEE_OTHER
        return answer


class PasswordResetForm(ResetPasswordForm):  # type: ignore[misc]
    """Form for a password reset, for accounts with this confirmed address only.

    Another person may have begun an account with an unconfirmed address. A pending new address may be mistyped.
    """

    users: list[Any]

    def clean_email(self) -> str:
        """Return an address and look up its accounts."""
        email = str(super().clean_email())
        users = [user.pk for user in self.users]
        confirmed = EmailAddress.objects.filter(user__in=users, verified=True, email=email.lower())
        known = set(confirmed.values_list("user_id", flat=True))
        self.users = [user for user in self.users if user.pk in known]
        return email


class PasswordResetRequest(KeepsNextUrl, views.PasswordResetView):  # type: ignore[misc]
    """Page that sends a password reset link to an address."""

    form_class = PasswordResetForm

    def page(self, context: Context) -> Page:
        """Return the form."""
        explanation = _("Enter your account's e-mail address. We send you a link to set a new password.")
        form = self.asked(context["form"], gettext_noop("Send link"))
        back = Link(_(_SIGN_IN), reverse("account_login"))
        return Page(_("Forgot your password?"), blocks=[Text([explanation]), form], back=back)


class AskedNewPassword(PortalAccountView, views.PasswordResetDoneView):  # type: ignore[misc]
    """Page after a link was sent; it does not depend on the address having an account."""

    def page(self, context: Context) -> Page:
        """Return the page."""
        del context
        paragraphs = [
            _("We have sent a message to the address. The link in it works for two hours."),
            _(
                "No message? Check your junk mail, and check that you entered your account's address. One "
                "address gets at most five links in an hour."
            ),
        ]
        return Page(_("Open the link in our message"), blocks=[Text(paragraphs)])


class NewPassword(PortalAccountView, views.PasswordResetFromKeyView):  # type: ignore[misc]
    """Page of the password reset link.

    It does not sign the user in, because a second factor is needed afterwards.
    """

    def page(self, context: Context) -> Page:
        """Return the form, or an error page for an unusable link."""
        if context.get("token_fail"):
            return _lapsed()
        explanation = _("After this, sign in with your new password, and with your second factor if you have one.")
        form = self.asked(context["form"], gettext_noop("Set password"))
        return Page(_("Set a new password"), blocks=[Text([explanation]), form])

    def get_context_data(self, **kwargs: Any) -> Context:  # noqa: ANN401
        """Return the context; an unusable link has no form."""
        if kwargs.get("token_fail"):
            return {"token_fail": True}
        context: Context = super().get_context_data(**kwargs)
        return context


class NewPasswordSet(PortalAccountView, views.PasswordResetFromKeyDoneView):  # type: ignore[misc]
    """Page after a password reset."""

    def page(self, context: Context) -> Page:
        """Return the page."""
        del context
        blocks: list[Component] = [
            Alert(_("Sign in with your new password. You have been signed out on all devices."), Severity.GOOD),
            Links([Link(_(_SIGN_IN), base_views.sign_in_first(self.request), button=True)]),
        ]
        return Page(_("Password changed"), blocks)


def _lapsed() -> Page:
    again = [
        Link(_("Sign in"), reverse("account_login")),
        Link(_("Forgot your password?"), reverse("account_reset_password")),
    ]
    paragraphs = [_(text) for text in _LAPSED]
    return Page(_(_LAPSED_TITLE), blocks=[Text(paragraphs), Links(again)], status=HTTPStatus.NOT_FOUND)
