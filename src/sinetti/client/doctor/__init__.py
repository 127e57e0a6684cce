"""Checks of `sinetti doctor`."""
