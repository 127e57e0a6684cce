"""Lists of anchors and of distrusted CAs, as a gateway keeps and uses them."""
