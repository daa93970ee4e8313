"""Single persons by attribute: their admissions and unsealed profiles, filled beside the projector."""
