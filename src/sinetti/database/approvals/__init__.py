"""Officers, proposals of acts that take two people, and their signatures."""
