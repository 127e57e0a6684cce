"""URLs of certificates."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.certificates import csv_export, detail_view, downloads, list_view

_ONE = "settings/certificates/<str:serial>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/certificates", list_view.certificate_list, name="certificates"),
    path("settings/certificates.csv", csv_export.certificate_csv, name="certificates_csv"),
    path(_ONE, detail_view.certificate_detail, name="certificate"),
    path(f"{_ONE}/certificate.pem", downloads.pem, name="certificate_pem"),
    path(f"{_ONE}/certificate.der", downloads.der, name="certificate_der"),
    path(f"{_ONE}/chain.pem", downloads.chain, name="certificate_chain"),
    path(f"{_ONE}/dates.ics", downloads.dates, name="certificate_dates"),
]
