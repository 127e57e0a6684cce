"""What people do on behalf of an organisation: each act first asks whether they may, about its very object."""
