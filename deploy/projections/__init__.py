"""Versions of projections: filled beside those in service, compared with them, put in their place."""
