"""The project that is upgraded: its files as the team has them, and how they are written."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .template import MANIFEST, PACKAGE, Manifest, UpgradeError, blob_id, git, text_of, with_line_feeds


class Project:
    """A folder under git, with a `manage.py` that names its settings package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = text_of(folder / "manage.py")
        named = re.search(r"""DJANGO_SETTINGS_MODULE["'], ?["'](\w+)\.settings""", text)
        if not named:
            raise UpgradeError(f"{folder} has no manage.py that names the settings of a project.")
        self.name = named[1]
        self.git_folder = folder / git(folder, "rev-parse", "--git-dir").decode().strip()
        self.paths = set(git(folder, "ls-files", "-z").decode(errors="surrogateescape").split("\0")[:-1])

    def manifest(self) -> Manifest | None:
        """Return the manifest of the version that the project has, if there is one."""
        text = self.read(MANIFEST)
        return Manifest(text.decode(), self.name) if text else None

    def is_clean(self) -> bool:
        """Return whether all changes of files under git are committed."""
        return not git(self.folder, "status", "--porcelain", "--untracked-files=no", "--", ".")

    def is_free(self, path: str, content: bytes) -> bool:
        """Return whether a file can be written without loss: no other is there, or git has it."""
        file = self.folder / path
        return path in self.paths or not file.exists() or with_line_feeds(file.read_bytes()) == content

    def read(self, path: str) -> bytes | None:
        """Return the content of a file under git, with line feeds; None if there is no such file."""
        file = self.folder / path
        return with_line_feeds(file.read_bytes()) if path in self.paths and file.is_file() else None

    def is_source(self, path: str, content: bytes, known: str) -> bool:
        """Return whether this content has that id in the template, where the package has another name."""
        name = re.escape(self.name.encode())
        # A package may have the name of something else in the file.
        patterns = (rb"(?<!\w)%s(?!\w)" % name, rb"(?<![\w.])%s(?=\.)" % name) if path.endswith(".py") else ()
        return known in {blob_id(content), *(blob_id(re.sub(pattern, PACKAGE, content)) for pattern in patterns)}

    def old_content(self, path: str, known: str) -> bytes | None:
        """Return the content from the project's history that has this id in the template."""
        log = git(self.folder, "log", "--format=", "--raw", "--no-abbrev", "--no-renames", "--", path).decode()
        blobs = {line.split()[3] for line in log.splitlines()}
        contents = (with_line_feeds(git(self.folder, "cat-file", "blob", b, allowed=(0, 128))) for b in blobs)
        return next((content for content in contents if self.is_source(path, content, known)), None)

    def write(self, path: str, content: bytes) -> None:
        """Write a file in one step, with the line ends that it has now; a script becomes executable."""
        file = self.folder / path
        if file.is_file() and with_line_feeds(before := file.read_bytes()) != before:
            content = content.replace(b"\n", b"\r\n")
        file.parent.mkdir(parents=True, exist_ok=True)
        part = self.git_folder / "upgrade.part"
        part.write_bytes(content)
        part.chmod(0o755 if content.startswith(b"#!") else 0o644)
        shutil.move(part, file)

    def delete(self, path: str) -> None:
        """Delete a file, and the folders that are empty then."""
        file = self.folder / path
        file.unlink()
        for folder in file.parents:
            if folder == self.folder or any(folder.iterdir()):
                return
            folder.rmdir()

    def blacked(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """Return files as `black` formats them with this project's settings; none without `black`."""
        black = shutil.which("black") or shutil.which("black", path=Path(sys.executable).parent)
        if not black or not files:
            return {}
        with tempfile.TemporaryDirectory() as folder:
            write_all(Path(folder), {"pyproject.toml": self.read("pyproject.toml") or b"", **files})
            command = [black, "--fast", "--quiet", "--", *files]
            subprocess.run(command, cwd=folder, capture_output=True, check=False)
            return {path: Path(folder, path).read_bytes() for path in files}

    def lock(self) -> bool:
        """Make the locks again with `uv`, and return whether that was possible."""
        if not shutil.which("uv") and not (self.folder / ".venv/bin/uv").exists():
            return False
        done = subprocess.run([self.folder / "bin/lock"], cwd=self.folder, capture_output=True, check=False)
        return done.returncode == 0


def merged(ours: bytes, base: bytes, theirs: bytes, labels: list[str]) -> tuple[int, bytes]:
    """Return the number of conflicts of a three-way merge, 255 for files that are no text, and its result."""
    with tempfile.TemporaryDirectory() as folder:
        write_all(Path(folder), {"ours": ours, "base": base, "theirs": theirs})
        named = [word for label in labels for word in ("-L", label)]
        command = ["git", "merge-file", "-p", *named, "ours", "base", "theirs"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.returncode, done.stdout


def write_all(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
