"""One version of the template: its source, its manifest, and its files as in a project."""

import hashlib
import json
import re
import subprocess
import zipfile
import zlib
from pathlib import Path

MANIFEST = "template.lock"
# The settings package in the template and in its zip. In parts, since `startproject` renders this file.
PACKAGE = b"project_" + b"template"
VARIABLE = b"{" * 2 + b" project_name " + b"}" * 2
FOLDERS = ("project_name/", PACKAGE.decode() + "/")
# The version follows an @, but not the @ before a host.
ADDRESS = re.compile(r"(\w+://[^/]+/.*?|[^/@]+@[^/:@]+:.*?|.*?)(?:@([^@:]*))?", re.DOTALL)


class UpgradeError(Exception):
    """An error whose message is for the user."""


def git(folder: Path, *arguments: str, allowed: tuple = (0,)) -> bytes:
    """Run git in a folder and return its output; raises `UpgradeError` for an exit code that is not allowed."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if done.returncode not in allowed:
        reason = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise UpgradeError(f"git {arguments[0]} failed: {reason}")
    return done.stdout


def with_line_feeds(content: bytes) -> bytes:
    """Return text with the line ends that git stores; binary content is unchanged."""
    return content if b"\0" in content[:8000] else content.replace(b"\r\n", b"\n")


def blob_id(content: bytes) -> str:
    """Return the id under which git stores this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def read_text(file: Path) -> str:
    """Return the text of a file, empty if it does not exist."""
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


class Manifest:
    """The files of a version: their paths in a project of this name, and git's ids before rendering."""

    def __init__(self, text: str, name: str) -> None:
        try:
            manifest = json.loads(text or "{}")
            self.version: str = manifest.get("version", "before 1.0.0")
            self.by_hand: dict[str, list[str]] = manifest.get("by_hand", {})
            files: dict[str, str] = manifest.get("files", {})
            self.ids = {re.sub(f"^{FOLDERS[0]}", f"{name}/", path): known for path, known in files.items()}
        except (ValueError, AttributeError) as error:
            raise UpgradeError(f"{MANIFEST} cannot be read: restore that of the last upgrade ({error})") from error


class Template(Manifest):
    """A folder with the template and, if known, a repository with its history."""

    def __init__(self, folder: Path, history: Path | None, name: str) -> None:
        super().__init__(read_text(folder / MANIFEST), name)
        self.folder, self.history, self.name, self.has_manifest = folder, history, name, bool(self.ids)
        self.package = next((package for package in FOLDERS if (folder / package).is_dir()), None)
        if not self.package or not (folder / "manage.py").is_file():
            raise UpgradeError(f"{folder} does not hold the template.")
        self.ids = self.ids or {path: blob_id(self._source(path)) for path in self._listed()}

    def _listed(self) -> list[str]:
        files = [file.relative_to(self.folder) for file in self.folder.rglob("*") if file.is_file()]
        # `startproject` leaves out folders with a leading dot.
        names = [file.as_posix() for file in files if not any(part.startswith(".") for part in file.parts[:-1])]
        return [re.sub(f"^{self.package}", f"{self.name}/", name) for name in names]

    def _file(self, path: str) -> Path:
        return self.folder / re.sub(f"^{self.name}/", self.package, path)

    def _source(self, path: str) -> bytes:
        content = with_line_feeds(self._file(path).read_bytes())
        return content.replace(VARIABLE, PACKAGE) if path.endswith(".py") else content

    def _rendered(self, path: str, source: bytes) -> bytes:
        return source.replace(PACKAGE, self.name.encode()) if path.endswith(".py") else source

    def _has(self, path: str, known: str) -> bool:
        return self._file(path).is_file() and blob_id(self._source(path)) == known

    def read(self, path: str) -> bytes:
        """Return the content of a project's file in this version."""
        return self._rendered(path, self._source(path))

    def old_content(self, path: str, known: str) -> bytes | None:
        """Return the content with this id from this version or the history; None if neither has it."""
        if self._has(path, known):
            return self.read(path)
        found = git(self.history, "cat-file", "blob", known, allowed=(0, 128)) if self.history else b""
        return self._rendered(path, found) if found or known == blob_id(b"") else None

    def check(self) -> None:
        """Raise `UpgradeError` if the manifest is missing or stale."""
        if not self.has_manifest:
            raise UpgradeError(f"The template has no {MANIFEST}: it is too old.")
        stale = next((path for path, known in self.ids.items() if not self._has(path, known)), None)
        if stale:
            raise UpgradeError(f"The template's {MANIFEST} does not fit its {stale}: run `make manifest` there.")


def fetch(source: str, folder: Path) -> tuple[Path, Path | None]:
    """Return the folder of a template given as folder, zip or git address, and its repository if it has one."""
    place, version = (source, "") if Path(source).exists() else ADDRESS.fullmatch(source).groups(default="")
    files, repository = Path(place).expanduser().resolve(), None
    if not files.exists() or (files / ".git").exists() or (files / "HEAD").exists():
        repository = files if files.exists() else folder / "repository"
        if not files.exists():
            git(Path.cwd(), "clone", "--quiet", "--bare", "--", place, str(repository))
        files = folder / "files.zip"
        commit = find_commit(repository, version, place)
        git(repository, "archive", "--format=zip", "-0", f"--output={files}", commit)
    elif version:
        raise UpgradeError(f"{place} has only one version: remove @{version}.")
    files = unpack(files, folder) if files.is_file() else files
    if not any((files / package).is_dir() for package in FOLDERS):
        raise UpgradeError(f"{source} does not hold the template.")
    return files, repository


def find_commit(repository: Path, version: str, place: str) -> str:
    """Return the commit of a tag, a branch or an id; the last commit if none is given."""
    for name in (version or "HEAD", f"v{version}", f"origin/{version}"):
        commit = git(repository, "rev-parse", "--verify", "--quiet", name + "^{commit}", allowed=(0, 1, 128))
        if commit:
            return commit.decode().strip()
    raise UpgradeError(f"{place} has no {f'version {version}' if version else 'commit'}.")


def unpack(file: Path, folder: Path) -> Path:
    """Unpack a zip and return the folder of the template: an inner one in the zip of a code host."""
    try:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder / "files")
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UpgradeError(f"{file} cannot be unpacked: {error}") from error
    return next((inner.parent for inner in (folder / "files").glob("*/manage.py")), folder / "files")
