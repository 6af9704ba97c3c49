"""Text without columns: lines, files, pairs of files, tokens with tags; its addresses are lines."""
