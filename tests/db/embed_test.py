#!/usr/bin/python3
"""The generator that embeds SQL: what it takes, and how it refuses what would go wrong later."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import ROOT, check, check_equal, run  # noqa: E402

EMBED = ROOT / "server/sql/embed.py"


def embed(*files, kind="statements"):
    """Runs it on (name, text) files: exit code, messages, header, source."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("OTKLIK_TEST_DIR")) as folder:
        paths = [Path(folder) / name for name, _ in files]
        for path, (_, text) in zip(paths, files):
            path.write_text(text)
        header, source = Path(folder) / "out.h", Path(folder) / "out.c"
        head = ["sql", str(header), str(source)] if kind == "statements" else [str(source)]
        done = subprocess.run([EMBED, kind, *head, *map(str, paths)], text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            return done.returncode, done.stderr, "", ""
        text = header.read_text() if header.exists() else ""
        return 0, "", text, source.read_text()


def refused(what, *files, kind="statements"):
    code, message, _, _ = embed(*files, kind=kind)
    check(code != 0 and what in message, f"refused: {what}", message)


def statements_get_ids_and_counted_parameters():
    code, _, header, source = embed(
        ("b.sql", "-- About b.\n-- name: b_get\nSELECT $1, '$9 ; --', \"$8\" -- $7 ;\n"
                  "  /* $6 ; */, $t$ $5 ; $t$, $2;\n\n-- Of c.\n-- name: c_get\nSELECT 1\n"),
        ("a.sql", "-- name: a_get\n\nSELECT \"x\\y\";\n"))
    check_equal(code, 0, "exit code")
    check_equal(re.findall(r"^\tSQL_(\w+)", header, re.M),
                ["A_GET", "B_GET", "C_GET", "STATEMENT_COUNT"], "ids in order of file and name")
    check_equal(re.findall(r"^\t(\d+)\},$", source, re.M), ["0", "2", "0"], "parameters")
    check("Of c" not in source and "About b" not in source, "comments around stay out")
    check('\\"x\\\\y\\"' in source, "quotes and backslashes are escaped")


def what_would_go_wrong_later_is_refused_with_its_place():
    refused("b.sql:1: statement x is also in", ("a.sql", "-- name: x\nSELECT 1"),
            ("b.sql", "-- name: x\nSELECT 2"))
    refused("holds a second one", ("a.sql", "-- name: x\nSELECT 1; SELECT 2"))
    refused("has no $2", ("a.sql", "-- name: x\nSELECT $1, $3"))
    refused("is empty", ("a.sql", "-- name: x\n-- nothing\n-- name: y\nSELECT 1"))
    refused("is not a name", ("a.sql", "-- name: Ticket-Get\nSELECT 1"))
    refused("a.sql:2: SQL before", ("a.sql", "\nSELECT 1;\n-- name: x\nSELECT 1"))


def migrations_are_ordered_and_checked():
    code, _, _, source = embed(("0002_b.sql", "ш"), ("0001_a.sql", "A;\n"), kind="migrations")
    check_equal(code, 0, "exit code")
    check(source.index("0001_a") < source.index("0002_b"), "ascending")
    check("migration_count = 2" in source, "counted")
    check("\t2}," in source, "length in bytes")
    refused("number 0001 is taken", ("0001_a.sql", ""), ("0001_b.sql", ""), kind="migrations")
    refused("number 0000 is not used", ("0000_a.sql", ""), kind="migrations")
    refused("is named NNNN_verb_noun.sql", ("1_a.sql", ""), kind="migrations")


if __name__ == "__main__":
    run()
