#!/usr/bin/python3
"""otklik watch: what happens as it happens, resumed by its token, through a lost server."""
import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import Deployment, check, check_equal, eventually, run  # noqa: E402

START = "2026-03-02T09:00:00Z"
TOKEN = re.compile(r"--epoch (\S+) --after (\d+)")


def _watch(cli, *words, timeout=60):
    done = subprocess.run([str(w) for w in cli.command("watch", *words)], capture_output=True,
                          text=True, env=cli.deployment.environment, timeout=timeout, check=False)
    return done


def _lines(service):
    return [line for line in service.log_text().splitlines() if "#" in line]


def a_watch_is_resumed_where_it_ended():
    with Deployment(clock=START) as otk:
        olga, pavel = otk.as_("olga"), otk.as_("pavel")
        watch = pavel.background("watch", "--count", "2")
        eventually(lambda: "watching from" in watch.log_text(), "it began")
        number = olga.json("ticket", "create", "--title", "Нет света")["id"]
        eventually(lambda: not watch.running(), "it ends after --count")
        check_equal(watch.process.returncode, 0, "exit code")
        check("Нет света" in watch.log_text(), "it shows the title", watch.log_text())
        epoch, after = TOKEN.findall(watch.log_text())[-1]
        pavel.run("ticket", "note", number, "--text", "пока никто не смотрел")
        token = ("--epoch", epoch, "--after", after)
        # Everything since, in order, none twice.
        done = _watch(pavel, *token, "--ticket", number, "--count", "1", "--format", "json")
        check_equal(done.returncode, 0, done.stderr)
        first = json.loads(done.stdout.splitlines()[0])
        check(first["rev"] > int(after), "after the token", first)
        events = _watch(pavel, "--epoch", epoch, "--after", "0", "--ticket", number, "--seconds", "3",
                        "--format", "csv")
        check_equal(events.returncode, 0, events.stderr)
        rows = list(csv.DictReader(io.StringIO(events.stdout, newline="")))
        check_equal([int(r["seq"]) for r in rows], list(range(1, len(rows) + 1)), "the whole journal")
        check_equal(rows[-1]["text"], "пока никто не смотрел", "the note is the last")
        check_equal(rows[0]["feed_epoch"], epoch, "each row has its token")


def counts_that_are_not_reached_are_75_and_an_unknown_epoch_is_told():
    with Deployment(clock=START) as otk:
        done = _watch(otk.as_("pavel"), "--count", "1", "--seconds", "1")
        check_equal(done.returncode, 75, done.stderr)
        done = _watch(otk.as_("pavel"), "--epoch", "00000000-0000-0000-0000-000000000000", "--after", "1")
        check_equal(done.returncode, 1, done.stderr)
        done = _watch(otk.as_("rui"), "--customer", "verf", "--seconds", "1")
        check(done.returncode in (2, 77), "a foreign customer cannot be watched", done)


def a_watch_goes_on_when_the_server_comes_back():
    with Deployment(clock=START) as otk:
        olga, pavel = otk.as_("olga"), otk.as_("pavel")
        watch = pavel.background("watch", "--format", "csv")
        eventually(lambda: "watching from" in watch.log_text(), "it began")
        olga.run("ticket", "create", "--title", "до")
        eventually(lambda: ",до" in watch.log_text(), "before")
        otk.servers[0].kill()
        eventually(lambda: "trying again" in watch.log_text(), "it says that the server is away")
        otk.servers[0].start()
        otk.wait_ready(0)
        olga.run("ticket", "create", "--title", "после")
        eventually(lambda: ",после" in watch.log_text(), "after", 40)
        check("connected again" in watch.log_text(), "and that it is back")
        watch.signal(2)
        check_equal(watch.wait(), 0, "it ends by SIGINT")
        rows = [r for r in watch.log_text().splitlines() if re.match(r"[0-9a-f-]{36},", r)]
        check_equal(len(rows), len(set(rows)), "nothing came twice")


run()
