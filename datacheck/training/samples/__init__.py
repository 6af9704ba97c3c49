"""What is trained on: datasets made on the spot, and the shape of what is given."""
