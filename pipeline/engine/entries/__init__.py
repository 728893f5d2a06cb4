"""What the item cache is made of: locks, the rows of an index, its segments, results."""
