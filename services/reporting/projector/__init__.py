"""From recorded events to projections: signed deltas and versions, one batch a transaction."""
