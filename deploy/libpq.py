"""
Runs a program of PostgreSQL for the database of `DATABASE_URL`: deploy/libpq.py pg_dump --format=custom …

The password is passed in the environment, because all users of the machine can see a program's arguments.
"""

import os
import sys
from urllib.parse import unquote, urlsplit

url = urlsplit(os.environ["DATABASE_URL"])
login, at, host = url.netloc.rpartition("@")
bare = url._replace(netloc=login.partition(":")[0] + at + host).geturl()
environment = os.environ | ({"PGPASSWORD": unquote(url.password)} if url.password else {})
del environment["DATABASE_URL"]
os.execvpe(sys.argv[1], [*sys.argv[1:], f"--dbname={bare}"], environment)
