"""Near-duplicates: how candidates are found, and how each is verified."""
