"""URLs of pages for clerks."""

from django.urls import path

from sinetti.eservice.staff import (
    applications,
    audit_log,
    bulk_revocations,
    certificates,
    csv_imports,
    home,
    invitations,
    organisations,
    outbox,
)

urlpatterns = [
    path("staff", home.home, name="staff"),
    path("staff/purpose", home.purpose, name="staff_purpose"),
    path("staff/applications", applications.listed, name="staff_applications"),
    path("staff/applications/<str:application_id>", applications.one, name="staff_application"),
    path("staff/organisations", organisations.listed, name="staff_organisations"),
    path("staff/organisations/new", organisations.new, name="staff_organisation_new"),
    path("staff/organisations/load", csv_imports.listed, name="staff_loads"),
    path("staff/organisations/load/<str:load_id>", csv_imports.one, name="staff_load"),
    path("staff/organisations/<str:organisation_id>", organisations.one, name="staff_organisation"),
    path("staff/invitations", invitations.listed, name="staff_invitations"),
    path("staff/invitations/<str:pending_id>", invitations.one, name="staff_invitation"),
    path("staff/certificates", certificates.listed, name="staff_certificates"),
    path("staff/certificates/<str:serial>", certificates.one, name="staff_certificate"),
    path("staff/revocations", bulk_revocations.listed, name="staff_revocations"),
    path("staff/revocations/new", bulk_revocations.new, name="staff_revocation_new"),
    path("staff/revocations/<str:proposal_id>", bulk_revocations.one, name="staff_revocation"),
    path("staff/outbox", outbox.listed, name="staff_outbox"),
    path("staff/audit", audit_log.listed, name="staff_audit"),
]
