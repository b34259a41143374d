"""What this app keeps in the database."""
