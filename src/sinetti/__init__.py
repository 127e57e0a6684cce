"""Sinetti: the certificate service for organisations that exchange data over a technical interface."""

__version__ = "0.1.0"
