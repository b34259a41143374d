"""The doctor: opens a stream through the public address, and says in plain words what happens to it on its way."""
