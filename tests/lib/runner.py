#!/usr/bin/python3
"""Finds the tests, runs them in parallel, each in a folder of its own, and says how it went."""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SUPERVISE = ROOT / "tests/lib/supervise.py"
PGTAP = ROOT / "tests/lib/pgtap.py"
SKIPPED = 77
NESTED = "OTKLIK_NESTED" in os.environ

# Seconds that a test of a class may take; sanitizers and coverage take longer. A test's own
# "time-limit: N" within its first 20 lines comes before these.
LIMITS = {"unit": 60, "db": 60, "e2e": 90, "conformance": 90, "acceptance": 120}
SLOWER = {"asan": 4, "coverage": 2}
FULL_LIMIT = 3600
# What the short form of a test should take on an idle machine.
SHORT_FORM = 15

HELP = """examples:
  tests/run                        everything, in its short form
  tests/run unit                   one class: unit, db, e2e, conformance, acceptance
  tests/run frame_test e2e/watch   tests by name or by the beginning of one
  tests/run --preset asan unit e2e
  tests/run --coverage             line coverage of everything that ran
  tests/run --full acceptance      the long forms
"""


class Test:
    """One test: how to run it, and how to see that it really ran."""

    def __init__(self, kind, name, path, command=None, problem=None):
        self.kind, self.name, self.path = kind, name, path
        self.command = command or [str(path)]
        self.problem = problem
        head = self.head()
        limit = re.search(r"\btime-limit: (\d+)", head)
        self.limit = int(limit.group(1)) if limit else None
        self.alone = re.search(r"^\W*alone: yes", head, re.M) is not None

    @property
    def id(self):
        return f"{self.kind}/{self.name}"

    def head(self):
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                return "".join(line for _, line in zip(range(20), file))
        except OSError:
            return ""

    def matches(self, wanted):
        wanted = wanted.removeprefix("tests/").rstrip("/")
        if wanted in (self.kind, self.id, self.name):
            return True
        if any(c in wanted for c in "*?["):
            return fnmatch.fnmatch(self.id, wanted) or fnmatch.fnmatch(self.name, wanted)
        return self.id.startswith(wanted) or self.name.startswith(wanted)


def script_test(kind, name, path, command=None):
    problem = None
    if command is None and not path.stat().st_mode & stat.S_IXUSR:
        problem = f"{path.relative_to(ROOT)} is not executable"
    return Test(kind, name, path, command, problem)


def unit_tests(build):
    """Every tests/unit/*_test.c, and whatever else CTest knows."""
    known = {}
    if build is not None:
        shown = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True,
                               capture_output=True, text=True).stdout
        for entry in json.loads(shown)["tests"]:
            known[entry["name"]] = entry.get("command")
    sources = {path.stem: path for path in (ROOT / "tests/unit").glob("*_test.c")}
    for name in sorted(known.keys() | sources.keys()):
        path = sources.get(name, ROOT / "tests/unit")
        command, problem = known.get(name), None
        if build is not None and not command:
            problem = "no list in tests/unit/*.cmake registers it"
        yield Test("unit", name, path, command or ["false"], problem)


def all_tests(build, full):
    yield from unit_tests(build)
    for path in sorted((ROOT / "tests/db").glob("*_test.sql")):
        yield script_test("db", path.stem, path, [str(PGTAP), str(path)])
    for kind in ("db", "e2e", "conformance"):
        for path in sorted((ROOT / "tests" / kind).glob("*_test.*")):
            if path.suffix in (".py", ".sh"):
                yield script_test(kind, path.stem, path)
    for path in sorted((ROOT / "tests/acceptance").glob("*/[0-9][0-9]-*")):
        name = f"{path.parent.name}/{path.name}"
        test = script_test("acceptance", name, path)
        test.command = [str(path)] if full else [str(path), "--short"]
        yield test


def checks_in(kind, output):
    """How many checks the output proves to have run; 0 if it proves none."""
    if kind == "unit":
        found = re.findall(r"\[  PASSED  \] (\d+) test", output)
        return sum(map(int, found))
    if re.search(r"^1\.\.\d+$", output, re.M):
        plan = int(re.findall(r"^1\.\.(\d+)$", output, re.M)[-1])
        good = len(re.findall(r"^ok\b", output, re.M))
        return good if good == plan and not re.search(r"^not ok\b", output, re.M) else 0
    if kind == "acceptance":
        # Its last line is its figure; a line without a digit is none.
        lines = [line for line in output.splitlines() if line.strip()]
        return 1 if lines and re.search(r"\d", lines[-1]) else 0
    found = re.findall(r"^(\d+) checks? passed|^Ran (\d+) test", output, re.M)
    return sum(int(a or b) for a, b in found)


def worth_showing(output):
    """Of a failed test: the end of its own words (the logs of its services, which follow them, stay
    in the file), and last the checks that failed, so that whoever reads only the end sees them."""
    lines = output.split("\n--- ")[0].splitlines()
    failures = []
    for place, line in enumerate(lines):
        if re.match(r"FAIL |not ok |\[  FAILED  \] |\[   ERROR  \] ", line):
            where = [n for n in lines[place + 1:place + 2] if n.startswith("     at ")]
            failures += [line, *where]
    shown = lines[-40:]
    return shown if failures and shown[-len(failures):] == failures else shown + failures[-20:]


class Runner:
    def __init__(self, options, tests):
        self.options, self.tests = options, tests
        self.build = ROOT / "build" / options.preset
        # A run within a test of another run must not sweep away that one's logs.
        self.logs = self.build / ("test-logs-nested" if NESTED else "test-logs")
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures = []
        self.slow = []
        self.lock = threading.Lock()
        self.running = set()
        self.stopping = False

    def environment(self, folder):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "OTKLIK_", "LC_"))}
        for name in ("OTKLIK_DATA", "OTKLIK_SERVICE_USER", "OTKLIK_NESTED"):
            if name in os.environ:
                env[name] = os.environ[name]
        env.update(
            OTKLIK_TEST_DIR=folder, OTKLIK_BIN=str(self.build / "bin"),
            OTKLIK_PRESET=self.options.preset, OTKLIK_BUILD=str(self.build),
            LANG="C.UTF-8", TZ="UTC", HOME=folder, TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1",
            ASAN_OPTIONS=f"log_path={folder}/sanitizer:detect_leaks=1:strict_string_checks=1"
                         ":detect_stack_use_after_return=1",
            UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
        return env

    def limit(self, test):
        limit = test.limit or LIMITS[test.kind]
        if self.options.full and test.kind == "acceptance":
            limit = FULL_LIMIT
        return limit * SLOWER.get(self.options.preset, 1)

    def run_one(self, test):
        if self.stopping:
            return
        if test.problem:
            self.report(test, "failed", 0, test.problem, "")
            return
        # Short, because a Unix socket's path may have 107 bytes; enterable, because
        # PostgreSQL runs as another user when we are root.
        folder = tempfile.mkdtemp(prefix="otk-", dir="/tmp")
        os.chmod(folder, 0o711)
        log = self.logs / (test.id.replace("/", "-") + ".log")
        command = [str(SUPERVISE), str(self.limit(test)), folder, str(log), *test.command]
        started = time.monotonic()
        process = subprocess.Popen(command, env=self.environment(folder), cwd=ROOT,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        with self.lock:
            self.running.add(process)
        code = process.wait()
        with self.lock:
            self.running.discard(process)
        took = time.monotonic() - started
        shutil.rmtree(folder, ignore_errors=True)
        output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        self.judge(test, code, took, output, log)

    def judge(self, test, code, took, output, log):
        lines = [line for line in output.splitlines() if line.strip()]
        checks = checks_in(test.kind, output)
        if code == SKIPPED:
            self.report(test, "skipped", took, lines[-1] if lines else "gave no reason", "")
        elif code == 0 and checks:
            what = lines[-1] if test.kind == "acceptance" else f"{checks} checks"
            self.report(test, "passed", took, what, "")
        elif code == 0:
            self.report(test, "failed", took, "it exited 0 but does not show that it ran", output)
        else:
            self.report(test, "failed", took, f"exit {code}", output)
            return
        if code in (0, SKIPPED) and checks:
            log.unlink(missing_ok=True)

    def report(self, test, outcome, took, what, output):
        word = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome]
        with self.lock:
            if self.stopping:
                return
            self.counts[outcome] += 1
            print(f"{word} {test.id}  {took:.1f} s  {what}", flush=True)
            if outcome == "failed":
                self.failures.append(test)
                for line in worth_showing(output):
                    print(f"     | {line}", flush=True)
            if outcome == "passed" and took > SHORT_FORM * SLOWER.get(self.options.preset, 1):
                self.slow.append((test.id, took))

    def stop(self, _number, _frame):
        self.stopping = True
        for process in list(self.running):
            try:
                process.terminate()
            except OSError:
                pass

    def run(self):
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.stop)
        together = [t for t in self.tests if not t.alone]
        alone = [t for t in self.tests if t.alone]
        # The long ones first, or the last of them runs while the other processors idle.
        order = {"acceptance": 0, "e2e": 1, "conformance": 2, "db": 3, "unit": 4}
        together.sort(key=lambda t: order[t.kind])
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for future in [pool.submit(self.run_one, test) for test in together]:
                future.result()
        for test in alone:
            self.run_one(test)
        return not self.failures and not self.stopping


def coverage_lines(folder):
    """Line coverage per source file: {path: (covered, lines)}; generated code is in build/."""
    out = folder / "coverage.json"
    subprocess.run(["gcovr", "--root", str(ROOT), "--object-directory", str(folder),
                    "--filter", "server/", "--filter", "client/", "--filter", "proto/",
                    "--exclude", "build/", "--exclude-unreachable-branches", "-j", str(os.cpu_count()),
                    "--gcov-ignore-parse-errors", "--json-summary", str(out),
                    "--txt", str(folder / "coverage.txt")],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    files = json.loads(out.read_text())["files"]
    return {f["filename"]: (f["line_covered"], f["line_total"]) for f in files}


def coverage_report(folder):
    lines = coverage_lines(folder)
    good = True
    for part, least in (("server/core/", 95), ("proto/wire/", 95), ("", 80)):
        found = [v for name, v in lines.items() if name.startswith(part)]
        covered, total = sum(v[0] for v in found), sum(v[1] for v in found)
        share = 100 * covered / total if total else 0
        enough = share >= least
        good = good and enough
        print(f"coverage {part or 'whole'}: {share:.1f} % of {total} lines"
              f"{'' if enough else f' (less than {least} %)'}")
    print(f"by file: {folder / 'coverage.txt'}")
    return good


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="tests/run", description="Builds otklik and runs its tests.", epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--full", action="store_true", help="long forms too")
    parser.add_argument("--preset", default="dev", choices=["dev", "asan", "coverage", "release"])
    parser.add_argument("--coverage", action="store_true",
                        help="preset coverage; fails below 95/95/80 %% when everything ran")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), metavar="N")
    options = parser.parse_args(arguments)
    if options.coverage:
        options.preset = "coverage"
    return options


def choose(options):
    build = None if options.list else ROOT / "build" / options.preset
    tests = list(all_tests(build, options.full))
    if not options.names:
        return tests
    for name in options.names:
        if not any(test.matches(name) for test in tests):
            sys.exit(f"tests/run: no test is called {name}; --list shows the names")
    return [test for test in tests if any(test.matches(name) for name in options.names)]


def main():
    options = parse(sys.argv[1:])
    tests = choose(options)
    if options.list:
        print("\n".join(test.id for test in tests))
        return 0
    build = ROOT / "build" / options.preset
    # A run within a run adds to what is counted already.
    if options.preset == "coverage" and not NESTED:
        for data in build.rglob("*.gcda"):
            data.unlink()
    started = time.monotonic()
    runner = Runner(options, tests)
    good = runner.run()
    for name, took in runner.slow if not options.full else ():
        print(f"slow: {name} took {took:.1f} s (a short form should take {SHORT_FORM})")
    if options.coverage:
        enough = coverage_report(build)
        good = good and (enough or bool(options.names))
    if runner.failures:
        print(f"logs of failures: {runner.logs}")
        print("failed: " + " ".join(test.id for test in runner.failures))
    counts = runner.counts
    if runner.stopping:
        print("interrupted")
    if counts["passed"] == 0:
        good = False
    print(f"took {time.monotonic() - started:.0f} s with {options.jobs} at a time")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
