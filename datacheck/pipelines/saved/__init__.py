"""What a saved pipeline is besides its transforms: its schema, JSON, and other forms."""
