"""Rules: one file and one page each; ``codes.py`` is the table of them all."""
