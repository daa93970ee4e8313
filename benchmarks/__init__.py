"""What is said about speed, runnable: each module measures one thing beside its peer or its ceiling."""
