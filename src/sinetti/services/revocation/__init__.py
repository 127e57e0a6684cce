"""Revocation of one certificate or many, and early replacement."""
