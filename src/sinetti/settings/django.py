"""Django's settings. The databases are opened by `registry.opening`, since each register is a value, not a global."""

from typing import Any

SECRET_KEY = "not used: no page signs anything yet"  # noqa: S105 - no cookie, token or session exists until the e-service
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "sinetti.registry"]
AUTH_USER_MODEL = "registry.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, Any] = {}
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("fi", "suomi"), ("sv", "svenska"), ("en", "English")]
