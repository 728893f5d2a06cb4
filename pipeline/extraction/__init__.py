"""What the commands that extract streams have in common."""
