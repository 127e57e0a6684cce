"""What scripts/vectors.py makes the vectors with."""
