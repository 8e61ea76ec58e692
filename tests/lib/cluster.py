"""A private PostgreSQL cluster for a test, and psql on it."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PG_CLUSTER = ROOT / "deploy/pg_cluster"
TEMPLATES = ROOT / "build/pg-template"
# The program itself: Debian's `psql` is a script that spends ten times its time on finding it.
PSQL = next((path for version in range(15, 20)
             if (path := Path(f"/usr/lib/postgresql/{version}/bin/psql")).exists()), "psql")
UNUSED_S = 7 * 86400
OWNER, APPLICATION = "postgres", "otklik_app"


class CommandFailed(AssertionError):
    """A program ended with another exit code than the test asked for."""


def call(*command, expect=0, env=None, stdin=None, timeout=60):
    """Runs a program to its end; its standard output. `expect=None` takes any exit code."""
    done = subprocess.run([str(word) for word in command], env=env, input=stdin, text=True,
                          stdin=None if stdin is not None else subprocess.DEVNULL,
                          capture_output=True, timeout=timeout)
    if expect is not None and done.returncode != expect:
        raise CommandFailed(f"{' '.join(map(str, command))}: exit {done.returncode}, expected "
                            f"{expect}\n{done.stdout}{done.stderr}")
    return done.stdout


def migrations():
    """The files of the schema, in their order."""
    return sorted((ROOT / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def schema_name():
    """A name for a database as `otklikd migrate` leaves it: another whenever what makes it is
    another. None where the programs of PostgreSQL are not at their usual place."""
    if PSQL == "psql":
        return None
    made_by = [PG_CLUSTER, ROOT / "server/db/migrate.c", *migrations()]
    version = str(PSQL.with_name("postgres").stat().st_mtime_ns).encode()
    return "schema-" + sha256(version, *(sha256(path.read_bytes()).encode() for path in made_by))[:16]


class Cluster:
    """A cluster in `folder` with a database `otklik`. Data are lost at a power cut unless
    `fsync`; a kill -9 of PostgreSQL loses nothing either way. The database is empty, or as it
    was when a cluster was kept under the name `kept`, where one was."""

    def __init__(self, folder, fsync=False, settings=None, kept=None):
        self.folder = Path(folder)
        self.kept = kept
        self.socket = self.folder / "sock"
        options = ["--fsync", "on" if fsync else "off"]
        for name, value in (settings or {}).items():
            options += ["--set", f"{name}={value}"]
        TEMPLATES.mkdir(parents=True, exist_ok=True)
        # The first test of a fresh tree makes the template, the others wait for it.
        with open(TEMPLATES / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            template = TEMPLATES / kept if kept else TEMPLATES
            self.is_copy = kept is not None and template.exists()
            if self.is_copy:
                os.utime(template)
            call(PG_CLUSTER, "create", self.folder, "--template",
                 template if self.is_copy else TEMPLATES, *options)
        self.start()
        if not self.is_copy:
            self.psql("CREATE DATABASE otklik", database="postgres")

    def keep_schema(self):
        """What is in it now is what later clusters of the same `kept` begin with, if it is the
        schema of these very files and not that of a program built from others."""
        if self.kept is None or self.is_copy:
            return
        applied = self.psql("SELECT sha256 FROM schema_migration ORDER BY number").split()
        if applied != [sha256(path.read_bytes()) for path in migrations()]:
            return
        self.stop()
        with open(TEMPLATES / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            call(PG_CLUSTER, "keep", self.folder, TEMPLATES / self.kept)
            for other in TEMPLATES.glob("schema-*"):
                if time.time() - other.stat().st_mtime > UNUSED_S:
                    shutil.rmtree(other)
        self.start()

    def start(self):
        call(PG_CLUSTER, "start", self.folder)

    def stop(self):
        """Ends it in order: sessions are told."""
        call(PG_CLUSTER, "stop", self.folder)

    def kill(self):
        """Ends it by SIGKILL; the next start recovers from the WAL."""
        call(PG_CLUSTER, "kill", self.folder)

    def destroy(self):
        call(PG_CLUSTER, "destroy", self.folder)

    def conninfo(self, user=OWNER, database="otklik"):
        return f"host={self.socket} dbname={database} user={user}"

    def environment(self, user=OWNER, database="otklik"):
        return {**os.environ, "PGHOST": str(self.socket), "PGUSER": user, "PGDATABASE": database,
                "PGCONNECT_TIMEOUT": "10"}

    def psql(self, text=None, *options, file=None, user=OWNER, database="otklik", expect=0):
        """Runs SQL; what psql prints, unaligned and without headers."""
        command = [PSQL, "-XqAt", "-v", "ON_ERROR_STOP=1", *options]
        command += ["-f", str(file)] if file else ["-c", text]
        return call(*command, env=self.environment(user, database), expect=expect, timeout=300)

    def rows(self, text, user=OWNER):
        """A query's rows as lists of texts; NULL is None. Values may hold anything but \\x1e/\\x1f."""
        out = self.psql(text, "-F", "\x1f", "-R", "\x1e", "-P", "null=\x1d", user=user)
        if not out:
            return []
        out = out.removesuffix("\n")
        return [[None if value == "\x1d" else value for value in row.split("\x1f")]
                for row in out.split("\x1e")]

    def value(self, text, user=OWNER):
        """The single value of a query, as text; None for NULL or no row."""
        rows = self.rows(text, user)
        return rows[0][0] if rows else None

    def migrate(self):
        """The schema as `otklikd migrate` makes it, without needing otklikd to be built."""
        for path in migrations():
            whole = "-- no-transaction" not in path.read_text().splitlines()
            self.psql(None, *(["-1"] if whole else []), file=path)
