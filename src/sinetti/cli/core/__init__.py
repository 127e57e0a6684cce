"""Console, output, translation of argparse, progress, tables."""
