"""URLs of pages for clerks."""

from django.urls import path

from sinetti.eservice.staff import (
    applications,
    audit_log,
    bulk_revocations,
    certificates,
    csv_imports,
    early_calls,
    home,
    invitations,
    organisations,
    outbox,
)

urlpatterns = [
    path("staff", home.staff_home, name="staff"),
    path("staff/purpose", home.purpose, name="staff_purpose"),
    path("staff/tasks/<str:kind>", home.work_list, name="staff_work"),
    path("staff/applications", applications.application_list, name="staff_applications"),
    path("staff/applications/<str:application_id>", applications.application_detail, name="staff_application"),
    path("staff/organisations", organisations.organisation_list, name="staff_organisations"),
    path("staff/organisations/new", organisations.organisation_create, name="staff_organisation_new"),
    path("staff/organisations/load", csv_imports.import_list, name="staff_loads"),
    path("staff/organisations/load/<str:load_id>", csv_imports.import_detail, name="staff_load"),
    path("staff/organisations/<str:organisation_id>", organisations.organisation_detail, name="staff_organisation"),
    path("staff/invitations", invitations.invitation_list, name="staff_invitations"),
    path("staff/invitations/<str:pending_id>", invitations.invitation_detail, name="staff_invitation"),
    path("staff/invitations/<str:pending_id>/letter", invitations.letter, name="staff_invitation_letter"),
    path("staff/certificates", certificates.certificate_list, name="staff_certificates"),
    path("staff/certificates/<str:serial>", certificates.certificate_detail, name="staff_certificate"),
    path("staff/revocations", bulk_revocations.revocation_list, name="staff_revocations"),
    path("staff/revocations/new", bulk_revocations.revocation_create, name="staff_revocation_new"),
    path("staff/revocations/<str:proposal_id>", bulk_revocations.revocation_detail, name="staff_revocation"),
    path("staff/early-replacements", early_calls.call_list, name="staff_early_calls"),
    path("staff/early-replacements/<str:call_id>", early_calls.call_detail, name="staff_early_call"),
    path("staff/outbox", outbox.message_list, name="staff_outbox"),
    path("staff/audit", audit_log.audit_list, name="staff_audit"),
]
