#!/usr/bin/python3
"""Runs one test and leaves nothing of it behind: every descendant dies, daemons included.

Usage: supervise.py SECONDS FOLDER LOG COMMAND...      (LOG "-": standard output)

Becomes the reaper of its descendants, so that a process which left its parent, its group and
its session (PostgreSQL, otklikd) still ends up here. Exits as the command did; 124 after
the time limit, 1 when a sanitizer complained. The folder is removed whatever happens.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SKIPPED = 77
LOG_TAIL = 64 * 1024
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def descendants(root):
    """Processes below `root`, by one pass over /proc."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                parent = int(stat.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(int(name))
    found, queue = [], [root]
    while queue:
        for child in children.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found


def end_all():
    """Kills until nobody is left; a process that forks while dying is met in the next round."""
    for _ in range(200):
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.02)


def wait_for(child, limit):
    """The command's exit code, or 124. Reaps whatever else is handed to us meanwhile."""
    deadline = time.monotonic() + limit
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 125
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code  # as a shell says it
        if pid:
            continue
        if time.monotonic() > deadline:
            return 124
        time.sleep(0.01)


def sanitizer_reports(folder):
    """What ASan and UBSan wrote, in whatever process; such a test has failed."""
    return [path for path in Path(folder).glob("sanitizer.*") if path.stat().st_size]


def append_logs(folder, out):
    """The ends of the logs that the services wrote below the folder, for who reads a failure."""
    logs = sorted(path for path in Path(folder).rglob("*")
                  if path.is_file() and (path.suffix == ".log" or path.name == "log"))
    for path in sanitizer_reports(folder) + logs:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_TAIL))
            text = file.read()
        out.write(f"\n--- {path.relative_to(folder)}\n".encode() + text)


def main():
    limit, folder, log = float(sys.argv[1]), sys.argv[2], sys.argv[3]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    def stop(_number, _frame):
        sys.exit(130)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    code = 125
    try:
        with open(log, "wb") if log != "-" else open(1, "wb", 0, closefd=False) as out:
            child = subprocess.Popen(sys.argv[4:], stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, start_new_session=True)
            code = wait_for(child.pid, limit)
            if code == 124:
                out.write(f"\nended after its time limit of {limit:.0f} s\n".encode())
            child.returncode = code
            end_all()
            if code in (0, SKIPPED) and sanitizer_reports(folder):
                code = 1
            if code not in (0, SKIPPED):
                append_logs(folder, out)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end_all()
        shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
