"""Program for django-ca's own Python: issues a certificate for each request.

It imports our CA, stores the certificates, and prints certificates a second.

Arguments: a folder with ca.pem, key.pem and requests.json (PEM requests with their subjects), and the database's URL.
"""

import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.conf import settings

urlpatterns: list[object] = []
"""URLs of django-ca's endpoints that its certificates point to: none are served."""


def main(folder: Path, url: str) -> None:
    """Issue certificates and print their rate."""
    at = urlsplit(url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": at.path[1:],
        "USER": at.username,
        "PASSWORD": at.password,
        "HOST": at.hostname,
        "PORT": at.port,
    }
    where = {"location": str(folder / "storage")}
    stored = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": where}
    settings.configure(
        SECRET_KEY="of a bench",  # noqa: S106 - nothing is signed with it
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_ca"],
        DATABASES={"default": database},
        STORAGES={"default": stored, "django-ca": stored, "staticfiles": stored},
        USE_TZ=True,
        ROOT_URLCONF="__main__",
        CA_DEFAULT_HOSTNAME="bench.example",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()
    from cryptography import x509
    from django.core.management import call_command
    from django.urls import include, path
    from django_ca.key_backends.storages.backend import StoragesBackend
    from django_ca.models import Certificate, CertificateAuthority

    urlpatterns.append(path("", include("django_ca.urls")))
    call_command("migrate", verbosity=0)
    call_command("import_ca", "bench", str(folder / "key.pem"), str(folder / "ca.pem"))
    # By default django-ca reads and checks the key for each certificate. Here it is cached, as in the other programs.
    ca = CertificateAuthority.objects.get()
    options = ca.key_backend.get_use_private_key_options(ca, {})
    key = ca.key_backend.get_key(ca, options)
    StoragesBackend.get_key = lambda *_: key
    asked = json.loads((folder / "requests.json").read_text(encoding="ascii"))
    requests = [x509.load_pem_x509_csr(pem.encode()) for pem in asked]
    begun = time.perf_counter()
    for number, request in enumerate(requests):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"bench{number}.example")])
        Certificate.objects.create_cert(ca, options, request, subject=subject)
    seconds = time.perf_counter() - begun
    if Certificate.objects.count() != len(requests):
        sys.exit("not every certificate was stored")
    print(len(requests) / seconds)


main(Path(sys.argv[1]), sys.argv[2])
