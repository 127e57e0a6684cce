"""Signing in and out, signing up, confirming an address, a new password for who has forgotten theirs."""

from http import HTTPStatus
from typing import Any

from allauth.account import views
from allauth.account.forms import ResetPasswordForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.account.internal.stagekit import get_pending_stage
from allauth.account.models import EmailAddress
from allauth.core import context as core_context
from django import forms
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from sinetti.domain.validation import LONGEST_PERSON, WordError, check_unlinked
from sinetti.eservice.accounts import next_url as way_on
from sinetti.eservice.accounts.base_views import Context, OurPage, next_of
from sinetti.eservice.accounts.form_fields import NEW_PASSWORD, Asked
from sinetti.eservice.accounts.provider_links import provider_blocks, provider_origins
from sinetti.eservice.core.context import request_id, surroundings
from sinetti.eservice.ui.components import Block, Button, Form, Link, Links, Notice, Text, Tone
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.page import Page
from sinetti.i18n.translate import mark
from sinetti.services.access.accounts import free_address

_PASSWORD = {"password1": Asked(mark("Password"), "password", "new-password", NEW_PASSWORD.hint)}
NO_RIGHTS = mark("An account alone gives no rights: your organisation's representative gives you an authorisation.")
_LAPSED = (
    mark("It was used already, or too much time has passed."),
    mark("E-mail programs sometimes cut long links: copy the whole link from our message into your browser."),
)
_ELSEWHERE = (
    mark(
        "The link counts in the browser in which the account was made, or its address changed, and there only for a "
        "while."
    ),
    mark(
        "Sign in here first, with the password that you chose or by the service that you made the account with. Then "
        "open the link again."
    ),
    mark("Did you not ask for this? Then do nothing: somebody else has written your address, and it does not count."),
)
_LAPSED_TITLE = mark("This link does not work")
_SIGN_IN = mark("Sign in")


class KeepsOnward(OurPage):
    """A page after whose form a message has to be opened first: where one wanted to go stays known meanwhile."""

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Note where one goes on to."""
        way_on.keep(self.request, next_of(self.request))
        answer: HttpResponse = super().form_valid(form)  # type: ignore[misc] # a view's
        return answer


class Login(KeepsOnward, views.LoginView):  # type: ignore[misc] # allauth has no types
    """Sign in, by password, passkey or another service."""

    def page(self, context: Context) -> Page:
        """The form, and the other ways in."""
        onward = next_of(self.request)
        rest = f"?{urlencode({'next': onward})}" if onward else ""
        others = [
            Link(self.say(mark("Sign in with a passkey")), f"{reverse('mfa_login_webauthn')}{rest}"),
            Link(self.say(mark("Forgot your password?")), f"{reverse('account_reset_password')}{rest}"),
            Link(self.say(mark("Make an account")), f"{reverse('account_signup')}{rest}"),
        ]
        blocks: list[Block] = [self.asked(context["form"], _SIGN_IN), Links(others)]
        blocks += provider_blocks(self.request, mark("Sign in with {name}"), "login")
        return Page(self.say(_SIGN_IN), blocks=blocks, form_targets=provider_origins(self.request))


class SignupForm(AllauthSignupForm):  # type: ignore[misc]
    """Sign-up asks for a name, too: colleagues see it."""

    field_order = ("name", "email", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.fields["name"] = forms.CharField(max_length=LONGEST_PERSON)
        self.order_fields(self.field_order)

    def clean_name(self) -> str:
        """A name that can be shown."""
        try:
            return check_unlinked("name", self.cleaned_data["name"], LONGEST_PERSON)
        except WordError as wrong:
            raise forms.ValidationError(str(wrong), code="null_characters_not_allowed") from wrong

    def validate_unique_email(self, value: str) -> str:
        """Whether an account has this address; one that nobody has confirmed gives way."""
        make_room(value)
        return str(super().validate_unique_email(value))


def make_room(email: str) -> None:
    """Let who signs up with an address have it, where somebody only said that it is theirs."""
    request = core_context.request
    free_address(email, surroundings(request).office, request_id(request))


class Signup(KeepsOnward, views.SignupView):  # type: ignore[misc]
    """Make an account, which gives no right."""

    form_class = SignupForm

    def page(self, context: Context) -> Page:
        """The form."""
        said = [
            self.say(NO_RIGHTS),
            self.say(
                mark("We send a link to your e-mail address. You can use the account once you have opened the link.")
            ),
        ]
        back = Link(self.say(mark("Have you an account already? Sign in")), reverse("account_login"))
        form = self.asked(context["form"], mark("Make an account"), _PASSWORD)
        return Page(self.say(mark("Make an account")), blocks=[Text(said), form, Links([back])])


class Logout(OurPage, views.LogoutView):  # type: ignore[misc]
    """Sign out: by a button, since a link may be followed by a program."""

    def page(self, context: Context) -> Page:
        """The button."""
        del context
        form = Form((), (Button(self.say(mark("Sign out"))),))
        return Page(self.say(mark("Sign out")), blocks=[Text([self.say(mark("You are about to sign out."))]), form])

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """Sign out."""
        answer: HttpResponse = super().post(*args, **kwargs)
        answer.status_code = HTTPStatus.SEE_OTHER
        return answer


class Inactive(OurPage, views.AccountInactiveView):  # type: ignore[misc]
    """The account was ended."""

    def page(self, context: Context) -> Page:
        """Say so."""
        del context
        told = self.say(
            mark(
                "This account has been ended and cannot be used. If that is a mistake, ask for help at the "
                "address below."
            )
        )
        return Page(self.say(mark("The account has been ended")), blocks=[Text([told])], status=HTTPStatus.FORBIDDEN)


class ConfirmationSent(OurPage, views.EmailVerificationSentView):  # type: ignore[misc]
    """A link was sent: the same, whether the address has an account or not."""

    def page(self, context: Context) -> Page:
        """Say so."""
        del context
        said = [
            self.say(mark("We have sent you a message. Open the link in it to confirm that the address is yours.")),
            self.say(mark("No message? Look in your junk mail, or sign in again in a few minutes to get a new one.")),
        ]
        return Page(self.say(mark("Confirm your e-mail address")), blocks=[Text(said)])


class ConfirmAddress(OurPage, views.ConfirmEmailView):  # type: ignore[misc]
    """The page of the link: opening it changes nothing, its button does.

    For whoever began the account alone: somebody else, who only reads the mail, would confirm another's ways in.
    """

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """Show it. Whoever is signed in stays so."""
        del args, kwargs
        try:
            self.object = self.get_object()
        except Http404:
            self.object = None
        return self.render_to_response(self.get_context_data())

    def _is_theirs(self) -> bool:
        """Whether who asks is signed in to the account, or has begun to be: by its password, or by its service."""
        user: Any = self.request.user
        if not user.is_authenticated:
            stage = get_pending_stage(self.request)
            user = None if stage is None else stage.login.user
        return user is not None and user.pk == self.object.email_address.user_id

    def page(self, context: Context) -> Page:
        """The button; or that the link does not work, or not here."""
        if not context["confirmation"] or not context["can_confirm"]:
            return _lapsed(self)
        if not self._is_theirs():
            said = [self.say(one) for one in _ELSEWHERE]
            way = Link(self.say(_SIGN_IN), reverse("account_login"), button=True)
            title = self.say(mark("Confirm your e-mail address"))
            return Page(title, blocks=[Text(said), Links([way])], status=HTTPStatus.FORBIDDEN)
        told = self.say(mark("Is this your address? {email}"), email=context["email"])
        form = Form((), (Button(self.say(mark("Yes, confirm it"))),))
        return Page(self.say(mark("Confirm your e-mail address")), blocks=[Text([told]), form])

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """Confirm it, and go on."""
        try:
            self.object = self.get_object()
            if not self._is_theirs():
                return self.render_to_response(self.get_context_data())
            answer: HttpResponse = super().post(*args, **kwargs)
        except Http404:
            self.object = None
            return self.render_to_response({"confirmation": None, "can_confirm": False})
        if answer.status_code == HTTPStatus.FOUND:
            say(self.request, self.say(mark("Your e-mail address is confirmed. You can sign in with it.")))
            answer.status_code = HTTPStatus.SEE_OTHER
        return answer


class AskForm(ResetPasswordForm):  # type: ignore[misc]
    """Whose password: an account's whose owner has confirmed this very address.

    Any other may have been begun by somebody else, or waits for who asked for a new address and mistyped it.
    """

    users: list[Any]

    def clean_email(self) -> str:
        """An address, and the accounts that it is of."""
        email = str(super().clean_email())
        users = [one.pk for one in self.users]
        confirmed = EmailAddress.objects.filter(user__in=users, verified=True, email=email.lower())
        known = set(confirmed.values_list("user_id", flat=True))
        self.users = [one for one in self.users if one.pk in known]
        return email


class AskNewPassword(KeepsOnward, views.PasswordResetView):  # type: ignore[misc]
    """Forgot your password? A link is sent to the address."""

    form_class = AskForm

    def page(self, context: Context) -> Page:
        """The form."""
        told = self.say(mark("Give the e-mail address of your account. We send you a link to set a new password."))
        form = self.asked(context["form"], mark("Send the link"))
        back = Link(self.say(_SIGN_IN), reverse("account_login"))
        return Page(self.say(mark("Forgot your password?")), blocks=[Text([told]), form], back=back)


class AskedNewPassword(OurPage, views.PasswordResetDoneView):  # type: ignore[misc]
    """A link was sent: the same, whether the address has an account or not."""

    def page(self, context: Context) -> Page:
        """Say so."""
        del context
        said = [
            self.say(mark("We have sent a message to the address. The link in it works for two hours.")),
            self.say(
                mark("No message? Look in your junk mail, and check that the address is the one that your account has.")
            ),
        ]
        return Page(self.say(mark("Open the link in our message")), blocks=[Text(said)])


class NewPassword(OurPage, views.PasswordResetFromKeyView):  # type: ignore[misc]
    """The page of that link. It signs nobody in: who has a second factor needs it afterwards, too."""

    def page(self, context: Context) -> Page:
        """The form, or that the link does not work."""
        if context.get("token_fail"):
            return _lapsed(self)
        told = self.say(mark("Afterwards you sign in with it, and with your second factor if you have one."))
        form = self.asked(context["form"], mark("Set the password"))
        return Page(self.say(mark("Set a new password")), blocks=[Text([told]), form])

    def get_context_data(self, **kwargs: Any) -> Context:  # noqa: ANN401
        """Where the link does not work there is no form to be made."""
        if kwargs.get("token_fail"):
            return {"token_fail": True}
        context: Context = super().get_context_data(**kwargs)
        return context


class NewPasswordSet(OurPage, views.PasswordResetFromKeyDoneView):  # type: ignore[misc]
    """The new password counts."""

    def page(self, context: Context) -> Page:
        """Say so."""
        del context
        blocks: list[Block] = [
            Notice(self.say(mark("Sign in with it now. All your earlier sign-ins have ended.")), Tone.GOOD),
            Links([Link(self.say(_SIGN_IN), way_on.sign_in_first(self.request), button=True)]),
        ]
        return Page(self.say(mark("The new password is set")), blocks)


def _lapsed(view: OurPage) -> Page:
    again = [
        Link(view.say(mark("Sign in")), reverse("account_login")),
        Link(view.say(mark("Forgot your password?")), reverse("account_reset_password")),
    ]
    said = [view.say(one) for one in _LAPSED]
    return Page(view.say(_LAPSED_TITLE), blocks=[Text(said), Links(again)], status=HTTPStatus.NOT_FOUND)
