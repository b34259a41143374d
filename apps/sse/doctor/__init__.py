"""The doctor: opens a stream through the public address, and reports what happens to it on the way."""
