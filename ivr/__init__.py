"""What a callee hears and presses: the pure survey engine, the prompts, and the runner that joins both to a call."""
