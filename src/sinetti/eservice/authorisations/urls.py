"""Which page of this part stands where."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.authorisations import asking, clients, giving, invitation, listing, one, pending, request

urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/authorisations", listing.page, name="authorisations"),
    path("settings/authorisations/person", giving.to_person, name="authorisation_person"),
    path("settings/authorisations/organisation", giving.to_organisation, name="authorisation_organisation"),
    path("settings/authorisations/ask", asking.page, name="ask"),
    path("settings/authorisations/requests/<str:asked_id>", request.page, name="authorisation_request"),
    path("settings/authorisations/pending/<str:pending_id>", pending.page, name="authorisation_pending"),
    path("settings/authorisations/<str:mandate_id>", one.page, name="authorisation"),
    path("settings/clients", clients.page, name="clients"),
    path("settings/clients/requests", clients.asked, name="clients_requests"),
    path("settings/clients/ask", clients.ask, name="clients_ask"),
    path("invitation/<str:token>", invitation.page, name="invitation"),
]
