"""The scheduled scan that turns gaps into tickets."""
