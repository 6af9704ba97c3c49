"""From a plan to repaired files: what leaves, what changes, what is written."""
