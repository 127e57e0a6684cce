"""Django's settings.

The databases are opened by `registry.opening`, since each register is a value, not a global.

What pages for people need of the authority that they are of is set by `eservice.application` in processes that serve
them; whatever is not set refuses.
"""

from pathlib import Path
from typing import Any

SECRET_KEY = "not used: processes that serve pages have a key of their own"  # noqa: S105 - nothing is signed with it
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
"""What a request may be is for the edge to say (server/wsgi_adapter.py); nothing of it is laid down in a file."""
LANGUAGE_CODE = "en"
LANGUAGES = [("fi", "suomi"), ("sv", "svenska"), ("en", "English")]

ALLOWED_HOSTS: list[str] = []
ROOT_URLCONF = "sinetti.eservice.urls"
APPEND_SLASH = False
MIDDLEWARE = [
    "sinetti.eservice.middleware.activate_language",
    "sinetti.eservice.middleware.security_headers",
    "sinetti.eservice.accounts.sessions.SessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sinetti.eservice.accounts.known_devices.remember_device",
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

# Accounts (eservice/accounts): sign-in, second factors, sessions and limits are django-allauth's.
CACHES = {
    "default": {
        "BACKEND": "sinetti.database.operations.cache_backend.RegisterCache",
        "LOCATION": "",
        "OPTIONS": {"added_for": 120},
    }
}
"""Limits, and used one-time codes, are those of all processes and nodes.

A code counts for 90 s, for clocks that differ (MFA_TOTP_TOLERANCE), but django-allauth before 65.22 remembers a used
one for 30: what is added stays for longer.
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
"""Lax, not strict: a link in a mail leads to a page that knows who is signed in."""
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
"""One address each: a new one takes the place of the one before once it is confirmed."""
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa", "socialaccount"]
"""No code by mail, which django-allauth 65.22 has unless told otherwise: who reads somebody's mail proves nothing."""
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
}
"""Beside allauth's own: requests for a new password send five messages an hour to one address at most. The guesses are
ours (eservice/accounts/login_limits.py), keyed by account and address, account, account and known browser. One rate
for each: before 65.22 allauth counts two rates of one key in one place, and so each guess twice. Allauth's
own limit of wrong passwords is by account alone, which lets a stranger lock the owner out."""
ALLAUTH_RATE_LIMIT_IPV6_PREFIX = 64
"""One customer's network has many addresses (RFC 6177): they are counted as one."""
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "sinetti.eservice.accounts.login_limits.SignInCode",
    "reauthenticate": "sinetti.eservice.accounts.login_limits.ProvingCode",
}
MFA_ADAPTER = "sinetti.eservice.accounts.mfa_adapter.MFAAdapter"
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
"""Nobody signs in without a confirmed address; that a new one waits for its confirmation keeps no factor away."""
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_USER_VERIFICATION = "required"
SOCIALACCOUNT_ADAPTER = "sinetti.eservice.accounts.social_login.SocialAccountAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
"""An unknown subject is asked first whether an account is to be made."""
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
"""A provider's word about an e-mail address binds no account: issuer and subject do."""
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_AGE = None
"""The browser forgets it when it ends."""
CSRF_FAILURE_VIEW = "sinetti.eservice.ui.error_pages.forbidden"
# The edge limits what comes (server/wsgi_adapter.py). Files stay in memory: what somebody uploads by mistake, such as a
# private key, is never on a disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 2
# What goes wrong is logged by our own middleware, without the address: tokens stand in addresses.
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
