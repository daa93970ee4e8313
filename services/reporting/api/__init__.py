"""The HTTP API: parameters in, answers with their position out."""
