"""Many runs at once: the studies, and each paper's experiment as one."""
