"""What a run will take: measured on a small piece of the corpus, and scaled to all of it."""
