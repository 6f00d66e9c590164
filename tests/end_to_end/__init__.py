"""The embedded AWS, the in-process engine, and what runs on them."""
