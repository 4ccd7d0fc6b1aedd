"""Doing what is left of a run, in a folder that is held, through a pool; and how far a run is."""
