"""What the org checks and derives when records are written: one batch of rows at a time."""
