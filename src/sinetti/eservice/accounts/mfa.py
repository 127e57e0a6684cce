"""Second factors: TOTP codes, passkeys and recovery codes.

The pages ask for them at sign-in, set them up and remove them. Passkey data from the browser is checked before allauth
and fido2 read it, because both raise unexpected errors on some malformed input. For example, a number in place of
octets would be expanded into that many octets.
"""

import json
from typing import Any, ClassVar

import qrcode
from allauth.mfa.base import views as base
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal.auth import begin_authentication, begin_registration
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse, reverse_lazy
from fido2.utils import websafe_decode
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from sinetti.eservice.accounts.adapter import needs_second_factor
from sinetti.eservice.accounts.base_views import (
    Context,
    PortalAccountView,
    ReauthenticationRequired,
    next_url,
    pop,
    store,
)
from sinetti.eservice.accounts.form_fields import FIELDS, FieldOptions, errors_of
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Disclosure,
    Form,
    Input,
    Link,
    Links,
    PasskeyButton,
    QrCode,
    Section,
    Severity,
    Text,
)
from sinetti.eservice.ui.error_pages import bad_request
from sinetti.eservice.ui.navigation import SECURITY
from sinetti.eservice.ui.page import Page
from sinetti.i18n.translate import _, gettext_noop

Kind = type[AuthenticationResponse | RegistrationResponse]

LONGEST = 65_536
"""Limit in characters; attestations with a certificate chain have some thousands."""

_TEXTS = ("id", "rawId", "type", "authenticatorAttachment")
_TEXTS_OF_RESPONSE = ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject")
_TEXTS_OF_CLIENT = ("type", "challenge", "origin")


def is_credential(text: str, kind: Kind) -> bool:
    """Return True if the text is JSON of a passkey response of this kind.

    The shape is that of Web Authentication 3, 5.1.
    """
    if len(text) > LONGEST:
        return False
    try:
        credential = json.loads(text)
        return _has_its_form(credential) and _is_read(kind, credential)
    except Exception:  # noqa: BLE001 - any parser error means that no browser sent it; reading changes nothing
        return False


def _has_its_form(credential: Any) -> bool:  # noqa: ANN401 - unchecked JSON
    response = credential["response"]
    client = json.loads(websafe_decode(response["clientDataJSON"]))
    handle = websafe_decode(response.get("userHandle") or "").decode()
    return (
        all(isinstance(credential.get(name, ""), str | None) for name in _TEXTS)
        and all(isinstance(response.get(name, ""), str | None) for name in _TEXTS_OF_RESPONSE)
        and all(isinstance(one, str) for one in response.get("transports") or ())
        and all(isinstance(client[name], str) for name in _TEXTS_OF_CLIENT)
        and isinstance(credential.get("clientExtensionResults") or {}, dict)
        and "\0" not in handle
    )


def _is_read(kind: Kind, credential: Any) -> bool:  # noqa: ANN401 - as above
    response = kind.from_dict(credential)
    if isinstance(response, RegistrationResponse):
        return response.response.attestation_object.auth_data.credential_data is not None
    return True


_CODE_OF_APP = {
    "code": FieldOptions(FIELDS["code"].label, "text", "one-time-code", gettext_noop("Six digits."), numeric=True)
}
_NAME = FieldOptions(
    gettext_noop("Passkey name"),
    hint=gettext_noop("For example: my phone, or the security key in the safe."),
    required=False,
)
_USE_PASSKEY = gettext_noop("Use a passkey")
_WITHOUT = gettext_noop(
    "Passkeys need a recent browser that allows this site's scripts. If you do not have one, use verification codes."
)
_FAILED = gettext_noop("The browser did not provide a passkey. Nothing was changed. Try again, or use another method.")
_LONGEST_NAME = 100


class _WithPasskey(PortalAccountView):
    """Base of pages with a passkey button."""

    reads: ClassVar[Kind] = AuthenticationResponse
    """Expected kind of the browser's response."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """Reject passkey data that no browser sends.

        allauth and fido2 raise unexpected errors on some of it.
        """
        credential = request.POST.get("credential", "") if request.method == "POST" else ""
        if credential and not is_credential(credential, self.reads):
            return bad_request(request)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc] # a view's
        return answer

    def passkey(self, does: str, options: Context, button: str, **more: Any) -> PasskeyButton:  # noqa: ANN401
        """Return the button; `options` come from fido2."""
        hidden = [Input("next", "", "hidden", onward)] if (onward := next_url(self.request)) else []
        written = json.dumps(options, default=dict)
        inputs = [*hidden, *more.pop("inputs", ())]
        texts = (_(button), _(_FAILED), _(_WITHOUT))
        return PasskeyButton(does, written, *texts, inputs=inputs, **more)


class SecondFactor(_WithPasskey, base.AuthenticateView):  # type: ignore[misc] # allauth has no types
    """Page for the second factor at sign-in, after the password."""

    def page(self, context: Context) -> Page:
        """Return a code, or a passkey."""
        kinds = set(Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True))
        blocks: list[Component] = []
        if Authenticator.Type.WEBAUTHN in kinds:
            options = context["js_data"]["request_options"]
            wrong = errors_of(context["webauthn_form"], {})
            blocks.append(self.passkey("get", options, _USE_PASSKEY, errors=wrong))
        names = {} if Authenticator.Type.RECOVERY_CODES in kinds else _CODE_OF_APP
        blocks.append(self.asked(context["form"], gettext_noop("Continue"), names))
        blocks.append(Disclosure(_("Lost your phone or passkey?"), [Text(self._ways_out(kinds))]))
        return Page(_("Your second factor"), blocks=blocks, script="passkeys.js")

    def _ways_out(self, kinds: set[str]) -> list[str]:
        """Return what a person does who has lost the phone or passkey."""
        ways = [
            _("If you have another device with the same codes or passkey, use it."),
            _(
                "If you have no such device, ask for help: {help}",
                help=portal_context(self.request).help[language_of(self.request)],
            ),
            _("We check who you are before we help you sign in. A new password does not replace the second factor."),
        ]
        if Authenticator.Type.RECOVERY_CODES in kinds:
            code = gettext_noop(
                "Enter one of your recovery codes in the field above. Each code works once. Then set up a new second "
                "factor on the page “{security}”."
            )
            ways.insert(0, _(code, security=_(SECURITY)))
        return ways


class PasskeySignIn(_WithPasskey, webauthn.LoginWebAuthnView):  # type: ignore[misc]
    """Sign-in by a passkey alone, which has its own factor: a PIN or biometrics."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """Return the page with the button."""
        del request, args, kwargs
        return self.render_to_response({"errors": ()})

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Show the error; another try needs new options."""
        return self.render_to_response({"errors": errors_of(form, {})})

    def page(self, context: Context) -> Page:
        """Return the button."""
        blocks: list[Component] = [
            self.passkey("get", begin_authentication(None), _USE_PASSKEY, errors=context["errors"]),
            Links([Link(_("Sign in with e-mail address and password"), reverse("account_login"))]),
        ]
        return Page(_("Sign in with a passkey"), blocks=blocks, script="passkeys.js")


class SecurityOverview(PortalAccountView, base.IndexView):  # type: ignore[misc]
    """Page *Sign-in and security* with all settings of the sign-in."""

    def page(self, context: Context) -> Page:
        """Return the page with the current factors and the links to change them.

        The address to continue to is kept until a second factor is set up.
        """
        onward = next_url(self.request)
        store(self.request, onward if onward.startswith("/") else "")
        there = context["authenticators"]
        blocks: list[Component] = []
        if needs_second_factor(self.request):
            text = gettext_noop(
                "Your authorisation requires a second factor. Add a passkey or set up verification codes."
            )
            blocks.append(Alert(_(text), Severity.WARNING))
        blocks.append(Section(_("Second factor"), self._factors(there)))
        user: Any = self.request.user
        password = "account_change_password" if user.has_usable_password() else "account_set_password"
        links = [
            Link(_("Change password"), reverse(password)),
            Link(_("Change e-mail address"), reverse("account_email"), note=user.email),
            Link(_("Where you are signed in"), reverse("usersessions_list")),
            Link(_("Sign out"), reverse("account_logout")),
        ]
        if portal_context(self.request).eservice.providers:
            links.insert(2, Link(_("Sign-in with other services"), reverse("socialaccount_connections")))
        blocks.append(Section(_("Your account"), [Links(links)]))
        return Page(_(SECURITY), blocks=blocks)

    def _factors(self, there: Context) -> list[Component]:
        keys = there.get(Authenticator.Type.WEBAUTHN, [])
        values = [DescriptionItem(_("Verification codes"), self._is(there.get(Authenticator.Type.TOTP)))]
        values += [DescriptionItem(_("Passkey"), one.name, link=_key(one, "mfa_edit_webauthn")) for one in keys]
        links = [Link(_("Add a passkey"), reverse("mfa_add_webauthn"), button=not there)]
        if Authenticator.Type.TOTP in there:
            links.append(Link(_("Remove verification codes"), reverse("mfa_deactivate_totp")))
        else:
            links.append(Link(_("Set up verification codes"), reverse("mfa_activate_totp"), button=not there))
        if there:
            links.append(Link(_("Create new recovery codes"), reverse("mfa_generate_recovery_codes")))
        return [DescriptionList(values), Links(links)]

    def _is(self, one: object) -> str:
        return _("in use") if one else _("not set up")


class AddCodes(PortalAccountView, ReauthenticationRequired, totp.ActivateTOTPView):  # type: ignore[misc]
    """Page that sets up TOTP codes (RFC 6238)."""

    def page(self, context: Context) -> Page:
        """Return the page with the QR code, the secret to type and the first-code field."""
        steps = [
            _("1. Open an authenticator app on your phone. Any app will do."),
            _("2. Scan this QR code with the app, or enter the setup key in the app."),
            _("3. Enter here the code that the app shows."),
        ]
        secret = context["form"].secret
        written = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        blocks: list[Component] = [
            Text(steps),
            _picture(_("QR code with the setup key"), context["totp_url"]),
            Disclosure(
                _("Cannot scan the QR code? Enter the setup key"),
                [DescriptionList([DescriptionItem(_("Setup key"), written, secret=True)])],
            ),
            self.asked(context["form"], gettext_noop("Start using verification codes"), _CODE_OF_APP),
        ]
        return Page(_("Set up verification codes"), blocks=blocks, back=self.back)


class RemoveCodes(PortalAccountView, ReauthenticationRequired, totp.DeactivateTOTPView):  # type: ignore[misc]
    """Page that removes TOTP codes."""

    def page(self, context: Context) -> Page:
        """Return the button."""
        del context
        return removal(
            self,
            gettext_noop("Remove verification codes"),
            gettext_noop("You can no longer sign in with the app's verification codes after this."),
        )


class AddPasskey(ReauthenticationRequired, _WithPasskey, webauthn.AddWebAuthnView):  # type: ignore[misc]
    """Page that adds a passkey, which signs in alone with its own PIN or biometrics."""

    reads = RegistrationResponse

    def get_context_data(self, **kwargs: Any) -> Context:  # noqa: ANN401
        """Return a context with options for a passkey, not for a key beside a password."""
        form = kwargs.get("form") or self.get_form()
        options = begin_registration(self.request.user, passwordless=True)
        return {"form": form, "js_data": {"creation_options": options}}

    def get_form_kwargs(self) -> Context:
        """Return the form arguments; each passkey requires user verification."""
        kwargs: Context = super().get_form_kwargs()
        if "data" in kwargs:
            kwargs["data"] = {**kwargs["data"].dict(), "passwordless": "on"}
        return kwargs

    def page(self, context: Context) -> Page:
        """Return the page with the name field and the button."""
        form = context["form"]
        name = Input(
            "name", _(_NAME.label), value=str(form["name"].value() or ""), hint=_(_NAME.hint), longest=_LONGEST_NAME
        )
        options = context["js_data"]["creation_options"]
        text = gettext_noop(
            "A passkey is stored on your phone, your computer or a security key. With it you sign in "
            "without a password. You confirm with the device's PIN, your fingerprint or your face, none "
            "of which leaves the device."
        )
        errors = errors_of(form, {"credential": FieldOptions(_USE_PASSKEY)})
        blocks: list[Component] = [
            Text([_(text)]),
            self.passkey("create", options, gettext_noop("Add a passkey"), inputs=[name], errors=errors),
        ]
        return Page(_("Add a passkey"), blocks=blocks, back=self.back, script="passkeys.js")


class EditPasskey(PortalAccountView, ReauthenticationRequired, webauthn.EditWebAuthnView):  # type: ignore[misc]
    """Page of one passkey: its name, and the link to its removal."""

    success_url = reverse_lazy("mfa_index")

    def page(self, context: Context) -> Page:
        """Return the form."""
        names = {"name": FieldOptions(_NAME.label, hint=_NAME.hint)}
        away = Link(_("Remove this passkey"), _key_path(self.object.pk, "mfa_remove_webauthn"))
        blocks: list[Component] = [self.asked(context["form"], gettext_noop("Change name"), names), Links([away])]
        return Page(_("Passkey"), blocks=blocks, back=self.back)


class RemovePasskey(PortalAccountView, ReauthenticationRequired, webauthn.RemoveWebAuthnView):  # type: ignore[misc]
    """Page that removes a passkey."""

    success_url = reverse_lazy("mfa_index")

    def page(self, context: Context) -> Page:
        """Return the button."""
        del context
        text = gettext_noop(
            "You can no longer sign in with the passkey “{name}” after this. Delete it from your device as well."
        )
        return removal(self, gettext_noop("Remove this passkey"), text, name=self.object.wrap().name)


class RecoveryCodes(PortalAccountView, ReauthenticationRequired, recovery.ViewRecoveryCodesView):  # type: ignore[misc]
    """Page that shows new recovery codes once."""

    def page(self, context: Context) -> Page:
        """Return the codes, or how many there are."""
        title = _("Recovery codes")
        count = len(context["unused_codes"])
        if not context["can_view_codes"]:
            text = _(
                "Unused recovery codes: {count}. We showed the codes only once. If you no longer have "
                "them, create new ones.",
                count=count,
            )
            again = Link(_("Create new recovery codes"), reverse("mfa_generate_recovery_codes"))
            return Page(title, blocks=[Text([text]), Links([again])], back=self.back)
        instructions = [
            _("Write these codes down or print them, and keep them apart from your phone. We show them only once."),
            _("If you lose your phone or passkey, you can sign in once with each code instead of your second factor."),
        ]
        name = gettext_noop("Code {number}")
        codes = [
            DescriptionItem(_(name, number=number), code, secret=True)
            for number, code in enumerate(context["unused_codes"], 1)
        ]
        ahead = Link(_("Continue"), pop(self.request) or reverse("start"), button=True)
        return Page(title, blocks=[Text(instructions), DescriptionList(codes), Links([ahead])], back=self.back)


class NewRecoveryCodes(PortalAccountView, ReauthenticationRequired, recovery.GenerateRecoveryCodesView):  # type: ignore[misc]
    """Page that makes new recovery codes."""

    def page(self, context: Context) -> Page:
        """Return the button."""
        text = _("Your current recovery codes stop working.")
        form = self.asked(context["form"], gettext_noop("Create new recovery codes"))
        return Page(_("Create new recovery codes"), blocks=[Text([text]), form], back=self.back)


class ReauthenticateWithCode(PortalAccountView, base.ReauthenticateView):  # type: ignore[misc]
    """Page for reauthentication by a code."""

    def page(self, context: Context) -> Page:
        """Return the form, and other ways."""
        return reauthentication_page(self.asked(context["form"], gettext_noop("Continue")), context)


class ReauthenticateWithPasskey(_WithPasskey, webauthn.ReauthenticateWebAuthnView):  # type: ignore[misc]
    """Page for reauthentication by a passkey."""

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Show the error."""
        return self.render_to_response({**self.get_context_data(), "form": form})

    def get_context_data(self, **kwargs: Any) -> Context:  # noqa: ANN401
        """Return the context with the form, which allauth omits."""
        context: Context = super().get_context_data(**kwargs)
        context["reauthentication_alternatives"] = self.get_reauthentication_alternatives()
        return context

    def page(self, context: Context) -> Page:
        """Return the button, and other ways."""
        form = context.get("form")
        wrong = errors_of(form, {}) if form is not None else ()
        block = self.passkey("get", context["js_data"]["request_options"], _USE_PASSKEY, errors=wrong)
        return reauthentication_page(block, context)


def reauthentication_page(block: Component, context: Context) -> Page:
    """Return the page for reauthentication."""
    names = {
        "mfa_reauthenticate": gettext_noop("Use a code instead"),
        "mfa_reauthenticate:webauthn": gettext_noop("Use a passkey instead"),
        "reauthenticate": gettext_noop("Use your password instead"),
    }
    links = [Link(_(names[one["id"]]), one["url"]) for one in context["reauthentication_alternatives"]]
    explanation = _(
        "We ask this before important changes, so that no one else can make them on your computer while you are away."
    )
    return Page(
        _("Confirm that it is you"),
        blocks=[Text([explanation]), block, *([Links(links)] if links else [])],
        script="passkeys.js",
    )


def removal(view: PortalAccountView, title: str, text: str, **values: object) -> Page:
    """Return the page before a factor is removed, with a warning for the last one."""
    paragraphs = [_(text, **values)]
    user: Any = view.request.user
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    if Authenticator.objects.filter(user=user, type__in=kinds).count() == 1:
        paragraphs.append(
            _("This is your only second factor. Without one you cannot use authorisations that require it.")
        )
    form = Form((), (Button(_(title), danger=True),))
    return Page(_(title), blocks=[Text(paragraphs), form], back=view.back)


def _picture(name: str, address: str) -> QrCode:
    """Return a QR code as one SVG path with a square for each dark module."""
    code = qrcode.QRCode(border=4)
    code.add_data(address)
    rows = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return QrCode(name, len(rows), path)


def _key(wrapped: Any, page: str) -> str:  # noqa: ANN401 - allauth's
    return _key_path(wrapped.instance.pk, page)


def _key_path(key: int, page: str) -> str:
    return reverse(page, kwargs={"pk": key})
