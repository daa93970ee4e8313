"""What facts mean: the fold of a subject's timeline, and the figures that follow from it.

One meaning for all services: the registry decides by it, reporting and the notifier count by it. Pure: no IO.
"""
