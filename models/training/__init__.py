"""Data, losses, optimisation, teachers and the trainer."""
