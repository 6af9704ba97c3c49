"""Image transforms: read, run, compared, and built once for all splits."""
