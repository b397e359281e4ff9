"""When to call, whom, and what follows: claims what is due, dials it, books how it ended."""
