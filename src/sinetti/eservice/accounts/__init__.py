"""Accounts: sign-in, second factors and account mail, based on django-allauth."""
