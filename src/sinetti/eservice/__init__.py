"""The human door: pages in Finnish, Swedish and English."""
