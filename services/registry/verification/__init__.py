"""The registry's account of itself: checks of the log, of the outcomes around it and of the state made from it."""
