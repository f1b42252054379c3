"""Reading Kartra's exports as they really are."""
