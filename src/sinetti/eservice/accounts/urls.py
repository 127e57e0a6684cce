"""Closed list of account URLs.

Other URLs of allauth are not served. Providers of sign-in have the address of their answer in their own settings, so
it keeps the closing slash of the first release.
"""

from django.urls import URLPattern, URLResolver, path, re_path

from sinetti.eservice.accounts import account_settings, mfa, session_time, sign_in, signals, social_login
from sinetti.eservice.ui.drafts import keeps_typed

signals.connect_signals()
_kept = keeps_typed(replays=False)

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/login", _kept(sign_in.LoginView.as_view()), name="account_login"),
    path("account/logout", sign_in.Logout.as_view(), name="account_logout"),
    path("account/signup", _kept(sign_in.Signup.as_view()), name="account_signup"),
    path("account/inactive", sign_in.Inactive.as_view(), name="account_inactive"),
    path("account/confirm-email", sign_in.ConfirmationSent.as_view(), name="account_email_verification_sent"),
    path("account/confirm-email/<str:key>", sign_in.ConfirmAddress.as_view(), name="account_confirm_email"),
    path("account/password/reset", _kept(sign_in.PasswordResetRequest.as_view()), name="account_reset_password"),
    path("account/password/reset/done", sign_in.AskedNewPassword.as_view(), name="account_reset_password_done"),
    path(
        "account/password/reset/key/done",
        sign_in.NewPasswordSet.as_view(),
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^account/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$",
        _kept(sign_in.NewPassword.as_view()),
        name="account_reset_password_from_key",
    ),
    path("account/password/change", _kept(account_settings.ChangePassword.as_view()), name="account_change_password"),
    path("account/password/set", _kept(account_settings.SetPassword.as_view()), name="account_set_password"),
    path("account/email", _kept(account_settings.ChangeAddress.as_view()), name="account_email"),
    path("account/session", session_time.session_time, name="session_time"),
    path("account/sessions", account_settings.Sessions.as_view(), name="usersessions_list"),
    path("account/reauthenticate", account_settings.ProveByPassword.as_view(), name="account_reauthenticate"),
    path("account/security", mfa.SecurityOverview.as_view(), name="mfa_index"),
    path("account/security/sign-in", _kept(mfa.SecondFactor.as_view()), name="mfa_authenticate"),
    path("account/security/reauthenticate", mfa.ReauthenticateWithCode.as_view(), name="mfa_reauthenticate"),
    path("account/security/codes/add", mfa.AddCodes.as_view(), name="mfa_activate_totp"),
    path("account/security/codes/remove", mfa.RemoveCodes.as_view(), name="mfa_deactivate_totp"),
    path("account/security/recovery-codes", mfa.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("account/security/recovery-codes/new", mfa.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("account/security/passkeys/sign-in", mfa.PasskeySignIn.as_view(), name="mfa_login_webauthn"),
    path(
        "account/security/passkeys/reauthenticate",
        mfa.ReauthenticateWithPasskey.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path("account/security/passkeys/add", mfa.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("account/security/passkeys/<int:pk>", mfa.EditPasskey.as_view(), name="mfa_edit_webauthn"),
    path("account/security/passkeys/<int:pk>/remove", mfa.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("account/providers", social_login.Connections.as_view(), name="socialaccount_connections"),
    path("account/providers/new", _kept(social_login.SocialSignupView.as_view()), name="socialaccount_signup"),
    path(
        "account/providers/cancelled",
        social_login.SocialLoginCancelled.as_view(),
        name="socialaccount_login_cancelled",
    ),
    path("account/providers/<str:provider_id>", social_login.begin, name="openid_connect_login"),
    path("account/providers/<str:provider_id>/answer/", social_login.finish, name="openid_connect_callback"),
]
