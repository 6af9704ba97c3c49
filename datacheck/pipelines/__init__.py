"""Repairs: from the findings of an audit to data that trains calmly. Empty as yet."""
