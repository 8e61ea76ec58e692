#!/usr/bin/python3
"""Tickets from the command line: every verb in three formats, refusals, what a customer sees."""
import csv
import io
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import json  # noqa: E402
import subprocess  # noqa: E402

from otk_test import Deployment, check, check_equal, eventually, run  # noqa: E402

START = "2026-03-02T09:00:00Z"  # a Monday
EVIL = "x\033[31m\u009b31m\u202egpj.exe"


def _done(cli, *words):
    return subprocess.run([str(w) for w in cli.command(*words)], capture_output=True, text=True,
                          env=cli.deployment.environment, stdin=subprocess.DEVNULL, timeout=120,
                          check=False)


def _csv(cli, *words):
    text = cli.run("--format", "csv", *words)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _refused(cli, code, said, *words):
    done = _done(cli, *words)
    check_equal((done.returncode, done.stdout), (code, ""), f"{words}: {done.stderr}")
    check(said in done.stderr, "it says why", words, done.stderr)


def every_verb_answers_in_three_formats():
    with Deployment(clock=START) as otk:
        olga, pavel, marta = otk.as_("olga"), otk.as_("pavel"), otk.as_("marta")
        title = "Принтер «молчит», \"второй\" этаж"
        ticket = olga.json("ticket", "create", "--title", title, "--text", "Не печатает", "--site", "spb")
        check_equal((ticket["title"], ticket["state"], ticket["customer"], ticket["site"]),
                    (title, "new", "verf", "spb"), "as filed")
        check_equal([c["kind"] for c in ticket["clocks"]], ["response", "resolution"], "clocks")
        number = str(ticket["id"])
        check(title in olga.run("ticket", "create", "--title", title), "a table")
        check_equal(_csv(olga, "ticket", "create", "--title", title)[0]["title"], title, "CSV")

        steps = (
            (pavel, ["take", number], "in_progress"),
            (pavel, ["classify", number, "--impact", "1", "--category", "Печать"], "in_progress"),
            (pavel, ["note", number, "--text", "тот же коммутатор"], "in_progress"),
            (pavel, ["reply", number, "--text", "Какой принтер?", "--pend", "customer"], "pending"),
            (olga, ["reply", number, "--text", "Второй"], "in_progress"),
            (pavel, ["pend", number, "--reason", "scheduled", "--until", "2026-03-03T12:00",
                     "--zone", "Asia/Vladivostok"], "pending"),
            (pavel, ["resume", number], "in_progress"),
            (marta, ["assign", number, "--team", "first-line", "--assignee", "tomas"], "assigned"),
            (pavel, ["take", number], "in_progress"),
            (pavel, ["resolve", number, "--text", "Починили"], "resolved"),
            (olga, ["reopen", number, "--text", "Снова"], "in_progress"),
            (pavel, ["resolve", number, "--text", "Заменили"], "resolved"),
            (olga, ["close", number, "--text", "Спасибо!"], "closed"),
        )
        for index, (cli, words, state) in enumerate(steps):
            otk.clock.advance("1s")
            if index % 3 == 0:
                found = cli.json("ticket", *words)["state"]
            elif index % 3 == 1:
                found = _csv(cli, "ticket", *words)[0]["state"]
            else:
                text = cli.run("ticket", *words)
                found = next(line.split()[1] for line in text.splitlines() if line.startswith("  state"))
            check_equal(found, state, f"state after {words}")
        until = [e["until"] for e in pavel.json("ticket", "show", number)["events"] if e["until"]]
        check_equal(until[0], "2026-03-03T02:00:00Z", "local time in --zone")
        other = str(olga.json("ticket", "create", "--title", "зря")["id"])
        check_equal(olga.run("ticket", "cancel", other, "--text", "ошибка", "-q"), "", "--quiet is quiet")

        shown = pavel.json("ticket", "show", number)
        check_equal(shown["ticket"]["state"], "closed", "ticket show")
        rows = _csv(pavel, "ticket", "show", number)
        check_equal([int(r["seq"]) for r in rows], [e["seq"] for e in shown["events"]], "the journal in CSV")
        text = pavel.run("--zone", "Europe/Moscow", "ticket", "show", number)
        check(title in text and "Спасибо!" in text and "+0300" in text, "the journal for people", text)

        check_equal({t["id"] for t in pavel.json("ticket", "list", "--limit", "0")},
                    {int(r["id"]) for r in _csv(pavel, "ticket", "list", "-n", "0")}, "one list, two formats")
        check_equal(len(pavel.json("ticket", "list", "--limit", "2")), 2, "--limit")
        check_equal({t["state"] for t in pavel.json("ticket", "list", "--state", "closed,cancelled")},
                    {"closed", "cancelled"}, "--state")
        check("there are more" in _done(pavel, "ticket", "list", "--limit", "1").stderr, "no silent cap")

        explained = pavel.json("sla", "explain", number)
        check("response" in [c["clock"]["kind"] for c in explained["clocks"]], "explain in JSON")
        rows = _csv(pavel, "sla", "explain", number)
        check({"response", "resolution"} <= {r["clock"] for r in rows}, "explain in CSV, a column for the clock")
        text = pavel.run("sla", "explain", number, "resolution")
        check("resolution: " in text and "counted" in text and "response: " not in text, "for people", text)

        me = pavel.json("whoami")
        check_equal((me["name"], me["grants"][0]["role"]), ("Павел Орлов", "engineer"), "whoami")
        check("Павел Орлов" in pavel.run("whoami"), "whoami for people")
        check_equal(_csv(olga, "whoami")[0], {"role": "requester", "customer": "verf"}, "whoami in CSV")
        status = otk.admin.json("server", "status")
        check_equal((status["database_up"], status["virtual_clock"]), (True, True), "status")
        check_equal(_csv(otk.admin, "server", "status")[0]["database_up"], "true", "status in CSV")
        check("database      up" in otk.admin.run("server", "status"), "status for people")

        eventually(lambda: otk.as_("irina").json("kpi", "arrivals")[0]["cancelled"] == 1, "folded")
        check_equal(otk.as_("irina").json("kpi", "arrivals")[0]["arrivals"], 3, "without the cancelled one")
        check_equal(_csv(otk.as_("irina"), "kpi", "arrivals", "--by", "customer")[0]["customer"], "verf", "kpi")
        check("Tickets filed" in otk.as_("irina").run("kpi", "arrivals"), "kpi for people")
        check_equal(otk.admin.json("kpi", "verify"), [], "kpi verify finds nothing")


def refusals_have_their_exit_codes_and_say_what_to_do():
    with Deployment(clock=START) as otk:
        olga, rui, pavel = otk.as_("olga"), otk.as_("rui"), otk.as_("pavel")
        number = str(olga.json("ticket", "create", "--title", "Нет света")["id"])
        version = str(pavel.json("ticket", "take", number)["version"])
        pavel.run("ticket", "classify", number, "--impact", "1")
        _refused(pavel, 1, "; since then: at 2026-03-02T09:00:00Z pavel classified it", "ticket", "reply", number, "--text", "x", "--version", version)
        pavel.run("ticket", "resolve", number, "--text", "готово")
        _refused(pavel, 1, "resolved", "ticket", "pend", number, "--reason", "supplier")
        _refused(pavel, 2, "999999", "ticket", "show", "999999")
        foreign, missing = _done(rui, "ticket", "show", number), _done(rui, "ticket", "show", "999999")
        check_equal((foreign.returncode, foreign.stderr.replace(number, "#")),
                    (missing.returncode, missing.stderr.replace("999999", "#")),
                    "a foreign ticket looks missing")
        check_equal(rui.json("ticket", "list"), [], "and is in no list")
        _refused(olga, 77, "", "ticket", "note", number, "--text", "x")
        _refused(olga, 77, "", "kpi", "verify")
        _refused(olga, 77, "", "apply", "-f", Path(__file__).resolve().parents[2] / "deploy/example/installation.yaml")
        _refused(olga, 65, "title", "ticket", "create", "--title", "")
        _refused(olga, 65, "title", "ticket", "create", "--title", "д" * 1000)
        _refused(otk.as_("irina"), 65, "first-response-wall", "kpi", "mtbf")
        otk.servers[0].stop()
        _refused(olga, 69, "the server is ", "ticket", "list")


def nothing_that_others_wrote_drives_the_terminal():
    with Deployment(clock=START) as otk:
        olga, pavel = otk.as_("olga"), otk.as_("pavel")
        # The server keeps such text out; the command line does not rely on that.
        number = str(olga.json("ticket", "create", "--title", "placeholder", "--text", "two\nlines")["id"])
        pavel.run("ticket", "reply", number, "--text", "placeholder")
        otk.psql("UPDATE event_content SET content = U&'x\\202egpj.exe' WHERE content = 'placeholder'")
        otk.psql(f"UPDATE ticket SET title = U&'x\\001b[31m\\009b31m\\202egpj.exe' WHERE ticket_id = {number}")
        for words in (["ticket", "show", number], ["ticket", "list"], ["sla", "explain", number]):
            text = pavel.run(*words)
            check("x?[31m?31m?gpj.exe" in text, "cleaned", words, text)
            check(not set("\033\u009b\u202e") & set(text), "nothing is left", words, text)
            raw = pavel.run("--format", "json", *words)
            check(not set("\033\u009b\u202e") & set(raw), "escaped in JSON", words)
            check(EVIL in raw.encode().decode("unicode_escape", "ignore") or EVIL in str(json.loads(raw)),
                  "and kept", words, raw)


def a_long_list_is_whole_and_small():
    with Deployment(clock=START) as otk:
        olga, pavel = otk.as_("olga"), otk.as_("pavel")
        number = olga.json("ticket", "create", "--title", "Номер")["id"]
        columns = ", ".join(name for (name,) in otk.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'ticket'::regclass AND attnum > 0 "
            "AND NOT attisdropped AND attname <> 'ticket_id' AND attidentity = '' ORDER BY attnum"))
        otk.psql(f"INSERT INTO ticket (ticket_id, {columns}) SELECT 1000000 + g, {columns} "
                 f"FROM ticket, generate_series(1, 2600) g WHERE ticket_id = {number}")
        for form in ("json", "csv", "table"):
            began = time.monotonic()
            done = _done(pavel, "--format", form, "ticket", "list", "--limit", "0")
            check_equal(done.returncode, 0, done.stderr)
            if form == "json":
                found = {t["id"] for t in json.loads(done.stdout)}
            elif form == "csv":
                found = {int(r["id"]) for r in csv.DictReader(io.StringIO(done.stdout, newline=""))}
            else:
                found = {int(line.split()[0]) for line in done.stdout.splitlines() if line.split()[0] != "ID"}
            check_equal(len(found), 2601, f"tickets as {form} in {time.monotonic() - began:.1f} s")


def who_files_is_told_the_dues_in_the_requesters_zone():
    with Deployment(clock=START) as otk:
        told = otk.as_("olga").run("ticket", "create", "--title", "Where am I?")
        check("+0300" in told and "+0000" not in told, "Moscow time for one in Moscow", told)


run()
