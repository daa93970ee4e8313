"""A copy of the whole system in one encrypted file, and the way back from it."""
