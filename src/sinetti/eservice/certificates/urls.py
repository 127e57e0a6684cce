"""Which page of this part stands where."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.certificates import files, listing, one, table_file

_ONE = "settings/certificates/<str:serial>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/certificates", listing.page, name="certificates"),
    path("settings/certificates.csv", table_file.page, name="certificates_csv"),
    path(_ONE, one.page, name="certificate"),
    path(f"{_ONE}/certificate.pem", files.pem, name="certificate_pem"),
    path(f"{_ONE}/certificate.der", files.der, name="certificate_der"),
    path(f"{_ONE}/chain.pem", files.chain, name="certificate_chain"),
    path(f"{_ONE}/dates.ics", files.dates, name="certificate_dates"),
]
