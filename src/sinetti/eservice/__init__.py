"""Web portal for people: pages in Finnish, Swedish and English."""
