"""What result files say, as tables of numbers."""
