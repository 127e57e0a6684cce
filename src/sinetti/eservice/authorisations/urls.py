"""URLs of authorisations."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.authorisations import (
    client_requests_view,
    clients_view,
    detail_view,
    grant_view,
    invitation_view,
    list_view,
    own_roles,
    pending_view,
    request_view,
    review_view,
    veto_view,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/authorisations", list_view.authorisation_list, name="authorisations"),
    path("settings/authorisations/person", grant_view.grant_to_person, name="authorisation_person"),
    path("settings/authorisations/organisation", grant_view.grant_to_organisation, name="authorisation_organisation"),
    path("settings/authorisations/ask", request_view.role_request, name="ask"),
    path(
        "settings/authorisations/requests/<str:asked_id>", review_view.role_request_review, name="authorisation_request"
    ),
    path(
        "settings/authorisations/pending/<str:pending_id>",
        pending_view.pending_invitation,
        name="authorisation_pending",
    ),
    path("settings/authorisations/ended", own_roles.remove_ended, name="authorisations_ended"),
    path("settings/authorisations/<str:mandate_id>", detail_view.authorisation_detail, name="authorisation"),
    path("settings/clients", clients_view.client_list, name="clients"),
    path("settings/clients/requests", client_requests_view.client_requests, name="clients_requests"),
    path("settings/clients/ask", client_requests_view.client_role_request, name="clients_ask"),
    path("invitation/<str:token>", invitation_view.invitation_detail, name="invitation"),
    path("veto/<str:naming_id>/<str:token>", veto_view.signatory_veto, name="signatory_veto"),
]
