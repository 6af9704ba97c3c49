"""Engines decide where the scan runs, never what it computes."""
