"""Second factors: an app's codes, passkeys, recovery codes; asked for at sign-in, set up, taken away."""

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
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from sinetti.eservice.accounts.adapter import needs_second_factor
from sinetti.eservice.accounts.base_views import Context, OurPage, ProvedAgain, next_of
from sinetti.eservice.accounts.form_fields import FIELDS, Asked, errors_of
from sinetti.eservice.accounts.next_url import keep, taken
from sinetti.eservice.accounts.webauthn_input import Kind, is_credential
from sinetti.eservice.core.context import surroundings
from sinetti.eservice.ui.components import (
    Block,
    Button,
    Code,
    Details,
    Form,
    Input,
    Link,
    Links,
    Notice,
    Passkey,
    Section,
    Text,
    Tone,
    Value,
    Values,
)
from sinetti.eservice.ui.error_pages import bad_request
from sinetti.eservice.ui.navigation import SECURITY
from sinetti.eservice.ui.page import Page
from sinetti.i18n.translate import mark

_CODE_OF_APP = {"code": Asked(FIELDS["code"].label, "text", "one-time-code", mark("Six digits."), numeric=True)}
_NAME = Asked(mark("Name of the passkey"), hint=mark("For example: phone, or the key in the safe."), required=False)
_USE_PASSKEY = mark("Use a passkey")
_WITHOUT = mark(
    "Passkeys need a recent browser in which this site's scripts may run. Otherwise use verification codes."
)
_FAILED = mark("The browser gave no passkey. Nothing was changed: try again, or use another way.")
_LONGEST_NAME = 100


class _WithPasskey(OurPage):
    """A page with a button for a passkey."""

    reads: ClassVar[Kind] = AuthenticationResponse
    """What a browser says there."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """Turn away what no browser says of a passkey: allauth and fido2 fall over some of it."""
        told = request.POST.get("credential", "") if request.method == "POST" else ""
        if told and not is_credential(told, self.reads):
            return bad_request(request)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc] # a view's
        return answer

    def passkey(self, does: str, options: Context, button: str, **more: Any) -> Passkey:  # noqa: ANN401
        """The button; `options` are fido2's."""
        hidden = [Input("next", "", "hidden", onward)] if (onward := next_of(self.request)) else []
        written = json.dumps(options, default=dict)
        inputs = [*hidden, *more.pop("inputs", ())]
        told = (self.say(button), self.say(_FAILED), self.say(_WITHOUT))
        return Passkey(does, written, *told, inputs=inputs, **more)


class SecondFactor(_WithPasskey, base.AuthenticateView):  # type: ignore[misc] # allauth has no types
    """Sign-in, after the password: the second factor."""

    def page(self, context: Context) -> Page:
        """A code, or a passkey."""
        kinds = set(Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True))
        blocks: list[Block] = []
        if Authenticator.Type.WEBAUTHN in kinds:
            options = context["js_data"]["request_options"]
            wrong = errors_of(context["webauthn_form"], self.language, {})
            blocks.append(self.passkey("get", options, _USE_PASSKEY, errors=wrong))
        names = {} if Authenticator.Type.RECOVERY_CODES in kinds else _CODE_OF_APP
        blocks.append(self.asked(context["form"], mark("Go on"), names))
        return Page(self.say(mark("Your second factor")), blocks=blocks, script="passkeys.js")


class PasskeySignIn(_WithPasskey, webauthn.LoginWebAuthnView):  # type: ignore[misc]
    """Sign in by a passkey alone: it has a factor of its own, a PIN or biometrics."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """The page with the button."""
        del request, args, kwargs
        return self.render_to_response({"errors": ()})

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Say that it was not right; another try needs other options."""
        return self.render_to_response({"errors": errors_of(form, self.language, {})})

    def page(self, context: Context) -> Page:
        """The button."""
        blocks: list[Block] = [
            self.passkey("get", begin_authentication(None), _USE_PASSKEY, errors=context["errors"]),
            Links([Link(self.say(mark("Sign in with e-mail address and password")), reverse("account_login"))]),
        ]
        return Page(self.say(mark("Sign in with a passkey")), blocks=blocks, script="passkeys.js")


class Security(OurPage, base.IndexView):  # type: ignore[misc]
    """*Sign-in and security*: everything about how one signs in."""

    def page(self, context: Context) -> Page:
        """What there is, and where it is changed; where one came from is kept until a second factor is set up."""
        onward = next_of(self.request)
        keep(self.request, onward if onward.startswith("/") else "")
        there = context["authenticators"]
        blocks: list[Block] = []
        if needs_second_factor(self.request):
            told = mark(
                "You need a second factor: you cannot use your authorisation until you have set one up. "
                "Choose one of the two."
            )
            blocks.append(Notice(self.say(told), Tone.WARNING))
        blocks.append(Section(self.say(mark("Second factor")), self._factors(there)))
        user: Any = self.request.user
        password = "account_change_password" if user.has_usable_password() else "account_set_password"
        links = [
            Link(self.say(mark("Change the password")), reverse(password)),
            Link(self.say(mark("Change the e-mail address")), reverse("account_email"), note=user.email),
            Link(self.say(mark("Where you are signed in")), reverse("usersessions_list")),
            Link(self.say(mark("Sign out")), reverse("account_logout")),
        ]
        if surroundings(self.request).eservice.providers:
            links.insert(2, Link(self.say(mark("Sign-in with other services")), reverse("socialaccount_connections")))
        blocks.append(Section(self.say(mark("Your account")), [Links(links)]))
        return Page(self.say(SECURITY), blocks=blocks)

    def _factors(self, there: Context) -> list[Block]:
        keys = there.get(Authenticator.Type.WEBAUTHN, [])
        values = [Value(self.say(mark("Verification codes")), self._is(there.get(Authenticator.Type.TOTP)))]
        values += [Value(self.say(mark("Passkey")), one.name, link=_key(one, "mfa_edit_webauthn")) for one in keys]
        links = [Link(self.say(mark("Add a passkey")), reverse("mfa_add_webauthn"), button=not there)]
        if Authenticator.Type.TOTP in there:
            links.append(Link(self.say(mark("Remove the verification codes")), reverse("mfa_deactivate_totp")))
        else:
            links.append(
                Link(self.say(mark("Set up verification codes")), reverse("mfa_activate_totp"), button=not there)
            )
        if there:
            links.append(Link(self.say(mark("Make new recovery codes")), reverse("mfa_generate_recovery_codes")))
        return [Values(values), Links(links)]

    def _is(self, one: object) -> str:
        return self.say(mark("in use")) if one else self.say(mark("not set up"))


class AddCodes(OurPage, ProvedAgain, totp.ActivateTOTPView):  # type: ignore[misc]
    """Set up an app's codes (TOTP, RFC 6238)."""

    def page(self, context: Context) -> Page:
        """The code for the camera, the secret for who types, and the field for the first code."""
        steps = [
            self.say(
                mark("1. Open an app for verification codes on your phone (there are many, and any of them will do).")
            ),
            self.say(mark("2. Scan this picture with the app, or type the setup key into it.")),
            self.say(mark("3. Type here the code that the app then shows.")),
        ]
        secret = context["form"].secret
        written = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        blocks: list[Block] = [
            Text(steps),
            _picture(self.say(mark("Picture with the setup key, to be scanned with an app")), context["totp_url"]),
            Details(
                self.say(mark("Cannot scan the picture? Type the setup key")),
                [Values([Value(self.say(mark("Setup key")), written, secret=True)])],
            ),
            self.asked(context["form"], mark("Take the verification codes into use"), _CODE_OF_APP),
        ]
        return Page(self.say(mark("Set up verification codes")), blocks=blocks, back=self.back)


class RemoveCodes(OurPage, ProvedAgain, totp.DeactivateTOTPView):  # type: ignore[misc]
    """Take an app's codes away."""

    def page(self, context: Context) -> Page:
        """The button."""
        del context
        return removal(
            self,
            mark("Remove the verification codes"),
            mark("After this you can no longer sign in with the app's verification codes."),
        )


class AddPasskey(ProvedAgain, _WithPasskey, webauthn.AddWebAuthnView):  # type: ignore[misc]
    """Add a passkey: one that signs in by itself, with a PIN or biometrics of its own."""

    reads = RegistrationResponse

    def get_context_data(self, **kwargs: Any) -> Context:  # noqa: ANN401
        """With options for a passkey, not for a key that needs a password beside it."""
        form = kwargs.get("form") or self.get_form()
        options = begin_registration(self.request.user, passwordless=True)
        return {"form": form, "js_data": {"creation_options": options}}

    def get_form_kwargs(self) -> Context:
        """What proves its owner is asked for each passkey."""
        kwargs: Context = super().get_form_kwargs()
        if "data" in kwargs:
            kwargs["data"] = {**kwargs["data"].dict(), "passwordless": "on"}
        return kwargs

    def page(self, context: Context) -> Page:
        """Its name, and the button."""
        form = context["form"]
        name = Input(
            "name",
            self.say(_NAME.label),
            value=str(form["name"].value() or ""),
            hint=self.say(_NAME.hint),
            longest=_LONGEST_NAME,
        )
        options = context["js_data"]["creation_options"]
        told = mark(
            "A passkey is kept on your phone, your computer or a security key. You sign in with it "
            "without a password: you show that it is you by the device's own PIN, a fingerprint or your"
            " face, none of which leaves the device."
        )
        errors = errors_of(form, self.language, {"credential": Asked(_USE_PASSKEY)})
        blocks: list[Block] = [
            Text([self.say(told)]),
            self.passkey("create", options, mark("Add a passkey"), inputs=[name], errors=errors),
        ]
        return Page(self.say(mark("Add a passkey")), blocks=blocks, back=self.back, script="passkeys.js")


class EditPasskey(OurPage, ProvedAgain, webauthn.EditWebAuthnView):  # type: ignore[misc]
    """One passkey: its name, and the way to its removal."""

    success_url = reverse_lazy("mfa_index")

    def page(self, context: Context) -> Page:
        """The form."""
        names = {"name": Asked(_NAME.label, hint=_NAME.hint)}
        away = Link(self.say(mark("Remove this passkey")), _key_path(self.object.pk, "mfa_remove_webauthn"))
        blocks: list[Block] = [self.asked(context["form"], mark("Change the name"), names), Links([away])]
        return Page(self.say(mark("Passkey")), blocks=blocks, back=self.back)


class RemovePasskey(OurPage, ProvedAgain, webauthn.RemoveWebAuthnView):  # type: ignore[misc]
    """Take a passkey away."""

    success_url = reverse_lazy("mfa_index")

    def page(self, context: Context) -> Page:
        """The button."""
        del context
        told = mark("After this you can no longer sign in with the passkey “{name}”. Delete it from the device, too.")
        return removal(self, mark("Remove this passkey"), told, name=self.object.wrap().name)


class RecoveryCodes(OurPage, ProvedAgain, recovery.ViewRecoveryCodesView):  # type: ignore[misc]
    """The recovery codes: shown once."""

    def page(self, context: Context) -> Page:
        """The codes, or how many there are."""
        title = self.say(mark("Recovery codes"))
        count = len(context["unused_codes"])
        if not context["can_view_codes"]:
            told = self.say(
                mark("Unused recovery codes: {count}. They were shown once; make new ones if you no longer have them."),
                count=count,
            )
            again = Link(self.say(mark("Make new recovery codes")), reverse("mfa_generate_recovery_codes"))
            return Page(title, blocks=[Text([told]), Links([again])], back=self.back)
        said = [
            self.say(
                mark(
                    "Write these down or print them, and keep them apart from your phone. They are shown only "
                    "this once."
                )
            ),
            self.say(
                mark(
                    "With each of them you can sign in once in place of your second factor, when your phone or "
                    "passkey is lost."
                )
            ),
        ]
        name = mark("Code {number}")
        codes = [
            Value(self.say(name, number=number), code, secret=True)
            for number, code in enumerate(context["unused_codes"], 1)
        ]
        ahead = Link(self.say(mark("Go on")), taken(self.request) or reverse("start"), button=True)
        return Page(title, blocks=[Text(said), Values(codes), Links([ahead])], back=self.back)


class NewRecoveryCodes(OurPage, ProvedAgain, recovery.GenerateRecoveryCodesView):  # type: ignore[misc]
    """Make new recovery codes."""

    def page(self, context: Context) -> Page:
        """The button."""
        told = self.say(mark("After this the recovery codes that you have now no longer work."))
        form = self.asked(context["form"], mark("Make new recovery codes"))
        return Page(self.say(mark("Make new recovery codes")), blocks=[Text([told]), form], back=self.back)


class ProveByCode(OurPage, base.ReauthenticateView):  # type: ignore[misc]
    """Prove once more who one is: by a code."""

    def page(self, context: Context) -> Page:
        """The form, and other ways."""
        return proving(self, self.asked(context["form"], mark("Go on")), context)


class ProveByPasskey(_WithPasskey, webauthn.ReauthenticateWebAuthnView):  # type: ignore[misc]
    """Prove once more who one is: by a passkey."""

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Say that it was not right."""
        return self.render_to_response({**self.get_context_data(), "form": form})

    def get_context_data(self, **kwargs: Any) -> Context:  # noqa: ANN401
        """With the form, which allauth leaves out."""
        context: Context = super().get_context_data(**kwargs)
        context["reauthentication_alternatives"] = self.get_reauthentication_alternatives()
        return context

    def page(self, context: Context) -> Page:
        """The button, and other ways."""
        form = context.get("form")
        wrong = errors_of(form, self.language, {}) if form is not None else ()
        block = self.passkey("get", context["js_data"]["request_options"], _USE_PASSKEY, errors=wrong)
        return proving(self, block, context)


def proving(view: OurPage, block: Block, context: Context) -> Page:
    """The page on which one proves once more who one is."""
    names = {
        "mfa_reauthenticate": mark("Use a code instead"),
        "mfa_reauthenticate:webauthn": mark("Use a passkey instead"),
        "reauthenticate": mark("Use the password instead"),
    }
    links = [Link(view.say(names[one["id"]]), one["url"]) for one in context["reauthentication_alternatives"]]
    told = view.say(
        mark(
            "We ask this before important changes, so that nobody else can make them on a computer that you have left."
        )
    )
    return Page(
        view.say(mark("Confirm that it is you")),
        blocks=[Text([told]), block, *([Links(links)] if links else [])],
        script="passkeys.js",
    )


def removal(view: OurPage, title: str, told: str, **values: object) -> Page:
    """The page before something is taken away, with what it means where it is the last second factor."""
    said = [view.say(told, **values)]
    user: Any = view.request.user
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    if Authenticator.objects.filter(user=user, type__in=kinds).count() == 1:
        said.append(
            view.say(
                mark(
                    "This is your only second factor: authorisations that need one cannot be used until you set"
                    " one up again."
                )
            )
        )
    form = Form((), (Button(view.say(title), danger=True),))
    return Page(view.say(title), blocks=[Text(said), form], back=view.back)


def _picture(name: str, address: str) -> Code:
    """What a camera reads, as one path: a square for each dark module."""
    code = qrcode.QRCode(border=4)
    code.add_data(address)
    rows = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return Code(name, len(rows), path)


def _key(wrapped: Any, page: str) -> str:  # noqa: ANN401 - allauth's
    return _key_path(wrapped.instance.pk, page)


def _key_path(key: int, page: str) -> str:
    return reverse(page, kwargs={"pk": key})
