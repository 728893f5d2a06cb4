"""What describes pictures and sound with numbers, a module or folder each."""
