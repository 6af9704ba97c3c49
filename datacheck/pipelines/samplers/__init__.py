"""Which rows make a batch: budgets, layouts, classes, and the choice among them."""
