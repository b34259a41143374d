"""The project to upgrade: reads and writes its files."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .template import MANIFEST, PACKAGE, Manifest, UpgradeError, blob_id, git, read_text, with_line_feeds


class Project:
    """A folder under git, with a `manage.py` that names its settings package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = read_text(folder / "manage.py")
        named = re.search(r"""DJANGO_SETTINGS_MODULE["'\], =]+(\w+)\.settings""", text)
        if not named:
            raise UpgradeError(f"{folder} has no manage.py that names the settings of a project.")
        self.name = named[1]
        listed = git(folder, "ls-files", "-z", allowed=(0, 128)).decode(errors="surrogateescape")
        self.paths = set(listed.split("\0")[:-1])
        if "manage.py" not in self.paths:
            raise UpgradeError(f"Put {folder} under git first: git init, git add --all, git commit")
        self.git_folder = folder / git(folder, "rev-parse", "--git-dir").decode().strip()

    def manifest(self) -> Manifest | None:
        """Return the manifest of the project's version, if it has one."""
        text = self.read(MANIFEST)
        return Manifest(text.decode(errors="replace"), self.name) if text else None

    def check(self) -> None:
        """Raise `UpgradeError` unless all changes are committed and all files under git are present."""
        if git(self.folder, "status", "--porcelain", "--untracked-files=no", "--", "."):
            raise UpgradeError("The work tree has changes: commit them, or undo them with `git checkout .`")
        if hidden := [path for path in self.paths if not self.has(path)]:
            raise UpgradeError(f"{hidden[0]} is not in the work tree: run `git sparse-checkout disable`")

    def has(self, path: str) -> bool:
        """Return whether a file, folder or link exists, under git or not."""
        return os.path.lexists(self.folder / path)

    def find_obstacle(self, path: str, content: bytes) -> str | None:
        """Return the path that is in the way of a new file: a folder, a link or a file that is not under git."""
        file = self.folder / path
        for parent in [str(parent) for parent in Path(path).parents[:-1] if self.has(str(parent))]:
            if (self.folder / parent).is_symlink() or not (self.folder / parent).is_dir():
                return parent
        if self.read(path) is not None or not self.has(path):
            return None
        is_same = file.is_file() and not file.is_symlink() and with_line_feeds(file.read_bytes()) == content
        return None if is_same else path

    def read(self, path: str) -> bytes | None:
        """Return the content of a file under git with line feeds; None if it does not exist."""
        file = self.folder / path
        is_file = path in self.paths and file.is_file() and not file.is_symlink()
        return with_line_feeds(file.read_bytes()) if is_file else None

    def is_source(self, path: str, content: bytes, known: str) -> bool:
        """Return whether the content has this id with the package's name in the template."""
        name = re.escape(self.name.encode())
        # The package's name may also be a word in the file.
        patterns = (rb"(?<!\w)%s(?!\w)" % name, rb"(?<=[\"'])%s(?=\.)" % name) if path.endswith(".py") else ()
        return known in {blob_id(content), *(blob_id(re.sub(pattern, PACKAGE, content)) for pattern in patterns)}

    def old_content(self, path: str, known: str) -> bytes | None:
        """Return the content with this id from the project's history, if it has it."""
        command = ["log", "--format=", "--raw", "--no-color", "--no-abbrev", "--no-renames", "--", path]
        # Git may be configured to print signatures, too.
        lines = [line for line in git(self.folder, *command).splitlines() if line.startswith(b":")]
        blobs = {line.split()[3].decode() for line in lines}
        contents = (with_line_feeds(git(self.folder, "cat-file", "blob", b, allowed=(0, 128))) for b in blobs)
        return next((content for content in contents if self.is_source(path, content, known)), None)

    def write(self, path: str, content: bytes, source: str | None = None) -> None:
        """Write a file atomically, with the line ends and the mode of its source; scripts are executable."""
        file, old = self.folder / path, self.folder / (source or path)
        mode = old.stat().st_mode & 0o777 if old.is_file() else 0o644
        if old.is_file() and with_line_feeds(before := old.read_bytes()) != before:
            content = content.replace(b"\n", b"\r\n")
        file.parent.mkdir(parents=True, exist_ok=True)
        part = self.git_folder / "upgrade.part"
        part.write_bytes(content)
        part.chmod(mode | 0o111 if content.startswith(b"#!") else mode)
        shutil.move(part, file)

    def delete(self, path: str) -> None:
        """Delete a file and folders that become empty."""
        file = self.folder / path
        file.unlink()
        for folder in file.parents:
            if folder == self.folder or any(folder.iterdir()):
                return
            folder.rmdir()

    def format_with_black(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """Return the files formatted with this project's settings; none if `black` is not installed."""
        black = shutil.which("black") or shutil.which("black", path=Path(sys.executable).parent)
        if not black or not files:
            return {}
        with tempfile.TemporaryDirectory() as folder:
            write_all(Path(folder), {"pyproject.toml": self.read("pyproject.toml") or b"", **files})
            command = [black, "--fast", "--quiet", "--", *files]
            subprocess.run(command, cwd=folder, capture_output=True, check=False)
            return {path: Path(folder, path).read_bytes() for path in files}

    def lock(self) -> bool:
        """Write the locks again with `uv`; return whether that succeeded."""
        has_uv = shutil.which("uv") or (self.folder / ".venv/bin/uv").exists()
        if not has_uv or not os.access(self.folder / "bin/lock", os.X_OK):
            return False
        done = subprocess.run([self.folder / "bin/lock"], cwd=self.folder, capture_output=True, check=False)
        return done.returncode == 0


def merge(ours: bytes, base: bytes, theirs: bytes, labels: list[str]) -> tuple[int, bytes]:
    """Return the number of conflicts of a three-way merge, 255 for binary files, and its result."""
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
