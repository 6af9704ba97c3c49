"""Training: monitors, trainer and paired studies of what each repair did. Empty as yet."""
