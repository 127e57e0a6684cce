"""Transparency log: its entries in order, tree and checkpoints."""
