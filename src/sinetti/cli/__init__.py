"""The command `sinetti`: entry point, command lookup, completion."""
