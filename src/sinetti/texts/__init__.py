"""What people read, in Finnish, Swedish and English: gettext catalogues and one small reader; no Django."""
