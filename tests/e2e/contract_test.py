#!/usr/bin/python3
"""`otklik contract`: contracts in files of their own, by version; tickets moved to another one.

time-limit: 180
"""
import atexit
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import ROOT, Deployment, check, check_equal, eventually, run  # noqa: E402

TEXT = (ROOT / "deploy/example/contract.yaml").read_text()
CODE = "meridian-standard"


_SHARED = []


def _desk():
    """One deployment for all, whose clock only goes on."""
    if not _SHARED:
        _SHARED.append(Deployment(clock="2026-03-02T10:00:00Z"))
        _SHARED[0].__enter__()
        atexit.register(_SHARED[0].close)
    return _SHARED[0]


def _file(otk, *replacements, text=TEXT):
    for old, new in replacements:
        check(old in text, f"the example has {old!r}")
        text = text.replace(old, new, 1)
    path = otk.folder / "contract.yaml"
    path.write_text(text)
    return path


def _refused(otk, line, words, *replacements, text=TEXT):
    """The file is refused at the first line that has these words."""
    path = _file(otk, *replacements, text=text)
    number = next(i for i, have in enumerate(path.read_text().splitlines(), 1) if line in have)
    said = otk.admin.fails("contract", "apply", path)
    check(any(f"contract.yaml:{number}: " in told and words in told for told in said.splitlines()),
          f"{words!r} is told at line {number}", said)


def _history(otk):
    return otk.admin.json("contract", "history", CODE)


def a_file_is_a_version_and_comes_back_as_it_was():
    otk = _desk()
    path = _file(otk)
    versions = len(_history(otk))
    shown = otk.admin.json("contract", "apply", path, "--dry-run")
    check_equal(shown["applied"], False, "a dry run")
    check_equal(len(_history(otk)), versions, "makes no version")
    made = otk.admin.json("contract", "apply", path)
    check_equal(made["changes"], shown["changes"], "what was shown is made")
    check_equal([v["version"] for v in _history(otk)], [1, 2], "the next version")
    check("response 30m" in _history(otk)[1]["changes"] and "valid_until: nothing" in _history(otk)[1]["changes"],
          "its changes are told", _history(otk))
    check_equal(_history(otk)[1]["by"], "admin", "and who made it")
    again = otk.admin.json("contract", "apply", path)
    check_equal(again["changes"], [], "the same file again changes nothing")

    back = otk.folder / "back.yaml"
    back.write_text(otk.admin.run("contract", "show", CODE))
    for part in ("credit_cap: 25%", 'fee: 1800.00', "valid_until: 2027-12-31", "below: 90%, credit: 10%",
                 "team: first-line", "acknowledge_stops: [response]"):
        check(part in back.read_text(), f"the file back has {part!r}", back.read_text())
    check_equal(otk.admin.json("contract", "apply", back)["changes"], [], "the file back is the same contract")
    first = otk.folder / "first.yaml"
    first.write_text(otk.admin.run("contract", "show", CODE, "--version", "1"))
    check("fee" not in first.read_text(), "an old version is kept as it was")

    terms = {t["term"]: (t["from"], t["to"]) for t in otk.admin.json("contract", "diff", CODE, "1", "2")}
    check_equal(terms["credit resolution below 95%"], (None, "5%"), "a difference of versions")
    check_equal(otk.admin.json("contract", "diff", path), [], "a file that is in force differs in nothing")
    changed = otk.admin.json("contract", "diff", _file(otk, ("target: 10m", "target: 12m")))
    check_equal(changed, [{"change": "changed", "term": "target incident P1 response", "from": "10m", "to": "12m"}],
                "a changed file against the version in force")
    check_equal(otk.rows("SELECT fee::text, currency, period::text, credit_cap::text, ack_stops::text FROM "
                         "contract_version WHERE fee > 0"), [["180000", "EUR", "1", "2500", "2"]], "what is stored")


def what_is_wrong_is_told_with_file_and_line():
    otk = _desk()
    before = _history(otk)
    for line, words, *change in [
            ("calendar: lunar", "no calendar 'lunar'", ("calendar: lisbon-hours", "calendar: lunar")),
            ("service: gas", "no service", ("service: network", "service: gas")),
            ("clock: speed", "must be response", ("clock: update", "clock: speed")),
            ("reason: lunch", "must be customer", ("reason: supplier, clocks", "reason: lunch, clocks")),
            ("target: 9h}", "longer than the resolution target", ("target: 30m}", "target: 9h}")),
            ("target: 5h}", "longer than the resolution target", ("update, target: 1h", "update, target: 5h")),
            ('"1001%"', "1000%", ('at: "50%"', 'at: "1001%"')),
            ('"-30m"', "before the start", ('at: "50%"', 'at: "-30m"')),
            ('at: "50%", name: breach', "does not come after", ('at: "50%"', 'at: "80%"'),
             ('at: "100%", name: breach', 'at: "50%", name: breach')),
            ("currency: GOLD", "ISO 4217", ("currency: EUR", "currency: GOLD")),
            ("below: 90%", "give more for less", ("credit: 10%}", "credit: 4%}")),
            ("credit_cap: 130%", "at most 100%", ("credit_cap: 25%", "credit_cap: 130%")),
            ('valid_until: "2027', "lies before valid_from",
             ("calendar: lisbon-hours", 'calendar: lisbon-hours\nvalid_from: "2028-01-01"')),
            ("target: 31m", "already", ("target: 30m}\n  - {clock: supplier",
             "target: 30m}\n  - {clock: operational, team: first-line, target: 31m}\n  - {clock: supplier")),
            ("name: kept too long, actions: [notify contact]", "provider's own",
             ("kept too long, actions: [notify lead]", "kept too long, actions: [notify contact]")),
            ("team: night", "no team 'night'", ("team: first-line", "team: night")),
            ("cadence: 1h", "no such key", ("fee:", "cadence: 1h\nfee:"))]:
        _refused(otk, line, words, *change)
    tie = TEXT.replace(f"code: {CODE}", "code: meridian-second")
    _refused(otk, "code: meridian-second", "ties with", text=tie)
    check_equal(_history(otk), before, "nothing was changed by any of them")
    path = _file(otk, ("  - {type: service_request, clock: resolution, target: 3bd}\n", ""))
    said = subprocess.run([str(w) for w in otk.admin.command("contract", "apply", path, "--dry-run")],
                          env=otk.environment, capture_output=True, text=True, check=True).stderr
    check("warning: targets: missing: no resolution target for service_request" in said,
          "what is missing is told", said)


def tickets_keep_their_version_until_they_are_moved():
    otk = _desk()
    rui, marta = otk.as_("rui"), otk.as_("marta")
    old = [rui.json("ticket", "create", "--title", f"Old {i}", "--impact", "1", "--urgency", "1")["id"]
           for i in range(3)]
    otk.admin.json("contract", "apply", _file(otk, ("target: 10m", "target: 5m"), ("target: 4h}", "target: 90m}")))
    new = rui.json("ticket", "create", "--title", "New", "--impact", "1", "--urgency", "1")["id"]
    versions = dict(otk.rows("SELECT ticket_id::text, v.version::text FROM ticket JOIN contract_version v "
                             "USING (contract_version_id)"))
    check_equal([versions[str(t)] for t in (*old, new)], ["2", "2", "2", "3"], "each has its own")
    otk.clock.advance("20m")
    marta.run("ticket", "reply", old[2], "--text", "We look.")
    before = otk.rows("SELECT max(seq)::text FROM event")
    preview = otk.admin.json("contract", "apply-to", CODE)
    check_equal(otk.rows("SELECT max(seq)::text FROM event"), before, "a preview journals nothing")
    check_equal({p["ticket"] for p in preview}, set(old), "of all open tickets of other versions")
    broken = {(p["ticket"], p["clock"]) for p in preview if p["breached"]}
    made = otk.admin.json("contract", "apply-to", CODE, "--yes", "--reason", "agreed on 1 March")
    check_equal(made, preview, "what was shown is made")
    stored = {(int(t), c) for t, c in otk.rows(
        "SELECT ticket_id::text, CASE clock WHEN 1 THEN 'response' ELSE 'resolution' END FROM event "
        "WHERE kind = 12 AND cause = 8")}
    check_equal(stored, broken, "what it breaks is broken, no other")
    dues = {(int(t), c): d for t, c, d in otk.rows(
        "SELECT ticket_id::text, CASE kind WHEN 3 THEN 'resolution' WHEN 2 THEN 'update' WHEN 1 THEN 'response' END, "
        "to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') FROM sla_clock")}
    for p in preview:
        if p["change"] == "retargeted" and p["clock"] == "resolution":
            check_equal(p["new_due"][:19], dues[p["ticket"], "resolution"], "the due that was shown")
    check_equal(otk.rows("SELECT count(*)::text FROM event WHERE kind = 27"), [["3"]], "journalled for each ticket")
    check_equal(otk.admin.json("contract", "apply-to", CODE, "--yes"), [], "done once, there is nothing left")
    one = otk.admin.json("contract", "apply-to", CODE, "--version", "2", "--tickets", str(old[0]), "--yes")
    check_equal({p["ticket"] for p in one}, {old[0]}, "one ticket alone, back to an older version")


def a_team_s_and_a_supplier_s_time_are_the_provider_s_own():
    otk = _desk()
    rui, marta = otk.as_("rui"), otk.as_("marta")
    ticket = rui.json("ticket", "create", "--title", "Kept")["id"]
    marta.run("ticket", "assign", ticket, "--team", "first-line")
    clocks = {c["clock"]["kind"]: c for c in marta.json("sla", "explain", ticket)["clocks"]}
    check_equal(clocks["operational"]["clock"]["target_s"], 1800, "the team's own target")
    otk.clock.advance("20m")
    marta.run("ticket", "assign", ticket, "--team", "systems")
    marta.run("ticket", "pend", ticket, "--reason", "supplier", "--text", "The line is theirs.")
    clocks = {c["clock"]["kind"]: c["clock"] for c in marta.json("sla", "explain", ticket)["clocks"]}
    check_equal((clocks["operational"]["target_s"], clocks["operational"]["state"]), (4 * 3600, "paused"),
                "the next team's, paused as the contract says")
    check_equal(clocks["supplier"]["state"], "running", "the supplier is waited for")
    seen = {c["clock"]["kind"] for c in rui.json("sla", "explain", ticket)["clocks"]}
    check_equal(seen & {"operational", "supplier"}, set(), "nothing of that is the customer's")
    shown = rui.json("ticket", "show", ticket)
    check_equal({e["clock"] for e in shown["events"]}, {None, "response", "resolution"}, "nor in its journal")


def a_contract_of_its_own_file_outlives_the_installation_and_is_withdrawn():
    otk = _desk()
    text = TEXT.replace(f"code: {CODE}", "code: meridian-network").replace(
        "calendar: lisbon-hours", "calendar: lisbon-hours\nservices: [network]")
    otk.admin.json("contract", "apply", _file(otk, text=text))
    changes = otk.admin.json("apply", "-f", ROOT / "deploy/example/installation.yaml", "--dry-run")
    check(all(c["code"] != "meridian-network" for c in changes), "the installation leaves it alone", changes)
    gone = otk.admin.json("contract", "withdraw", "meridian-network")
    check_equal(gone["changes"][0]["action"], "retire", "withdrawn by name")
    check_equal(otk.admin.json("contract", "history", "meridian-network")[0]["state"], "withdrawn", "it says so")
    check("no contract 'nothing'" in otk.admin.fails("contract", "withdraw", "nothing"), "an unknown one")


def others_may_read_only_what_is_theirs():
    otk = _desk()
    otk.as_("rui").fails("contract", "show", CODE)
    otk.as_("marta").fails("contract", "apply", _file(otk))
    otk.psql("INSERT INTO principal_grant (principal_id, role, customer_id) SELECT principal_id, 4, customer_id "
             "FROM principal WHERE code = 'rui'; UPDATE installation SET epoch = epoch + 1")
    eventually(lambda: subprocess.run([str(w) for w in otk.as_("rui").command("contract", "show", CODE)],
                                      env=otk.environment, capture_output=True).returncode == 0, "a manager of theirs")
    for theirs in (otk.as_("rui").run("contract", "show", CODE), otk.as_("rui").run("contract", "history", CODE)):
        check("operational" not in theirs and "supplier late" not in theirs and "kept too" not in theirs,
              "reads nothing of the provider's own clocks", theirs)
    check("clock: resolution" in otk.as_("rui").run("contract", "show", CODE), "what was promised he reads")
    check("clock: operational" in otk.admin.run("contract", "show", CODE), "as the provider does all")


def what_begins_later_is_told_when_it_is_overtaken():
    otk = _desk()
    later = 'calendar: lisbon-hours\nvalid_from: "2026-09-01"'
    otk.admin.json("contract", "apply", _file(otk, ("calendar: lisbon-hours", later)))
    states = [v["state"] for v in _history(otk)]
    check_equal((states[-1], "in force" in states[:-1]), ("to come", True), "the version before stays in force till then")
    told = otk.admin.json("contract", "apply", _file(otk, ("target: 10m", "target: 9m")), "--dry-run")
    check("never come into force" in told["warnings"][0]["text"], "an overtaken version is told", told)
    otk.admin.json("contract", "apply", _file(otk, ("target: 10m", "target: 9m")))
    check_equal([v["state"] for v in _history(otk)][-2:], ["replaced", "in force"], "and is replaced before it began")


def an_ended_contract_takes_no_new_tickets():
    otk = _desk()
    rui = otk.as_("rui")
    otk.admin.json("contract", "apply", _file(otk, ('valid_until: "2027-12-31"', 'valid_until: "2026-03-04"')))
    otk.clock.move("2026-03-04T23:59:00Z")
    rui.json("ticket", "create", "--title", "Within")
    otk.clock.move("2026-03-05T00:00:30Z")
    rui.json("ticket", "create", "--title", "After")
    rows = dict(otk.rows("SELECT title, (contract_version_id IS NOT NULL AND contract_version_id <> 0)::text "
                         "FROM ticket WHERE title IN ('Within', 'After')"))
    check_equal(rows, {"Within": "true", "After": "false"}, "by the calendar's zone")
    listed = {v["code"]: v for v in otk.admin.json("contract", "list")}
    check_equal(listed[CODE]["state"], "ended", "it is not in force any more")


run()
