"""Exports: an answer as sheets that can be printed and calculated with."""
