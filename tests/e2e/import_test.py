#!/usr/bin/python3
"""`otklik import event-log`: a small log comes out as its rows say, bad rows are held back, a second
run changes nothing, changed history is a conflict.

time-limit: 240
"""
import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import Deployment, check, check_equal, eventually, run  # noqa: E402

INSTALLATION = """
name: demo
customers:
  - {code: acme, name: Acme, zone: Europe/Moscow}
sites:
  - {code: hq, customer: acme, name: Headquarters}
teams:
  - {code: network, name: Networks}
people:
  - code: admin
    name: Administrator
    grants: [{role: admin}]
  - code: vera
    name: Vera
    grants: [{role: engineer}]
    teams: [network]
"""
MAP = """
source: old
customer: acme
zone: Europe/Moscow
type: incident
carry_forward: true
empty: ["?"]
columns: {number: id, created: opened, observed: seen, order: n, state: state, team: team,
  assignee: who, site: place, priority: prio, requester: caller}
states:
  - {from: New, state: new}
  - {from: Active, state: in_progress}
  - {from: Waiting, state: pending, reason: customer}
  - {from: Done, state: resolved}
  - {from: Shut, state: closed}
  - {from: "-", keep: true}
"""
HEADER = ["id", "opened", "seen", "n", "state", "team", "who", "place", "prio", "caller"]
ROWS = [
    ["A1", "2016-03-01 09:00:00", "2016-03-01 09:00:00", "0", "New", "network", "?", "hq", "3", "Jane Doe"],
    ["A1", "2016-03-01 09:00:00", "2016-03-01 09:30:00", "1", "Active", "Group 24", "vera", "?", "?", "?"],
    ["A1", "2016-03-01 09:00:00", "2016-03-01 10:00:00", "2", "Waiting", "?", "?", "?", "2", "?"],
    ["A1", "2016-03-01 09:00:00", "2016-03-01 11:00:00", "3", "-", "group-24", "Solver 7", "?", "?", "?"],
    ["A1", "2016-03-01 09:00:00", "2016-03-01 12:00:00", "4", "Done", "?", "?", "?", "?", "?"],
    ["A1", "2016-03-01 09:00:00", "2016-03-01 13:00:00", "5", "Active", "?", "?", "?", "?", "?"],
    ["A1", "2016-03-01 09:00:00", "2016-03-01 14:00:00", "6", "Shut", "?", "?", "?", "?", "?"],
    ["B2", "2016-03-02 09:00:00", "2016-03-02 09:05:00", "0", "Shut", "Отдел", "?", "Склад", "?", "Jane Doe"],
    ["C3", "2016-03-03 09:00:00", "2016-03-03 09:05:00", "0", "Active", "?", "?", "?", "4", "?"],
]


def _write(otk, rows, name="log.csv"):
    path = otk.folder / name
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def _import(otk, rows, *options, expect=0):
    rejects = otk.folder / "rejects.csv"
    rejects.unlink(missing_ok=True)
    (otk.folder / "map.yaml").write_text(MAP)
    out = otk.admin.json("import", "event-log", _write(otk, rows), "--map", otk.folder / "map.yaml",
                         "--rejects", rejects, *options, expect=expect)[0]
    return out, list(csv.reader(rejects.open(encoding="utf-8"))) if rejects.exists() else []


def _everything(otk):
    return otk.rows("""SELECT (SELECT count(*) FROM ticket), (SELECT count(*) FROM event),
        (SELECT count(*) FROM principal), (SELECT count(*) FROM team), (SELECT count(*) FROM site),
        (SELECT epoch || ' ' || additions FROM installation), (SELECT count(*) FROM import_case)""")


def a_log_comes_out_as_its_rows_say():
    with Deployment(installation=INSTALLATION, people=["vera"]) as otk:
        out, rejects = _import(otk, ROWS)
        check_equal((out["created"], out["unchanged"], out["conflicts"], len(rejects)), (3, 0, 0, 0), "outcomes")
        a1 = otk.value("SELECT ticket_id FROM ticket WHERE external_ref = 'A1'")
        check_equal(otk.rows(f"""SELECT state, priority, reopen_count, zone, observed, no_sla, resolved_at = closed_at,
            to_char(first_resolved_at AT TIME ZONE 'Europe/Moscow', 'HH24:MI'),
            to_char(resolved_at AT TIME ZONE 'Europe/Moscow', 'HH24:MI') FROM ticket WHERE ticket_id = {a1}"""),
            [["6", "2", "1", "Europe/Moscow", "t", "t", "t", "12:00", "14:00"]], "the ticket")
        check_equal(otk.rows(f"""SELECT seq, kind, cause, state, pending_reason,
            (SELECT name FROM team t WHERE t.team_id = e.team_id) FROM event e WHERE ticket_id = {a1} ORDER BY seq"""),
            [["1", "1", "13", "1", None, "Networks"], ["2", "3", "13", None, None, "Group 24"], ["3", "2", "13", "3", None, None],
             ["4", "6", "13", None, None, None], ["5", "2", "13", "4", "1", None], ["6", "3", "13", None, None, "group-24"],
             ["7", "2", "13", "5", "0", None], ["8", "2", "13", "3", None, None], ["9", "2", "13", "6", None, None]],
            "its journal: only what differs")
        check_equal(otk.value("SELECT count(*) FROM sla_clock") + otk.value("SELECT count(*) FROM timer"), "00",
                    "no clocks")
        check_equal(otk.rows("SELECT code, imported FROM site ORDER BY site_id")[0], ["hq", "f"], "a declared site is used")
        check_equal(otk.rows("SELECT kind, code, uri IS NULL FROM principal WHERE name = 'Jane Doe'"),
                    [["3", "old-jane-doe", "t"]], "one placeholder without login")
        check_equal(otk.value(f"SELECT count(*) FROM event JOIN principal p ON p.principal_id = assignee_id "
                              f"WHERE ticket_id = {a1} AND p.code = 'vera'"), "1", "a person's code means the person")
        eventually(lambda: "old-solver-7" in otk.admin.run("--format", "json", "ticket", "show", a1),
                   "every server learns the new names")

        before = _everything(otk)
        out, _ = _import(otk, ROWS)
        check_equal((out["created"], out["unchanged"]), (0, 3), "a second run")
        check_equal(_everything(otk), before, "nothing is written")

        changed = [row if row[0] != "C3" else [*row[:8], "1", row[9]] for row in ROWS]
        out, rejects = _import(otk, changed, expect=65)
        check_equal((out["unchanged"], out["conflicts"]), (2, 1), "other history is a conflict")
        check("other content" in rejects[1][1], "it says why", rejects)
        check_equal(_everything(otk), before, "and writes nothing")

        otk.apply(INSTALLATION)
        check_equal(otk.value("SELECT count(*) FROM team WHERE retired") + otk.value("SELECT count(*) FROM site WHERE retired")
                    + otk.value("SELECT count(*) FROM principal WHERE disabled"), "000",
                    "an apply does not retire what an import made")


def a_case_with_a_bad_row_is_held_back_whole():
    with Deployment(installation=INSTALLATION, people=["vera"]) as otk:
        bad = [*ROWS, ["D4", "2016-03-04 09:00:00", "2016-03-04 09:00:00", "0", "New", "?", "?", "?", "?", "?"],
               ["D4", "2016-03-04 09:00:00", "not a time", "1", "Active", "?", "?", "?", "?", "?"],
               ["E5", "2990-03-04 09:00:00", "2016-03-04 09:00:00", "1", "Strange", "?", "?", "?", "?", "?"],
               ["F6", "2016-03-04 09:00:00", "2016-03-04 09:00:00", "1", "New", "x" * 201, "?", "?", "?", "?"]]
        out, rejects = _import(otk, bad, expect=65)
        check_equal((out["created"], out["refused_rows"]), (3, 3), "the others are taken")
        check_equal(out["refused_cases"], 1, "the server refuses what is too long")
        check(any("team" in row[1] for row in rejects), "and says what", rejects)


def a_customer_must_be_declared():
    with Deployment(installation=INSTALLATION, people=["vera"]) as otk:
        (otk.folder / "map.yaml").write_text(MAP.replace("customer: acme", "customer: nobody"))
        error = otk.admin.fails("import", "event-log", _write(otk, ROWS), "--map", otk.folder / "map.yaml")
        check("nobody" in error and "installation" in error, "it says what to do", error)
        (otk.folder / "map.yaml").write_text(MAP)
        error = otk.as_("vera").fails("import", "event-log", _write(otk, ROWS), "--map", otk.folder / "map.yaml")
        check("administrator" in error, "only an administrator", error)


CONTRACT = """
calendars:
  - {code: always, zone: UTC, week: always}
contracts:
  - code: gold
    customer: acme
    calendar: always
    targets:
      - {clock: response, target: 30m}
      - {clock: resolution, target: 4h}
    levels:
      - {clock: resolution, at: "50%", name: half, actions: notify lead}
      - {clock: resolution, at: "+100h", name: far, actions: notify lead}
"""


def open_cases_are_armed_under_the_contract_in_force():
    with Deployment(installation=INSTALLATION + CONTRACT, people=["vera"], clock="2016-03-03T12:00:00Z") as otk:
        rows = [*ROWS, ["D4", "2016-03-03 14:00:00", "2016-03-03 14:00:00", "0", "New", "?", "?", "?", "3", "?"]]
        out, _ = _import(otk, rows[:-1])
        check_equal((out["created"], out["armed"]), (3, 0), "observed")
        out, _ = _import(otk, rows, "--arm")
        check_equal((out["created"], out["unchanged"], out["armed"]), (1, 3, 2), "the open ones, stored or new")
        clocks = otk.rows("""SELECT external_ref, kind, c.state, to_char(due_at AT TIME ZONE 'UTC', 'DD HH24:MI'),
            to_char(breached_at AT TIME ZONE 'UTC', 'DD HH24:MI'), level_state, observed, no_sla
            FROM ticket JOIN sla_clock c USING (customer_id, ticket_id) ORDER BY external_ref, kind""")
        check_equal(clocks, [["C3", "1", "5", "03 06:30", None, "{}", "f", "f"],
                             ["C3", "3", "1", "03 10:00", "03 10:00", "{2,0}", "f", "f"],
                             ["D4", "1", "1", "03 11:30", "03 11:30", "{}", "f", "f"],
                             ["D4", "3", "1", "03 15:00", None, "{0,0}", "f", "f"]], "clocks from the creation")
        check_equal(otk.value("SELECT count(*) FROM event WHERE kind = 15"), "0", "no level fires for the past")
        check_equal(otk.value("SELECT count(*) FROM timer"), "2", "time acts on them from now on")
        again, _ = _import(otk, rows, "--arm")
        check_equal((again["unchanged"], again["armed"]), (4, 0), "a second run changes nothing")
        number = otk.value("SELECT ticket_id FROM ticket WHERE external_ref = 'D4'")
        otk.clock.advance("2h")
        eventually(lambda: otk.value(f"SELECT count(*) FROM event WHERE kind = 15 AND ticket_id = {number}") == "1",
                   "levels to come fire", 20)
        explained = otk.admin.json("sla", "explain", number)
        check("resolution" in str(explained), "and it is explained", explained)


run()
