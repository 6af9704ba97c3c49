"""What a monitor sees of each step, and how it is written down."""
