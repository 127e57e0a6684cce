"""Certificate service for organisations that use a technical interface."""

__version__ = "0.1.0"
