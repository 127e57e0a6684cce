"""Certificates as they are listed, searched, revoked, replaced and used."""
