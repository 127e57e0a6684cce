"""The main path: one file, one public function, for each thing that the service does."""
