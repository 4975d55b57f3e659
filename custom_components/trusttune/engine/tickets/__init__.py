"""What is asked for, where it stands, and where it may go from there."""
