"""Other programs: run without a shell, bounded, masked, and ended with whoever wanted them."""
