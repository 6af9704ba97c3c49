"""What makes the documentation; not a part of the installed package."""
