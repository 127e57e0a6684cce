"""Signed deliveries and their receipts."""
