"""Paired studies: what each repair of a dataset did to training, with intervals."""
