"""Django settings.

The databases are opened by `database.connection`, because each database is a value, not a global.

Processes that serve the portal set its authority in `eservice.application`. A missing value refuses the request.
"""

from pathlib import Path
from typing import Any

from sinetti.domain.secret_keys import Keyring, KeySource

SECRET_KEY = "not used: processes that serve pages have a key of their own"  # noqa: S105 - it signs nothing


def no_keys() -> Keyring:
    """Raise RuntimeError: only processes that serve pages have keys of sessions."""
    raise RuntimeError("this process serves no pages, so it has no keys of sessions")


SECRET_KEYS: KeySource = no_keys
"""Source of the keys that seal sessions."""
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "sinetti.database",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
]
AUTH_USER_MODEL = "sinetti.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, Any] = {}
USE_TZ = True
TIME_ZONE = "UTC"
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
"""Limit of uploads in memory; no part of a request is written to a file.

The ASGI server limits the size of requests (server/wsgi_adapter.py).
"""
LANGUAGE_CODE = "en"
LANGUAGES = [("fi", "suomi"), ("sv", "svenska"), ("en", "English")]

ALLOWED_HOSTS: list[str] = []
ROOT_URLCONF = "sinetti.eservice.urls"
APPEND_SLASH = False
MIDDLEWARE = [
    "sinetti.eservice.middleware.activate_language",
    "sinetti.eservice.middleware.security_headers",
    "sinetti.eservice.middleware.redirect_slashes",
    "sinetti.eservice.accounts.sessions.SessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sinetti.eservice.accounts.known_devices.remember_device",
    "sinetti.eservice.accounts.session_time.warn_before_end",
    "sinetti.eservice.middleware.locale_middleware",
    "django.middleware.common.CommonMiddleware",
    "sinetti.eservice.middleware.StaffOnlyMiddleware",
    "sinetti.eservice.middleware.RefusalPages",
    "sinetti.eservice.middleware.CsrfMiddleware",
    "sinetti.eservice.middleware.RejectNulMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent.parent / "eservice" / "templates"],
    }
]

# Accounts (eservice/accounts): django-allauth does sign-in, second factors, sessions and limits.
CACHES = {
    "default": {
        "BACKEND": "sinetti.database.operations.cache_backend.RegisterCache",
        "LOCATION": "",
        "OPTIONS": {"added_for": 120},
    }
}
"""Cache of limits and used one-time codes, shared by all processes and nodes.

A code is valid for 90 s, for clocks that differ (MFA_TOTP_TOLERANCE). But django-allauth before 65.22 remembers a used
code for 30 s only, so entries that are added stay longer.
"""
SESSION_ENGINE = "sinetti.eservice.accounts.sessions"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "start"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
]
PASSWORD_RESET_TIMEOUT = 2 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
"""Lax, not Strict: a link in a mail leads to a page that needs the session."""
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
ACCOUNT_ADAPTER = "sinetti.eservice.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CHANGE_EMAIL = True
"""One address per account; a new one replaces the old one after confirmation."""
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa", "socialaccount"]
"""Methods without codes by mail, which are a default of django-allauth 65.22.

An attacker who reads a user's mail must not pass as the user.
"""
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_RATE_LIMITS = {
    "reset_password": "20/m/ip,5/h/key",
    "login_failed": "10/m/ip",
    "guess_address": "10/m/ip",
    "guess": "5/5m/key",
    "guess_day": "20/d/key",
    "guess_account": "100/d/key",
    "guess_known": "5/5m/key",
    "guess_known_day": "20/d/key",
    "drafts": "300/h/ip",
}
"""Rate limits in addition to those of django-allauth.

Password resets send at most five messages an hour to one address. The limits `guess…` belong to
eservice/accounts/login_limits.py. Their keys are account and address, account, and account and known browser. Each
name has one rate: before 65.22 allauth counts two rates of one key in one place, and so each guess twice. Allauth's
own limit of wrong passwords is by account alone, which lets a stranger lock the owner out. `drafts` limits the drafts
of strangers (eservice/ui/draft_store.py).
"""
ALLAUTH_RATE_LIMIT_IPV6_PREFIX = 64
"""Prefix length by which IPv6 addresses are counted as one customer (RFC 6177)."""
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "sinetti.eservice.accounts.login_limits.SignInCode",
    "reauthenticate": "sinetti.eservice.accounts.login_limits.ProvingCode",
}
MFA_ADAPTER = "sinetti.eservice.accounts.mfa_adapter.MFAAdapter"
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
"""Allow second factors while a new address waits for its confirmation.

Sign-in always needs a confirmed address.
"""
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_USER_VERIFICATION = "required"
SOCIALACCOUNT_ADAPTER = "sinetti.eservice.accounts.social_login.SocialAccountAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
"""No account without consent; a user with an unknown subject is asked first."""
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
"""No match of accounts by a provider's e-mail address, only by issuer and subject."""
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_AGE = None
"""Session cookie; the browser deletes it when it closes."""
CSRF_FAILURE_VIEW = "sinetti.eservice.ui.error_pages.forbidden"
# The ASGI server limits requests (server/wsgi_adapter.py). Files stay in memory, so that a file uploaded by mistake,
# such as a private key, is never written to a disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 2
# Sinetti's own middleware logs errors, without the URL, because URLs contain tokens.
DEBUG_PROPAGATE_EXCEPTIONS = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"nowhere": {"class": "logging.NullHandler"}},
    "loggers": {
        name: {"handlers": ["nowhere"], "propagate": False, "level": "CRITICAL"}
        for name in ("django.request", "django.security", "django.template")
    },
}
