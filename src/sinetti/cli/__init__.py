"""The command `sinetti`: one small file per command."""
