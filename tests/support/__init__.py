"""Builders and helpers that several rooms' tests share."""
