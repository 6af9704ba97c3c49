"""Tables that loaders fetch batches from: encoded once, mapped from Arrow files."""
