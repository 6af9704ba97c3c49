"""What batches hold, compared with what they should: behind guard and audit_loader."""
