"""What people do on behalf of an organisation: each act first asks for their right (actions/authority.py)."""
