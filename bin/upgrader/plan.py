"""What an upgrade does to each file of a project, decided before anything is written."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from pathlib import Path

from .project import Project, merged, write_all
from .template import MANIFEST, Manifest, Template, git

MIGRATION = re.compile(r"(.+)/migrations/[^/]+\.py")
REQUIREMENTS = "pyproject.toml"
LOCK = re.compile(r"requirements[^/]*\.txt|uv\.lock")
MOVED_SIMILARITY = "70%"
NO_TEXT = 255


class Plan:
    """The upgrade of a project to a new version of the template; `done` has the paths by what is done."""

    def __init__(self, project: Project, old: Manifest, new: Template, bases: list) -> None:
        self.project, self.old, self.new, self.bases = project, old, new, bases
        self.writes: dict[str, bytes] = {}
        self.deletions: list[str] = []
        self.done: dict[str, list[str]] = defaultdict(list)
        self.formatted: dict[str, tuple[bytes, bytes]] = {}

    def make(self) -> None:
        """Decide about all files. `UpgradeError` says what is in the way."""
        moves = self.find_moves()
        targets = {path: path if path in self.new.ids else moves.get(path) for path in self.old.ids}
        stale = {a: b for a, b in sorted(targets.items()) if a != b or self.old.ids[a] != self.new.ids[b]}
        self.format(stale)
        for path, target in stale.items():
            self.change(path, target)
        for path in sorted(self.new.ids.keys() - set(targets.values())):
            self.add(path)
        for path, content in self.writes.items():
            self.project.check_free(path, content)
        self.find_migrations()
        known = {item for items in self.old.by_hand.values() for item in items}
        self.done["by hand"] = [i for items in self.new.by_hand.values() for i in items if i not in known]

    def change(self, path: str, target: str | None) -> None:
        """Take a file to the new version: replace, move, delete or merge it."""
        ours = self.project.read(path)
        if ours is None or MIGRATION.fullmatch(path):
            return
        if target not in (path, None) and self.project.read(target):
            self.done["taken"].append(target)
        elif self.is_unchanged(path, ours):
            self.put("replaced", path, target, self.theirs(path, target, ours))
        elif not target:
            self.done["kept"].append(path)
        elif self.old.ids[path] == self.new.ids[target]:
            self.put("moved", path, target, ours)
        else:
            self.merge(path, target, ours)

    def is_unchanged(self, path: str, ours: bytes) -> bool:
        """Return whether the team has left a file as it was, or as `black` has left it."""
        if self.project.source_id(path, ours) == self.old.ids[path]:
            return True
        return ours in (self.formatted[path][0] if path in self.formatted else None, self.base(path))

    def theirs(self, path: str, target: str | None, ours: bytes) -> bytes:
        """Return the new version of a file, formatted as ours is."""
        before, after = self.formatted.get(path, (None, b""))
        return after if ours == before or not target else self.new.read(target)

    def merge(self, path: str, target: str, ours: bytes) -> None:
        """Merge what the team and the template have changed; of two formats take the one with fewer conflicts."""
        base = self.base(path)
        if base is None:
            self.done["unmerged"].append(path)
            return
        pairs = [(base, self.new.read(target)), *([self.formatted[path]] if path in self.formatted else [])]
        labels = ["yours", f"template {self.old.version}", f"template {self.new.version}"]
        conflicts, content = min(merged(ours, old, new, labels) for old, new in pairs)
        if conflicts >= NO_TEXT or (conflicts and LOCK.fullmatch(path)):
            self.done["unmerged"].append(path)
        else:
            self.put("conflicts" if conflicts else "merged", path, target, content)

    def put(self, how: str, path: str, target: str | None, content: bytes) -> None:
        """Note a file's new content and place."""
        if path != target:
            self.deletions.append(path)
            how = ("moved" if target else "deleted") if how == "replaced" else how
        if target:
            self.writes[target] = content
        self.done[how].append(target or path)

    def add(self, path: str) -> None:
        """Add a file that is new in the template, unless the team has deleted all that was in its folder."""
        theirs, ours = self.new.read(path), self.project.read(path)
        if ours is None and not self.is_in_deleted_folder(path):
            self.writes[path] = theirs
            self.done["added"].append(path)
        elif ours not in (None, theirs):
            self.done["taken"].append(path)

    def is_in_deleted_folder(self, path: str) -> bool:
        """Return whether the project has nothing of a folder that the old version had."""
        folders = [f"{parent.as_posix()}/" for parent in Path(path).parents[:-1]]
        old = [folder for folder in folders if any(known.startswith(folder) for known in self.old.ids)]
        return any(not any(ours.startswith(folder) for ours in self.project.paths) for folder in old)

    def base(self, path: str) -> bytes | None:
        """Return the old version of a file, from the first source that has it."""
        contents = (source.old_content(path, self.old.ids[path]) for source in self.bases)
        return next((content for content in contents if content is not None), None)

    def format(self, targets: dict[str, str | None]) -> None:
        """Format both versions of the Python files that differ from the old version, if there is `black`."""
        changed = [path for path in targets if path.endswith(".py") and self.project.read(path)]
        changed = [path for path in changed if not self.is_unchanged(path, self.project.read(path))]
        old = {path: base for path in changed if (base := self.base(path)) is not None}
        new = self.project.blacked({path: self.new.read(targets[path]) for path in old if targets[path]})
        self.formatted = {path: (text, new.get(path, b"")) for path, text in self.project.blacked(old).items()}

    def find_moves(self) -> dict[str, str]:
        """Return where the template has moved files, by git's measure of similarity."""
        gone = [path for path in self.old.ids if path not in self.new.ids and not MIGRATION.fullmatch(path)]
        come = [path for path in self.new.ids if path not in self.old.ids]
        contents = {path: self.base(path) or self.project.read(path) for path in gone}
        with tempfile.TemporaryDirectory() as folder:
            write_all(Path(folder, "old"), {path: content for path, content in contents.items() if content})
            write_all(Path(folder, "new"), {path: self.new.read(path) for path in come})
            command = ["diff", "--no-index", "--name-status", "-z", "-l0", "--diff-filter=R"]
            command += [f"--find-renames={MOVED_SIMILARITY}", "old", "new"]
            names = git(Path(folder), *command, allowed=(0, 1)).decode().split("\0")
        found = {old[4:]: new[4:] for old, new in zip(names[1::3], names[2::3], strict=True)}
        # Of a file that the team has deleted only the content says where it is now.
        return {a: b for a, b in found.items() if self.project.read(a) or self.old.ids[a] == self.new.ids[b]}

    def find_migrations(self) -> None:
        """Note the apps for which the team has migrations and the template new ones."""
        apps = [
            {found[1] for path in paths if (found := MIGRATION.fullmatch(path))}
            for paths in (self.project.paths - self.old.ids.keys(), self.done["added"])
        ]
        self.done["migrations"] = sorted(apps[0] & apps[1])

    def needs_locking(self) -> bool:
        """Return whether the locks are no longer those of the template, or do not fit `pyproject.toml`."""
        locks = [path for path in self.old.ids | self.new.ids if LOCK.fullmatch(path)]
        if any(path in self.done["merged"] + self.done["unmerged"] for path in locks):
            return True
        ours = self.writes.get(REQUIREMENTS, self.project.read(REQUIREMENTS))
        return ours != self.new.read(REQUIREMENTS) and any(path in self.writes for path in [REQUIREMENTS, *locks])

    def apply(self) -> None:
        """Write the files, make the locks again, and write the manifest last."""
        for path, content in self.writes.items():
            self.project.write(path, content, executable=self.new.is_executable(path))
        for path in self.deletions:
            self.project.delete(path)
        if self.needs_locking() and (REQUIREMENTS in self.done["conflicts"] or not self.project.lock()):
            self.done["locks"].append("make lock")
        self.project.write(MANIFEST, (self.new.folder / MANIFEST).read_bytes())
