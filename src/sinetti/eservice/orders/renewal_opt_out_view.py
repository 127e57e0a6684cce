"""We let this one end: no reminders any more; and the way back."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.values import Language, Serial
from sinetti.eservice.core.authentication import signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.orders.common import back_to_certificate, certificate_values, serves, signed_in_actor, speaker
from sinetti.eservice.orders.error_texts import people_trouble
from sinetti.eservice.ui.components import Block, Button, Form, Notice, Text, Tone, Value, Values
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import text, when
from sinetti.services.organisations.people import PeopleError
from sinetti.services.self_service.renewal_opt_out import CertificateSeen, let_end, let_end_no_more, look


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest, serial: str) -> HttpResponse:
    """Say what that means; note it, or take the note away."""
    language, office = language_of(request), surroundings(request).office
    seen = look(Serial(serial.casefold()), standing_of(request), office)
    does = request.POST.get("do", "")
    if does not in {"let-end", "go-on"}:
        return show(request, _page(seen, language))
    act = let_end if does == "let-end" else let_end_no_more
    try:
        done = act(seen.serial, office, signed_in_actor(request), request_id(request))
    except PeopleError as refused:
        return show(request, _page(seen, language, people_trouble(refused.why, language)))
    said = text("Noted: nobody is reminded of its end any more.", language)
    if does == "go-on":
        said = text("Taken back: people are reminded of its end again.", language)
    say(request, said if done else text("Nothing was changed: it was so already.", language))
    return HttpResponseRedirect(link_to("certificate", seen.serial) or request.path, status=HTTPStatus.SEE_OTHER)


def _page(seen: CertificateSeen, language: Language, error: str = "") -> Page:
    _ = speaker(language)
    named = (seen.organisation, seen.customer_id)
    values = certificate_values(seen, named, seen.channel.value, seen.span.not_after, language)
    values.append(Value(_("Whose reports are sent with it"), serves(seen.serves, language)))
    blocks: list[Block] = [Notice(error, Tone.ERROR)] if error else []
    if seen.let_end_at is not None:
        noted = _("Since {since} it is noted that nothing comes in its place.", since=when(seen.let_end_at, language))
        button = Button(_("Take back: remind us again"), "go-on")
        blocks += [Notice(noted), Values(values), Form([], [button])]
    else:
        told = [
            _("It works until its end all the same. From now on nobody is reminded of it."),
            _(
                "You can take this back at any time before the end. Whoever renews it after all is reminded of the new "
                "one."
            ),
        ]
        blocks += [Text(told), Values(values), Form([], [Button(_("We let this one end"), "let-end")])]
    status = HTTPStatus.CONFLICT if error else HTTPStatus.OK
    back = back_to_certificate(seen.serial, language)
    return Page(_("Let this certificate end"), blocks=blocks, status=status, back=back)
