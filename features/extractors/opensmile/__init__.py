"""Low-level descriptors of sound by openSMILE."""
