"""Endpoints of the test bench: control, deliveries, diagnostics."""
