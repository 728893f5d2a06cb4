"""Networks, ablation, training and evaluation on the windows store."""
