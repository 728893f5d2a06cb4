"""What takes modalities away: draws, operators, frame maps."""
