"""Access: who asks, and whether a route may answer. Nothing is answered that no rule allows."""
