"""What transforms learn from, in few looks and bounded memory."""
