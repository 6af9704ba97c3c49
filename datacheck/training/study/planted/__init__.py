"""Studies of planted faults on real data: what the README quotes, and ``make study`` prints."""
