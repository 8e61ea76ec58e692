#!/usr/bin/python3
"""otklik import event-log: good cases come in, wrong ones are held back whole and can be mended."""
import lzma
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import json  # noqa: E402

from otk_test import Deployment, check, check_equal, run  # noqa: E402

HEADER = "number,created,observed,state,team,priority,title\r\n"
MAP = """source: journal
customer: verf
zone: Europe/Moscow
type: incident
carry_forward: true
columns: {number: number, created: created, observed: observed, state: state, team: team,
  priority: priority, title: title}
states:
  - {from: Новый, state: new}
  - {from: Ждёт, state: pending, reason: customer}
  - {from: Готов, state: resolved}
"""


def _case(ref, *rows):
    return "".join(f"{ref},2025-03-03T09:00:00Z,2025-03-03T09:{i:02}:00Z,{row}\r\n"
                   for i, row in enumerate(rows))


def _import(otk, file, *words):
    done = subprocess.run([*map(str, otk.admin.command("--format", "json", "import", "event-log", file,
                                                       "--map", otk.folder / "map.yaml", *words))],
                          capture_output=True, text=True, env=otk.environment, cwd=otk.folder,
                          timeout=120, check=False)
    return done.returncode, json.loads(done.stdout)[0] if done.stdout else None, done.stderr


def a_log_comes_in_once_and_its_rejects_can_be_mended():
    with Deployment() as otk:
        (otk.folder / "map.yaml").write_text(MAP)
        good = _case("A1", "Новый,сеть,2,\"Нет \"\"света\"\"\"", "Ждёт,,,", "Готов,,,")
        wrong = _case("A2", "Новый,сеть,3,Принтер", "Странный,,,")
        log = otk.folder / "log.csv.xz"
        log.write_bytes(lzma.compress((HEADER + good + wrong).encode()))
        code, summary, said = _import(otk, log)
        check_equal(code, 65, f"exit code with wrong rows: {said}")
        check_equal((summary["rows"], summary["created"], summary["refused_rows"]), (5, 1, 2), "summary")
        ticket = otk.admin.json("ticket", "list")[0]
        check_equal((ticket["title"], ticket["state"], ticket["observed"]),
                    ("Нет \"света\"", "resolved", True), "the good case")
        rejects = otk.folder / "log.csv.xz.rejects.csv"
        text = rejects.read_text()
        check("another row of this case is wrong" in text and "the state 'Странный'" in text
              and text.startswith("line,reason,number"), "rejects with reasons", text)
        rejects.write_text(text.replace(",Странный,", ",Готов,"))
        code, summary, said = _import(otk, rejects, "--rejects", "again.csv")
        check_equal((code, summary["created"]), (0, 1), f"the mended rows: {said}")
        code, summary, said = _import(otk, rejects, "--rejects", "again.csv")
        check_equal((code, summary["created"], summary["unchanged"]), (0, 0, 1), f"a second run: {said}")
        # A history that differs from the one that is there: refused, its rows kept for the eye.
        log.write_bytes(lzma.compress((HEADER + _case("A1", "Новый,сеть,5,Иначе")).encode()))
        code, summary, said = _import(otk, log, "--rejects", "conflict.csv")
        check_equal((code, summary["conflicts"]), (65, 1), f"a conflict: {said}")
        check("A1," in (otk.folder / "conflict.csv").read_text(), "the rows are in the rejects")


def what_cannot_be_imported_is_told():
    with Deployment() as otk:
        (otk.folder / "map.yaml").write_text(MAP)
        log = otk.folder / "log.csv"
        for text, code, said in (("", 65, "the log is empty"), ("a,b\n", 65, "columns.number"),):
            log.write_text(text)
            found, _, words = _import(otk, log)
            check_equal(found, code, f"exit code for {text!r}: {words}")
            check(said in words, "why", words)
        log.write_bytes(lzma.compress((HEADER + _case("A1", "Новый,,,")).encode())[:-9])
        check("damaged" in _import(otk, log)[2], "a damaged file")
        check_equal(_import(otk, otk.folder / "none.csv")[0], 66, "no file")
        (otk.folder / "map.yaml").write_text(MAP.replace("verf", "nobody"))
        log.write_text(HEADER + _case("A1", "Новый,,,"))
        code, _, said = _import(otk, log)
        check(code in (2, 65) and "nobody" in said, "an unknown customer", code, said)


run()
