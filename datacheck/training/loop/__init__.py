"""The parts of a training run: what a step is made of, its state, and what came of it."""
