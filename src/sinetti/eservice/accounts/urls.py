"""Which page of accounts stands where: the closed list. What allauth has beside these is not served."""

from django.urls import URLPattern, URLResolver, path, re_path

from sinetti.eservice.accounts import entrance, factors, noticing, own, providers

noticing.listen()

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/login/", entrance.Login.as_view(), name="account_login"),
    path("account/logout/", entrance.Logout.as_view(), name="account_logout"),
    path("account/signup/", entrance.Signup.as_view(), name="account_signup"),
    path("account/inactive/", entrance.Inactive.as_view(), name="account_inactive"),
    path("account/confirm-email/", entrance.ConfirmationSent.as_view(), name="account_email_verification_sent"),
    path("account/confirm-email/<str:key>/", entrance.ConfirmAddress.as_view(), name="account_confirm_email"),
    path("account/password/reset/", entrance.AskNewPassword.as_view(), name="account_reset_password"),
    path("account/password/reset/done/", entrance.AskedNewPassword.as_view(), name="account_reset_password_done"),
    path(
        "account/password/reset/key/done/",
        entrance.NewPasswordSet.as_view(),
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^account/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        entrance.NewPassword.as_view(),
        name="account_reset_password_from_key",
    ),
    path("account/password/change/", own.ChangePassword.as_view(), name="account_change_password"),
    path("account/password/set/", own.SetPassword.as_view(), name="account_set_password"),
    path("account/email/", own.ChangeAddress.as_view(), name="account_email"),
    path("account/sessions/", own.Sessions.as_view(), name="usersessions_list"),
    path("account/reauthenticate/", own.ProveByPassword.as_view(), name="account_reauthenticate"),
    path("account/security/", factors.Security.as_view(), name="mfa_index"),
    path("account/security/sign-in/", factors.SecondFactor.as_view(), name="mfa_authenticate"),
    path("account/security/reauthenticate/", factors.ProveByCode.as_view(), name="mfa_reauthenticate"),
    path("account/security/codes/add/", factors.AddCodes.as_view(), name="mfa_activate_totp"),
    path("account/security/codes/remove/", factors.RemoveCodes.as_view(), name="mfa_deactivate_totp"),
    path("account/security/recovery-codes/", factors.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path(
        "account/security/recovery-codes/new/", factors.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"
    ),
    path("account/security/passkeys/sign-in/", factors.PasskeySignIn.as_view(), name="mfa_login_webauthn"),
    path(
        "account/security/passkeys/reauthenticate/",
        factors.ProveByPasskey.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path("account/security/passkeys/add/", factors.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("account/security/passkeys/<int:pk>/", factors.EditPasskey.as_view(), name="mfa_edit_webauthn"),
    path("account/security/passkeys/<int:pk>/remove/", factors.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("account/providers/", providers.Connections.as_view(), name="socialaccount_connections"),
    path("account/providers/new/", providers.NewAccount.as_view(), name="socialaccount_signup"),
    path("account/providers/cancelled/", providers.Cancelled.as_view(), name="socialaccount_login_cancelled"),
    path("account/providers/<str:provider_id>/", providers.begin, name="openid_connect_login"),
    path("account/providers/<str:provider_id>/answer/", providers.finish, name="openid_connect_callback"),
]
