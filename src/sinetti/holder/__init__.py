"""What an organisation installs: keys made here, certificates issued and renewed, all kept in a store of files."""
