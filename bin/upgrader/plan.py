"""Decides what an upgrade does with each file, before it writes any."""

import re
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path

from .project import Project, merge, write_all
from .template import MANIFEST, Manifest, Template, UpgradeError, git

MIGRATION = re.compile(r"(.+)/migrations/[^/]+\.py")
REQUIREMENTS = "pyproject.toml"
LOCK = re.compile(r"requirements[^/]*\.txt")
MOVED_SIMILARITY = "70%"
DELETED_SCORE = "R090"
# `git merge-file` exits with the number of conflicts. A higher code is a failure, for example for binary files.
MAX_CONFLICTS = 127


class Plan:
    """The upgrade of a project to a version of the template. `done` lists the paths by what is done with them."""

    def __init__(self, project: Project, old: Manifest, new: Template, bases: list) -> None:
        self.project, self.old, self.new, self.bases = project, old, new, bases
        self.writes: dict[str, bytes] = {}
        self.sources: dict[str, str] = {}
        self.deletions: list[str] = []
        self.done: dict[str, list[str]] = defaultdict(list)

    def decide(self) -> None:
        """Decide about all files; raises `UpgradeError` if a file is in the way."""
        moves = self.find_moves()
        targets = {path: path if path in self.new.ids else moves.get(path) for path in self.old.ids}
        stale = {a: b for a, b in sorted(targets.items()) if a != b or self.old.ids[a] != self.new.ids[b]}
        versions = self.find_versions(stale)
        for path, target in stale.items():
            self.change(path, target, versions.get(path, []))
        for path in sorted(self.new.ids.keys() - set(targets.values())):
            self.add(path)
        self.find_migrations()
        for path, content in self.writes.items():
            if obstacle := self.project.find_obstacle(path, content):
                raise UpgradeError(f"{obstacle} is in the way of a new file of the template. Move it.")

    def change(self, path: str, target: str | None, versions: list[tuple[bytes, bytes]]) -> None:
        """Replace, move, delete or merge a file."""
        ours = self.project.read(path)
        if ours is None and target and self.project.has(path):
            self.done["others"].append(path)
        is_migration = MIGRATION.fullmatch(path)
        if ours is None or (target and is_migration) or (path == target and ours == self.new.read(path)):
            return
        theirs = None if is_migration else next((theirs for base, theirs in versions if base == ours), None)
        if target not in (path, None) and self.project.read(target) is not None:
            self.done["taken"].append(target)
        elif theirs is not None:
            self.put("replaced", path, target, theirs)
        elif not target:
            self.done["kept"].append(path)
        elif self.old.ids[path] == self.new.ids[target]:
            self.put("moved", path, target, ours)
        else:
            self.merge(path, target, ours, versions)

    def find_versions(self, targets: dict[str, str | None]) -> dict[str, list[tuple[bytes, bytes]]]:
        """Return the old and the new content of files, for edited Python files also as formatted by `black`."""
        found = {}
        for path, target in targets.items():
            if self.project.read(path) is not None and (base := self.base(path)) is not None:
                found[path] = [(base, self.new.read(target) if target else b"")]
        edited = {p for p in found if p.endswith(".py") and self.project.read(p) != found[p][0][0]}
        formatted = self.project.format_with_black
        old, new = (formatted({path: found[path][0][side] for path in edited}) for side in (0, 1))
        return {path: [*found[path], *([(old[path], new[path])] if path in old else [])] for path in found}

    def merge(self, path: str, target: str, ours: bytes, versions: list[tuple[bytes, bytes]]) -> None:
        """Merge the changes of both sides, in the format with fewer conflicts."""
        labels = ["yours", f"template {self.old.version}", f"template {self.new.version}"]
        results = [merge(ours, base, theirs, labels) for base, theirs in versions]
        conflicts, content = min(results, default=(MAX_CONFLICTS + 1, b""))
        if conflicts > MAX_CONFLICTS or (conflicts and LOCK.fullmatch(path)):
            self.done["unmerged"].append(path)
        else:
            self.put("conflicts" if conflicts else "merged", path, target, content)

    def put(self, how: str, path: str, target: str | None, content: bytes) -> None:
        """Set the new content and path of a file."""
        if path != target:
            self.deletions.append(path)
            how = ("moved" if target else "deleted") if how == "replaced" else how
        if target:
            self.writes[target] = content
            self.sources[target] = path
        self.done[how].append(target or path)

    def add(self, path: str) -> None:
        """Add a new file of the template, unless the team has deleted its folder."""
        theirs, ours = self.new.read(path), self.project.read(path)
        if ours is None and not self.is_in_deleted_folder(path):
            self.writes[path] = theirs
            self.done["added"].append(path)
        elif ours not in (None, theirs):
            self.done["taken"].append(path)

    def is_in_deleted_folder(self, path: str) -> bool:
        """Return whether the old version had a folder of this path that the project lacks."""
        folders = [f"{parent.as_posix()}/" for parent in Path(path).parents[:-1]]
        old = [folder for folder in folders if any(known.startswith(folder) for known in self.old.ids)]
        return any(not any(ours.startswith(folder) for ours in self.project.paths) for folder in old)

    def base(self, path: str) -> bytes | None:
        """Return the old content of a file: the project's if unchanged, otherwise that of the first source."""
        known, ours = self.old.ids[path], self.project.read(path)
        if ours is not None and self.project.is_source(path, ours, known):
            return ours
        contents = (source.old_content(path, known) for source in self.bases)
        return next((content for content in contents if content is not None), None)

    def find_moves(self) -> dict[str, str]:
        """Return the old and new paths of files that the template has moved, found by git's similarity."""
        gone = [path for path in self.old.ids if path not in self.new.ids and not MIGRATION.fullmatch(path)]
        come = [path for path in self.new.ids if path not in self.old.ids]
        contents = {path: self.base(path) or self.project.read(path) for path in gone}
        with tempfile.TemporaryDirectory() as folder:
            write_all(Path(folder, "old"), {path: content for path, content in contents.items() if content})
            write_all(Path(folder, "new"), {path: self.new.read(path) for path in come})
            command = ["diff", "--no-index", "--name-status", "-z", "-l0", "--diff-filter=R"]
            command += [f"--find-renames={MOVED_SIMILARITY}", "old", "new"]
            names = git(Path(folder), *command, allowed=(0, 1)).decode().split("\0")
        found = zip(names[:-1:3], names[1::3], names[2::3], strict=True)
        moves = {(old[4:], new[4:]): score for score, old, new in found}
        # A new file is left out only if it certainly is one that the team has deleted.
        return {a: b for (a, b), score in moves.items() if self.project.read(a) or score >= DELETED_SCORE}

    def find_migrations(self) -> None:
        """List the apps with new migrations of both the team and the template."""
        new = self.project.paths - self.old.ids.keys(), self.done["added"]
        ours, theirs = ({m[1] for path in paths if (m := MIGRATION.fullmatch(path))} for paths in new)
        self.done["migrations"] = sorted(ours & theirs)

    def needs_locking(self) -> bool:
        """Return whether the locks were merged or do not fit `pyproject.toml`."""
        locks = {path for path in self.old.ids | self.new.ids if LOCK.fullmatch(path)}
        if locks & {*self.done["merged"], *self.done["unmerged"]}:
            return True
        ours = self.writes.get(REQUIREMENTS, self.project.read(REQUIREMENTS))
        differs = dependencies(ours) != dependencies(self.new.read(REQUIREMENTS))
        return differs and not self.writes.keys().isdisjoint({REQUIREMENTS, *locks})

    def apply(self) -> None:
        """Write the files, then the locks, and the manifest last."""
        for path, content in self.writes.items():
            self.project.write(path, content, self.sources.get(path))
        for path in self.deletions:
            self.project.delete(path)
        if self.needs_locking():
            if REQUIREMENTS not in self.done["conflicts"] and self.project.lock():
                self.done["unmerged"] = [path for path in self.done["unmerged"] if not LOCK.fullmatch(path)]
            else:
                self.done["locks"].append("make lock")
        self.project.write(MANIFEST, (self.new.folder / MANIFEST).read_bytes())


def dependencies(content: bytes | None) -> list | None:
    """Return the dependencies of a `pyproject.toml`; None if it cannot be parsed."""
    try:
        tables = tomllib.loads((content or b"").decode())
    except ValueError:
        return None
    project = tables.get("project", {})
    names = ("requires-python", "dependencies", "optional-dependencies")
    return [*(project.get(name) for name in names), tables.get("dependency-groups")]
