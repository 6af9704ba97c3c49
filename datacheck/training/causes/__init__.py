"""From a spike to its cause: events and their batches, odds, and steps replayed."""
