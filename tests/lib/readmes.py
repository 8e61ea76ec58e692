#!/usr/bin/python3
"""Checks that the README.md of a folder names each file of the folder, and none that is not there.
Usage: readmes.py; prints what is wrong, exits 1 if anything is.

A table whose first column is headed `file` names files in its first column: `calendar` stands for
calendar.c, calendar.h and so on, `installation_text`, `_diff` also for installation_diff.c."""
import fnmatch
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Files that are known by their pattern, which their README tells.
SERIES = {
    "deploy/man": "*",
    "migrations": "[0-9][0-9][0-9][0-9]_*.sql",
    "proto/otklik/v1": "*.proto",
    "server/sql": "*.sql",
    "tests/acceptance": "*",
    "tests/bench": "*",
    "tests/db": "*_test.*",
    "tests/e2e": "*_test.*",
    "tests/fuzz/corpus": "*",
    "tests/unit": "*",
}
EVERYWHERE = {"README.md", "CMakeLists.txt", "CMakePresets.json", ".clang-format", ".clang-tidy", ".gitignore"}


def in_series(path):
    return any(str(path).startswith(folder + "/") and fnmatch.fnmatch(path.name, pattern)
               for folder, pattern in SERIES.items())


def readme_of(path):
    """The nearest one above a file."""
    for folder in path.parents:
        if (ROOT / folder / "README.md").exists():
            return folder / "README.md"
    return None


def names_in(cell):
    """What the code words of a table's cell stand for."""
    names = []
    for word in re.findall(r"`([^`]+)`", cell):
        word = word.replace("{h,c}", "").rstrip(".")
        if word[0] in "_…":
            word = word.lstrip("…")
            names += [base + word for name in names for base in (name, name.rpartition("_")[0])]
        else:
            names.append(word)
    return names


def rows_of_files(text):
    """First cells of the tables that list files."""
    listing = False
    for line in text.splitlines():
        if not line.startswith("|"):
            listing = False
        elif re.match(r"\| *files? *\|", line):
            listing = True
        elif listing and not re.match(r"\|[-| ]+\|$", line):
            yield line.split("|")[1]


def main():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, text=True,
                           capture_output=True).stdout.splitlines()
    files = [Path(name) for name in files if (ROOT / name).exists()]
    wrong = []
    for path in files:
        if path.name in EVERYWHERE or in_series(path):
            continue
        readme = readme_of(path)
        text = (ROOT / readme).read_text() if readme else ""
        named = {name for cell in rows_of_files(text) for name in names_in(cell)}
        stem = path.name.split(".")[0]
        if not ({stem, path.name} & named or re.search(rf"(?<![\w-]){re.escape(path.name)}(?![\w-])", text)
                or re.search(rf"`[^`]*(?<![\w-]){re.escape(stem)}(?![\w-])[^`]*`", text)):
            wrong.append(f"{path} is not named in {readme}")
    for readme in (path for path in files if path.name == "README.md"):
        for cell in rows_of_files((ROOT / readme).read_text()):
            for word in re.findall(r"`([a-z0-9][a-z0-9_.-]*)`", cell):
                if not any((ROOT / readme.parent).glob(f"{word}*")):
                    wrong.append(f"{readme} names {word}, which is not there")
    print("\n".join(wrong) or f"{len(files)} files are named by the README of their folder")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
