"""Relying party: who calls, by their certificate, and that nothing was changed; no server room, no Django."""
