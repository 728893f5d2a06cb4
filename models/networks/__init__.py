"""One module per published architecture, on shared blocks; the registry names them."""
