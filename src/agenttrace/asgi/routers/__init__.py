"""One router a view: its parameters, its errors, and the question that it asks."""
