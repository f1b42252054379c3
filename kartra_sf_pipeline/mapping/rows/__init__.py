"""Rows of every load phase: from prepared frames by joins and choices, no field names yet."""
