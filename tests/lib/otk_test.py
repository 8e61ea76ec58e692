"""What an end-to-end test needs: a whole installation in a folder, and checks that are counted.

    from otk_test import Deployment, check, run

    def a_ticket_tells_its_due_times():
        with Deployment(clock="2026-03-02T09:00:00Z") as otk:
            ticket = otk.as_("requester").json("ticket", "create", "--title", "No light")
            otk.clock.advance("20m")
            check(otk.value("SELECT count(*) FROM event") == "3", "three events")

    run()

See tests/lib/README.md.
"""
import contextlib
import ctypes
import datetime
import inspect
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from cluster import APPLICATION, OWNER, ROOT, Cluster, CommandFailed, call, schema_name  # noqa: F401
from pki import PKI, Pki  # noqa: F401

EXAMPLE = ROOT / "deploy/example/installation.yaml"
DATA = Path(os.environ.get("OTKLIK_DATA", ROOT.parent / "shared/data"))
SKIPPED = 77
SHORT = "--short" in sys.argv[1:]
PRESET = os.environ.get("OTKLIK_PRESET", "dev")
# Waits are given for an idle machine and a plain build; these factors are for the others.
PATIENCE = {"asan": 6, "coverage": 3}.get(PRESET, 2)


class Failed(AssertionError):
    """A check did not hold."""


class Skip(Exception):
    """The test cannot say anything here, such as without its data."""


_counts = {"checks": 0}


def check(condition, what, *details):
    """Counts a check; ends the test when it does not hold."""
    _counts["checks"] += 1
    if not condition:
        raise Failed(": ".join([what, *map(repr, details)]))


def check_equal(found, expected, what):
    check(found == expected, f"{what}: found {found!r}, expected {expected!r}")


def eventually(probe, what, timeout=10):
    """Polls until `probe()` is true; its value. A check; AssertionErrors of it mean not yet."""
    deadline = time.monotonic() + timeout * PATIENCE
    last = None
    while True:
        try:
            value = probe()
            if value:
                _counts["checks"] += 1
                return value
        except (AssertionError, LookupError, OSError) as error:
            last = error
        if time.monotonic() > deadline:
            raise Failed(f"not within {timeout * PATIENCE} s: {what}" + (f" ({last})" if last else ""))
        time.sleep(0.02)


def data_file(name):
    """A file of the shared test data; skips the test where it is absent."""
    path = DATA / name
    if not path.exists():
        raise Skip(f"{name} is absent (looked in {DATA}; OTKLIK_DATA says where)")
    return path


def build(preset):
    """Builds what changed, installing what is missing; for a test that is run by hand."""
    subprocess.run(["bash", "-c", '. "$0/deploy/lib/common.sh" && packages_install build run test '
                    '&& build_preset "$1"', ROOT, preset], check=True, stdout=sys.stderr.fileno())


def binary(name):
    folder = os.environ.get("OTKLIK_BIN", ROOT / "build/dev/bin")
    path = Path(folder) / name
    if not path.exists():
        raise Failed(f"{path} was not built")
    return path


# Ports between the well-known ones and those that the kernel hands out (32768…), reserved by an
# abstract socket for as long as this process lives: parallel tests never pick the same.
_port_locks = []


def free_port():
    seed = os.getpid() * 7919 + len(_port_locks) * 104729
    for step in range(20000):
        port = 10000 + (seed + step) % 20000
        lock = socket.socket(socket.AF_UNIX)
        probe = socket.socket()
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            lock.bind(f"\0otklik-test-port-{port}")
            probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        finally:
            probe.close()
        _port_locks.append(lock)
        return port
    raise Failed("no free port")


def micros(when):
    """'2026-03-02T09:00:00Z', a datetime or an integer as microseconds since 1970 UTC."""
    if isinstance(when, int):
        return when
    if isinstance(when, str):
        when = datetime.datetime.fromisoformat(when.replace("Z", "+00:00"))
    return (when - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) \
        // datetime.timedelta(microseconds=1)


def instant(us):
    """Microseconds as RFC 3339 in UTC."""
    zero = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (zero + datetime.timedelta(microseconds=us)).isoformat().replace("+00:00", "Z")


def span(text):
    """'90s', '20m', '1h30m', '2d' as microseconds; an integer is taken as it is."""
    if isinstance(text, int):
        return text
    if not re.fullmatch(r"(\d+(us|ms|s|m|h|d))+", text):
        raise ValueError(text)
    unit = {"us": 1, "ms": 1000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
    return sum(int(n) * unit[u] for n, u in re.findall(r"(\d+)(us|ms|s|m|h|d)", text))


class VirtualClock:
    """The time of the server and agents, one little-endian int64 in a file that they map."""

    def __init__(self, path, start):
        self.path = path
        path.write_bytes(struct.pack("<q", micros(start)))
        path.chmod(0o666)

    def now(self):
        return struct.unpack("<q", self.path.read_bytes())[0]

    def move(self, when):
        """To an instant, never backwards."""
        to = micros(when)
        if to < self.now():
            raise ValueError("a clock does not go back")
        with open(self.path, "r+b", buffering=0) as file:
            file.write(struct.pack("<q", to))

    def advance(self, text):
        self.move(self.now() + span(text))


def process_children(pid):
    """Direct children of a process: {pid: command line}."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError, ValueError):
            stat = Path(f"/proc/{name}/stat").read_text()
            state, parent = stat.rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                line = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ")
                found[int(name)] = line.decode(errors="replace").strip()
    return found


def _die_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


class Service:
    """A program of ours in the background, with its log in a file."""

    def __init__(self, name, command, log, env=None):
        self.name, self.command, self.log = name, [str(word) for word in command], Path(log)
        self.env = env
        self.process = None

    def start(self):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, env=self.env,
                                            start_new_session=True, preexec_fn=_die_with_us)
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=20):
        """Its exit code, negative for a signal."""
        return self.process.wait(timeout * PATIENCE)

    def stop(self, timeout=20):
        """Ends it in order; its exit code. Killed, and a failed check, if it does not leave."""
        if not self.running():
            return self.process.returncode if self.process else 0
        self.process.terminate()
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not stop within {timeout * PATIENCE} s") from None

    def kill(self):
        """SIGKILL to it and to its children, as a crash of the host would."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def children(self, role=None):
        """Pids of its children, all or those of one --role."""
        return sorted(pid for pid, line in process_children(self.pid).items()
                      if role is None or f"--role={role}" in line)

    def kill_child(self, role=None):
        """SIGKILL to one child; its pid, or None where there is none just now."""
        for pid in self.children(role):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return pid
        return None

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Cli:
    """`otklik` as one person."""

    def __init__(self, deployment, profile):
        self.deployment, self.profile = deployment, profile

    def command(self, *words):
        return [binary("otklik"), "--profile", self.profile, *words]

    def run(self, *words, expect=0, stdin=None, timeout=60):
        """Standard output as text."""
        return call(*self.command(*words), expect=expect, stdin=stdin, timeout=timeout * PATIENCE,
                    env=self.deployment.environment)

    def json(self, *words, **options):
        """What the command answers with --format json."""
        return json.loads(self.run("--format", "json", *words, **options))

    def fails(self, *words, stdin=None):
        """Runs what must be refused; what it says on standard error."""
        done = subprocess.run([str(w) for w in self.command(*words)], input=stdin, text=True,
                              capture_output=True, env=self.deployment.environment,
                              timeout=60 * PATIENCE,
                              stdin=None if stdin is not None else subprocess.DEVNULL)
        check(0 < done.returncode < 126, f"otklik {' '.join(map(str, words))} is refused",
              done.returncode, done.stdout, done.stderr)
        check(done.stderr.strip() != "", "a refusal says why")
        return done.stderr

    def background(self, *words, log=None):
        """A command that stays, such as `watch`; its log is its output."""
        log = log or self.deployment.folder / f"{self.profile}-{words[0]}-{time.monotonic_ns()}.log"
        service = Service(words[0], self.command(*words), log, self.deployment.environment)
        self.deployment.services.append(service)
        return service.start()


class Deployment:
    """PKI, cluster, migrated database, server and installation, all in one folder.

    clock        None: the real one; else the instant at which the virtual one starts
    masters      servers on the one database, each with its own port: `servers`
    api, jobs    processes of each
    installation a file to apply, None for none
    people       profiles made besides the administrator's; default: those of the file
    fsync        on: what PostgreSQL said is durable survives a power cut
    settings     more lines for otklikd.conf: {name: value}
    """

    name = "demo"
    admin_code = "admin"

    def __init__(self, clock=None, masters=1, api=1, jobs=1, installation=EXAMPLE, people=None,
                 fsync=False, settings=None, postgres=None, start=True):
        base = Path(os.environ["OTKLIK_TEST_DIR"])
        self.folder = Path(tempfile.mkdtemp(prefix="d", dir=base))
        self.folder.chmod(0o755)
        self.pki = self.folder / "pki"
        self.certificates = Pki(self.pki, self.name)
        self.services = []
        self.settings = dict(settings or {})
        self.api, self.jobs, self.fsync = api, jobs, fsync
        self.masters, self.installation, self.people = masters, installation, people
        self.postgres_settings = postgres
        self.start_at_once = start
        self.servers = []
        self.agents = {}
        self.environment = {**os.environ, "HOME": str(self.folder),
                            "OTKLIK_CONFIG_DIR": str(self.folder / "config")}
        self.clock = VirtualClock(self.folder / "clock", clock) if clock is not None else None

    # --- life

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, _error, _trace):
        try:
            if kind is None:
                self.check_healthy()
        finally:
            self.close()

    def make(self):
        self.certificates.ca()
        self.certificates.server()
        self.cluster = Cluster(self.folder / "pg", self.fsync, self.postgres_settings,
                               schema_name())
        self.ports = [free_port() for _ in range(self.masters)]
        self.profile(self.admin_code)
        configs = [self.write_config(i) for i in range(self.masters)]
        call(binary("otklikd"), "migrate", "--config", configs[0])
        self.cluster.keep_schema()
        for index, config in enumerate(configs):
            self.servers.append(Service(f"otklikd{index}",
                                        [binary("otklikd"), "run", "--config", config],
                                        self.folder / f"otklikd{index}.log"))
        self.services += self.servers
        if not self.start_at_once:
            return
        for server in self.servers:
            server.start()
        self.wait_ready()
        if self.installation is not None:
            self.apply(self.installation)
            for person in self.people or people_of(self.installation):
                self.profile(person)

    def wait_ready(self, index=None):
        """Until the servers answer (the one, or all)."""
        for i in range(self.masters) if index is None else [index]:
            self.profile(f"{self.admin_code}-{i}", self.admin_code, self.ports[i])
            admin = Cli(self, f"{self.admin_code}-{i}")

            def answers(server=self.servers[i], admin=admin):
                if not server.running():
                    raise Failed(f"{server.name} ended: {server.log_text()[-2000:]}")
                return admin.json("server", "status")

            eventually(answers, f"{self.servers[i].name} answers", 15)

    def check_healthy(self):
        """No process of ours crashed by itself: the kernel's and the sanitizers' words for it."""
        for service in self.services:
            found = re.search(r"^.*(AddressSanitizer|LeakSanitizer|runtime error:|Assertion .* failed).*$",
                              service.log_text(), re.M)
            check(found is None, f"{service.name} is sound", found and found.group(0))

    def close(self):
        for service in reversed(self.services):
            with contextlib.suppress(Exception):
                service.stop(5)
        if hasattr(self, "cluster"):
            with contextlib.suppress(Exception):
                self.cluster.stop()

    # --- files

    def fill(self, template, target, **values):
        """A settings file from deploy/ with its @NAMES@ filled in."""
        values = {"PKI": self.pki, "INSTALLATION": self.name, **values}
        text = (ROOT / "deploy" / template).read_text()
        text = re.sub(r"@([A-Z]+)@", lambda found: str(values[found.group(1)]),
                      "\n".join(line for line in text.splitlines() if not line.startswith("#")))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + "\n")
        return target

    def write_config(self, index):
        run = self.folder / f"run{index}"
        run.mkdir(exist_ok=True)
        path = self.fill(
            "otklikd.conf", self.folder / f"otklikd{index}.conf", API=self.api, RUN=run,
            USER="root" if os.geteuid() == 0 else "", SOCKET=self.cluster.socket,
            LISTEN=f"127.0.0.1:{self.ports[index]}", CLOCK=self.clock_name)
        changes = {"jobs_processes": self.jobs, "log_level": "debug", **self.settings}
        lines = [line for line in path.read_text().splitlines()
                 if line.partition("=")[0].strip() not in changes]
        path.write_text("\n".join([*lines, *(f"{k} = {v}" for k, v in changes.items())]) + "\n")
        return path

    @property
    def clock_name(self):
        return self.clock.path if self.clock else "real"

    def profile(self, name, person=None, port=None):
        """A certificate and a profile of the command line for a person."""
        person = person or name
        self.certificates.person(person)
        self.fill("profile.conf", self.folder / f"config/profiles/{name}.conf", PERSON=person,
                  LISTEN=f"127.0.0.1:{port or self.ports[0]}")

    # --- people and their commands

    def as_(self, person):
        """The command line of a person (a profile)."""
        return Cli(self, person)

    @property
    def admin(self):
        return Cli(self, self.admin_code)

    def apply(self, installation):
        """Applies an installation: a file, or the YAML itself when it has more than one line."""
        if isinstance(installation, str) and "\n" in installation:
            path = self.folder / f"installation-{time.monotonic_ns()}.yaml"
            path.write_text(installation)
            installation = path
        return self.admin.run("apply", "-f", installation)

    # --- the database

    def psql(self, *args, **options):
        return self.cluster.psql(*args, **options)

    def rows(self, text, **options):
        return self.cluster.rows(text, **options)

    def value(self, text, **options):
        return self.cluster.value(text, **options)

    # --- agents

    def agent(self, code, checks="checks: []", settings=None, port=None, start=True):
        """A site's agent; `checks` is its YAML file of checks."""
        state = self.folder / f"agent-{code}"
        state.mkdir(exist_ok=True)
        self.certificates.agent(code)
        path = self.fill("agent.conf", state / "agent.conf", AGENT=code, STATE=state,
                         SOCKET=state / "sock", CHECKS=state / "checks.yaml", CLOCK=self.clock_name,
                         LISTEN=f"127.0.0.1:{port or self.ports[0]}")
        changes = settings or {}
        lines = [line for line in path.read_text().splitlines()
                 if line.partition("=")[0].strip() not in changes]
        path.write_text("\n".join([*lines, *(f"{k} = {v}" for k, v in changes.items())]) + "\n")
        (state / "checks.yaml").write_text(checks)
        service = Service(f"agent {code}", [binary("otklik-agent"), "run", "--config", path],
                          self.folder / f"agent-{code}.log", self.environment)
        service.config = path
        self.agents[code] = service
        self.services.append(service)
        return service.start() if start else service

    def agent_report(self, code, *words, **options):
        """`otklik-agent report` of a person on site."""
        return call(binary("otklik-agent"), "report", "--config", self.agents[code].config, *words,
                    env=self.environment, **options)


def people_of(installation):
    """Codes under `people:` of an installation file, without a YAML library."""
    text = installation if "\n" in str(installation) else Path(installation).read_text()
    section = re.search(r"^people:\n((?:[ \t-].*\n|\s*\n|#.*\n)+)", text + "\n", re.M)
    return re.findall(r"^\s*-\s*\{?\s*code:\s*([a-z0-9._-]+)", section.group(1), re.M) if section else []


# --- running a file of tests

def _tests_of(module):
    return [(name, value) for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == "__main__"
            and not name.startswith("_") and not inspect.signature(value).parameters]


def run(figure=None):
    """Runs every parameterless function of the calling file whose name has no leading "_", in
    their order; prints how many checks passed, or `figure()` in its place as the last line."""
    if "OTKLIK_TEST_DIR" not in os.environ:
        _run_alone()
    failed = skipped = 0
    for name, test in _tests_of(sys.modules["__main__"]):
        started = time.monotonic()
        words = name.replace("_", " ")
        try:
            test()
            print(f"ok   {words} ({time.monotonic() - started:.1f} s)", flush=True)
        except Skip as reason:
            skipped += 1
            print(f"skip {words}: {reason}", flush=True)
        except BaseException as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {words}: {error}", flush=True)
            if not isinstance(error, (Failed, CommandFailed)):
                traceback.print_exc()
            else:
                frame = traceback.extract_tb(error.__traceback__)
                print("     at " + ", ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frame))
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                break
    sys.stdout.flush()
    if failed:
        sys.exit(1)
    # A figure of half a test is none.
    if skipped and (figure is not None or not _counts["checks"]):
        sys.exit(SKIPPED)
    print(f"{_counts['checks']} checks passed" if figure is None else figure())
    sys.exit(0)


def _run_alone():
    """By hand, without the runner: in a folder of its own, under the same supervisor."""
    preset = os.environ.get("OTKLIK_PRESET")
    if preset is None:
        # What is measured is measured as it is installed.
        preset = "release" if "acceptance" in sys.argv[0] and not SHORT else "dev"
    if "OTKLIK_BIN" not in os.environ:
        build(preset)
    folder = tempfile.mkdtemp(prefix="otk-", dir="/tmp")
    os.chmod(folder, 0o711)
    env = {"OTKLIK_BIN": str(ROOT / f"build/{preset}/bin"), **os.environ,
           "OTKLIK_PRESET": preset, "OTKLIK_TEST_DIR": folder}
    try:
        code = subprocess.call([sys.executable, str(ROOT / "tests/lib/supervise.py"), "3600",
                                folder, "-", sys.executable, *sys.argv], env=env)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)
