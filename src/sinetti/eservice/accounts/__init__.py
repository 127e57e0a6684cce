"""Accounts: who signs in, with which factors, and what their mail says.

Sign-in itself is django-allauth's.
"""
