#!/usr/bin/python3
"""Drafts over real past tickets, and forecasts: what they say, who may ask, and what happens to
the processes that compute them.

time-limit: 240
"""
import atexit
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from cluster import PSQL  # noqa: E402
from desk import Peer  # noqa: E402
from otk_test import Deployment, check, check_equal, eventually, micros, run  # noqa: E402

START = "2026-03-02T06:00:00Z"
INSTALLATION = """
name: demo
customers:
  - {code: acme, name: Acme, zone: UTC}
  - {code: bravo, name: Bravo, zone: UTC}
teams: [{code: desk, name: Desk}, {code: field, name: Field}]
people:
  - {code: admin, name: Administrator, grants: [{role: admin}, {role: manager}]}
  - {code: eva, name: Eva, grants: [{role: engineer}], teams: [desk]}
  - {code: nina, name: Nina, grants: [{role: manager, customer: acme}]}
  - {code: maria, name: Maria, customer: acme, grants: [{role: manager, customer: acme}]}
  - {code: olga, name: Olga, customer: acme, grants: [{role: requester, customer: acme}]}
  - {code: boris, name: Boris, customer: bravo, grants: [{role: requester, customer: bravo}]}
calendars:
  - {code: always, zone: UTC, week: always}
contracts:
  - code: gold
    customer: acme
    calendar: always
    targets:
      - {clock: response, target: 30m}
      - {clock: resolution, target: 4h}
    levels: [{clock: resolution, at: 50%, actions: [notify lead]}]
"""
DRAFT = """
code: gold
customer: acme
calendar: always
targets:
  - {clock: response, target: %s}
  - {clock: resolution, target: %s}
"""


_SHARED = []


@contextlib.contextmanager
def _desk():
    """One deployment for all, in which tickets have lived for a day."""
    if not _SHARED:
        otk = Deployment(clock=START, installation=None, settings={"api_processes": "1"})
        _SHARED.append(otk)
        otk.__enter__()
        atexit.register(otk.close)
        (otk.folder / "installation.yaml").write_text(INSTALLATION)
        otk.apply(otk.folder / "installation.yaml")
        for person in ("eva", "maria", "nina", "olga", "boris"):
            otk.profile(person)
        _live(otk)
    yield _SHARED[0]
    _SHARED[0].check_healthy()


def _draft(otk, response="30m", resolution="4h", text=DRAFT):
    path = otk.folder / "draft.yaml"
    path.write_text(text % (response, resolution) if "%s" in text else text)
    return path


def _live(otk, count=12):
    """Tickets answered after 10 to 65 minutes and resolved after one to twelve hours, one
    reopened, one waiting for the customer, two for a supplier, one cancelled, one left open; the
    desk has them, every other one comes to the field."""
    olga, eva = Peer(otk, "olga"), Peer(otk, "eva")
    start = micros(START)
    ids = [olga.ticket("create", title=f"t{i}").id for i in range(count + 2)]
    acts = []
    for i, ticket in enumerate(ids[:count]):
        acts.append((10 + 5 * i, "reply", {"ticket_id": ticket, "text": "soon"}))
        acts.append((60 * (i + 1), "resolve", {"ticket_id": ticket, "text": "done"}))
        acts.append((2 + i, "assign", {"ticket_id": ticket, "team": "desk"}))
        if i % 2 == 1:
            acts.append((21 + 9 * i, "assign", {"ticket_id": ticket, "team": "field"}))
    for i in (5, 6):
        acts.append((25, "pend", {"ticket_id": ids[i], "reason": 3}))
        acts.append((55 + i, "resume", {"ticket_id": ids[i]}))
    acts.append((30, "pend", {"ticket_id": ids[3], "reason": 1, "text": "which?"}))
    acts.append((90, "resume", {"ticket_id": ids[3]}))
    acts.append((200, "reopen", {"ticket_id": ids[1], "text": "not yet"}))
    acts.append((260, "resolve", {"ticket_id": ids[1], "text": "again"}))
    acts.append((20, "cancel", {"ticket_id": ids[count]}))
    for minutes, verb, fields in sorted(acts, key=lambda act: act[0]):
        otk.clock.move(start + minutes * 60_000_000)
        eva.ticket(verb, **fields)
    olga.close()
    eva.close()
    otk.clock.move(start + 24 * 3600_000_000)
    eventually(lambda: otk.value("SELECT count(*) FROM timer WHERE at < "
                                 "'2026-03-03T06:00:00Z'") == "0", "all is swept")
    return ids


def _by_clock(told, side="draft"):
    return {t["clock"]: t[side] for t in told["targets"]}


def the_contract_in_force_comes_out_as_it_was():
    with _desk() as otk:
        before = otk.rows("SELECT ticket_id, kind, state, consumed_us, due_at FROM sla_clock ORDER BY 1, 2")
        told = otk.admin.json("contract", "simulate", _draft(otk))
        real = {kind: (int(met), int(broken)) for kind, met, broken in otk.rows(
            """SELECT CASE kind WHEN 1 THEN 'response' ELSE 'resolution' END,
                count(*) FILTER (WHERE c.state = 3 AND breached_at IS NULL),
                count(*) FILTER (WHERE breached_at IS NOT NULL)
            FROM sla_clock c JOIN ticket t USING (customer_id, ticket_id)
            WHERE t.state <> 7 AND kind IN (1, 3) GROUP BY kind""")}
        for side in ("draft", "in_force"):
            figures = _by_clock(told, side)
            check_equal({kind: (f["met"], f["breached"]) for kind, f in figures.items()}, real,
                        f"outcomes of {side}")
        summary = told["summary"]
        check_equal((summary["tickets"], summary["cancelled"], summary["observed"]), (13, 1, 0),
                    "tickets of account")
        check_equal(summary["in_force"], "gold v1", "the contract in force")
        check_equal(otk.rows("SELECT ticket_id, kind, state, consumed_us, due_at FROM sla_clock "
                             "ORDER BY 1, 2"), before, "nothing is changed")


def a_draft_tells_what_would_be_kept_and_what_would_be_safe():
    with _desk() as otk:
        told = otk.admin.json("contract", "simulate", _draft(otk, "1h", "10h"))
        draft = _by_clock(told)
        check_equal((draft["response"]["met"], draft["response"]["breached"]), (11, 2),
                    "answers within an hour: all but the last and the one that none got")
        check_equal(draft["response"]["p90_s"], 60 * 60, "nine of ten were answered by then")
        check_equal(draft["response"]["target"], "1h", "the target as written")
        check_equal(_by_clock(told, "in_force")["response"]["target"], "30m", "and that in force")
        # Of thirteen, eleven took 11 h or less, and one is not over after a day.
        check_equal(draft["resolution"]["safe_90"], "12h", "a target that 90 of 100 keep")
        check_equal(draft["resolution"].get("safe_95", ""), "", "one of thirteen is not over")
        shares = {}
        for reason in told["reasons"]:
            key = reason["clock"], reason["kind"]
            shares[key] = shares.get(key, 0) + reason["share"]
        for clock in ("response", "resolution"):
            check_equal(round(shares[clock, "state"], 6), 1.0, f"states tell of all the time: {clock}")
            check_equal(round(shares[clock, "team"], 6), 1.0, f"teams tell of all the time: {clock}")
        check(all(month["partial"] for month in told["months"]), "no month is whole", told["months"])
        table = otk.admin.run("contract", "simulate", _draft(otk, "1h", "10h"))
        check("draft: " in table and "in force: " in table and "resolution" in table,
              "people get it as a table", table)
        rows = otk.admin.run("--format", "csv", "contract", "simulate", _draft(otk)).splitlines()
        check_equal(len(rows), 3, "a head and two targets as CSV")


def a_wrong_draft_is_refused_with_file_and_line():
    with _desk() as otk:
        for text, line, words in (
                (DRAFT.replace("calendar: always", "calendar: nights"), 4, "nights"),
                (DRAFT % ("30m", "4x"), 7, "4x"),
                (DRAFT.replace("customer: acme", "customer: nobody"), 3, "nobody")):
            path = otk.folder / "wrong.yaml"
            path.write_text(text % ("30m", "4h") if "%s" in text else text)
            said = otk.admin.fails("contract", "simulate", path)
            check(words in said, f"what is wrong is named: {words}", said)
        said = otk.admin.fails("contract", "simulate", _draft(otk), "--history", "soon")
        check("90d" in said, "what a span is like", said)
        for words, what in (
                (["--history", "9000d"], "history"), (["--history", "0d"], "90d"),
                (["--history", "100000d"], "history"), (["--from", "2027-01-01"], "now"),
                (["--from", "2026-03-02", "--to", "2026-03-01"], "otklik: --from: must be before the end"),
                (["--to", "2027-01-01"], "past"), (["--history", "1h"], "further back")):
            said = otk.admin.fails("contract", "simulate", _draft(otk), *words)
            check(what in said, f"{words} is refused", said)
        # Of another customer, one that has no tickets yet.
        bravo = _draft(otk, text=DRAFT.replace("gold", "silver").replace("acme", "bravo"))
        check("no tickets" in otk.admin.fails("contract", "simulate", bravo), "no tickets")
        said = otk.as_("nina").fails("contract", "simulate", bravo)
        check("bravo" in said or "may not" in said, "not hers", said)
        check_equal(otk.as_("nina").json("contract", "simulate", _draft(otk))["summary"]["tickets"], 13, "hers")
        otk.admin.fails("contract", "simulate", otk.folder / "absent.yaml")


OWN = """
code: gold
customer: acme
calendar: always
targets:
  - {clock: response, target: 30m}
  - {clock: resolution, target: 4h}
  - {clock: operational, target: 2h}
  - {clock: operational, team: field, target: 3h30m}
  - {clock: supplier, target: 35m}
pauses: [{reason: customer, clocks: [operational, resolution]}]
"""
FEE = """
fee: "1000"
currency: JPY
period: month
credits: [{clock: resolution, below: 90%, credit: 12.5%}]
"""


def _rounds(otk, until):
    """{(clock, team): ([minutes of ended rounds], [of those that go on])} by the journal alone."""
    found = {}

    def over(clock, team, spent, ended):
        found.setdefault((clock, team), ([], []))[0 if ended else 1].append(spent)

    journals = {}
    for row in otk.rows("""SELECT e.ticket_id, e.kind, (extract(epoch FROM e.occurred_at) / 60)::int,
            e.state, e.pending_reason, team.code FROM event e JOIN ticket t USING (customer_id, ticket_id)
            LEFT JOIN team ON team.team_id = e.team_id WHERE e.kind IN (1, 2, 3) AND t.state <> 7
            ORDER BY e.ticket_id, e.seq"""):
        journals.setdefault(row[0], []).append(row[1:])
    for journal in journals.values():
        team, state, reason, spent, wait, last = "", 1, 0, 0, 0, None
        for kind, minute, new_state, new_reason, new_team in [*journal, ("0", until, None, None, None)]:
            minute = int(minute)
            if last is not None and state < 5:
                spent += 0 if (state, reason) == (4, 1) else minute - last
                wait += minute - last if (state, reason) == (4, 3) else 0
            last = minute
            was, was_reason = state, reason
            if new_state:
                state, reason = int(new_state), int(new_reason or 0)
            if (was, was_reason) == (4, 3) and (state, reason) != (4, 3):
                over("supplier", "", wait, True)
                wait = 0
            if team and was < 5 and (state >= 5 or (new_team and new_team != team) or kind == "0"):
                over("operational", team if team == "field" else "", spent, kind != "0")
                spent = 0
            if new_team and not team:
                spent = 0
            team = new_team or team
    return found


def what_teams_and_suppliers_owe_is_told_beside_the_rest():
    with _desk() as otk:
        plain = otk.admin.json("contract", "simulate",
                               _draft(otk, text=OWN.split("  - {clock: oper")[0] + FEE))
        told = otk.admin.json("contract", "simulate", _draft(otk, text=OWN + FEE))
        rounds = _rounds(otk, (micros(START) + 24 * 3600_000_000) // 60_000_000)
        targets = {("operational", ""): 120, ("operational", "field"): 210, ("supplier", ""): 35}
        check_equal(set(rounds), set(targets), "rounds of both")
        own = {(t["clock"], t.get("team", "")): t for t in told["targets"]
               if t["clock"] in ("operational", "supplier")}
        check_equal(set(own), set(targets), "targets of teams and suppliers")
        for key, (ended, going) in rounds.items():
            f, limit = own[key]["draft"], targets[key]
            met = sum(spent <= limit for spent in ended)
            broken = len(ended) - met + sum(spent > limit for spent in going)
            check_equal((f["met"], f["breached"]), (met, broken), f"outcomes of {key}")
            check(met > 0 and broken > 0, f"{key} has both", ended, going)
            rank = sorted(ended)[-(-len(ended) // 2) - 1]
            check_equal(f["p50_s"], rank * 60, f"median of {key}")
            check_equal(own[key]["in_force"]["met"] + own[key]["in_force"]["breached"], 0, "not in force")
        check(own["operational", ""]["draft"]["pause_share"] > 0, "one waited for the customer")
        summary = told["summary"]
        check_equal((summary["own_met"], summary["own_breached"]),
                    tuple(sum(t["draft"][k] for t in own.values()) for k in ("met", "breached")), "sums")
        for field in ("met", "breached", "credit"):
            check_equal(summary[field], plain["summary"][field], f"what the customer is owed: {field}")
        check_equal(summary["credit"], 125, "an eighth of a fee in yen")
        said = otk.admin.run("contract", "simulate", _draft(otk, text=OWN + FEE))
        check("125 JPY" in said, "yen have no hundredths", said)


CALENDARS = """
# Hours that nobody has agreed to yet.
calendars:
  - code: mornings
    zone: %s
    week: "mon-sun %s"
    holidays: [%s]
"""


def hours_are_tried_before_they_are_stored():
    with _desk() as otk:
        hours = otk.folder / "hours.yaml"
        draft = _draft(otk, "30m", "4h", DRAFT.replace("always", "mornings"))
        hours.write_text(CALENDARS % ("UTC", "00:00-09:00", "2026-12-25"))
        before = otk.rows("SELECT code FROM calendar ORDER BY 1")
        told = otk.admin.json("contract", "simulate", draft, "--calendar", hours)
        # Filed at six, resolved on the hour: three hours count at most on that day. One was not
        # answered and two were not resolved by then, one of these after a new start at nine.
        resolution = _by_clock(told)["resolution"]
        check_equal(resolution["p99_s"], 3 * 3600, "what comes after nine does not count")
        check_equal(_by_clock(told, "in_force")["resolution"]["p99_s"], 12 * 3600, "in force")
        check(any("mornings" in note for note in told["summary"]["notes"]), "it is not stored",
              told["summary"]["notes"])
        check_equal(otk.rows("SELECT code FROM calendar ORDER BY 1"), before, "nothing is stored")
        # A day without hours: nothing counts.
        hours.write_text(CALENDARS % ("UTC", "00:00-09:00", "2026-03-02"))
        told = otk.admin.json("contract", "simulate", draft, "--calendar", hours)
        check_equal(_by_clock(told)["resolution"]["p99_s"], 0, "on a holiday")
        # The code of a stored one: its other hours are the draft's alone.
        hours.write_text((CALENDARS % ("UTC", "00:00-09:00", "")).replace("mornings", "always"))
        told = otk.admin.json("contract", "simulate", _draft(otk), "--calendar", hours)
        check_equal((_by_clock(told)["resolution"]["p99_s"],
                     _by_clock(told, "in_force")["resolution"]["p99_s"]), (3 * 3600, 12 * 3600),
                    "in force it counts as it did")
        for text, place in (
                (CALENDARS % ("Mars/Base", "00:00-09:00", ""), ":5: calendars[0].zone"),
                (CALENDARS % ("UTC", "09:00-25:00", ""), ":6: calendars[0].week"),
                (CALENDARS % ("UTC", "00:00-09:00", "soon"), ":7: calendars[0].holidays[0]"),
                ("name: demo\n", ":1: calendars")):
            hours.write_text(text)
            said = otk.admin.fails("contract", "simulate", draft, "--calendar", hours)
            check(f"hours.yaml{place}" in said, f"file and line: {place}", said)
        hours.write_text(CALENDARS % ("UTC", "00:00-09:00", ""))
        said = otk.admin.fails("contract", "simulate", _draft(otk), "--calendar", hours)
        check("none of these" in said, "calendars that the draft does not count by", said)
        draft = _draft(otk, text=DRAFT.replace("always", "mornings"))
        said = otk.admin.fails("contract", "simulate", draft)
        check("draft.yaml:4" in said and "mornings" in said and "--calendar" in said,
              "it is not stored, and what helps", said)
        otk.admin.fails("contract", "simulate", draft, "--calendar", otk.folder / "absent.yaml")


def only_the_providers_own_may_ask():
    with _desk() as otk:
        for person in ("maria", "olga"):
            otk.as_(person).fails("contract", "simulate", _draft(otk))
            otk.as_(person).fails("sla", "forecast")


def a_forecast_is_by_what_similar_tickets_took():
    with _desk() as otk:
        # 40 past resolutions of 1 to 40 minutes; targets of 4 h.
        otk.psql("""INSERT INTO ticket (customer_id, ticket_id, version, type, state, impact, urgency,
                priority, title, zone, created_at, updated_at, contract_version_id)
            SELECT customer_id, 100000 + n, 1, 2, 6, 3, 2, 3, 'past', 'UTC', '2026-03-01', '2026-03-01', 1
            FROM customer, generate_series(1, 40) n WHERE code = 'acme';
            INSERT INTO sla_clock (customer_id, ticket_id, kind, state, target_us, target_bd, wall,
                calendar_id, started_at, anchor_at, consumed_us, due_at, stopped_at, level_at, level_state)
            SELECT customer_id, 100000 + n, 3, 3, 14400000000, 0, false, 1, '2026-03-01', '2026-03-01',
                n * 600000000::bigint, '2026-03-01', '2026-03-01', '{}', '{}'
            FROM customer, generate_series(1, 40) n WHERE code = 'acme'""")
        ticket = otk.as_("olga").json("ticket", "create", "--title", "Now", "--type", "service_request")["id"]
        otk.clock.advance("55m")
        row = [r for r in otk.admin.json("sla", "forecast")
               if r["clock"] == "resolution" and r["ticket"] == ticket][0]
        # 35 lasted longer than 55 minutes, 16 of them longer than 4 h.
        check_equal(row["lasted_longer"], 35, "those that lasted as long")
        check_equal(row["breaks_%"], round(100 * 16 / 35, 1), "the share of them that broke")
        low, high = map(float, row["interval"].split("-"))
        check(low < row["breaks_%"] < high, "an interval around it", row)
        check(row["similar"] >= 40 and "priority" in row["alike_in"], "what they have in common", row)
        check_equal(otk.admin.json("sla", "forecast", "--within", "1m", "--customer", "bravo"), [],
                    "nothing of another customer")
        # More kinds of tickets than there is room to tell apart: wider likeness does.
        otk.psql("""INSERT INTO ticket (customer_id, ticket_id, version, type, state, impact, urgency,
                priority, title, zone, created_at, updated_at, service_id)
            SELECT customer_id, 200000 + n, 1, 1, 2, 3, 2, 3, 'many', 'UTC', '2026-03-01', '2026-03-01', 1000 + n
            FROM customer, generate_series(1, 4100) n WHERE code = 'bravo';
            INSERT INTO sla_clock (customer_id, ticket_id, kind, state, target_us, target_bd, wall,
                calendar_id, started_at, anchor_at, consumed_us, due_at, level_at, level_state)
            SELECT customer_id, 200000 + n, 3, 1, 14400000000, 0, true, 1, '2026-03-01', '2026-03-01',
                0, '2027-03-01', '{}', '{}'
            FROM customer, generate_series(1, 4100) n WHERE code = 'bravo';
            ANALYZE ticket; ANALYZE sla_clock""")
        check_equal(len(otk.admin.json("sla", "forecast", "--customer", "bravo", "-n", "200")), 200,
                    "many kinds of tickets")
        otk.psql("DELETE FROM sla_clock WHERE ticket_id > 200000; DELETE FROM ticket WHERE ticket_id > 200000")
        otk.clock.advance("5h")
        eventually(lambda: otk.value(f"SELECT count(*) FROM sla_clock WHERE breached_at IS NOT NULL AND "
                                     f"ticket_id = {ticket}") == "2", "it broke")
        check(all(r["breaks_%"] == 100 for r in otk.admin.json("sla", "forecast")), "as is told")
        shown = otk.admin.run("sla", "forecast").splitlines()
        check("broken" in shown[1] and shown[0].index("TITLE") <= 80, "people get it in a line", shown[:2])


def _compute_processes(otk):
    """Those of this deployment, whoever their parent is."""
    listing = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True)
    return [int(line.split()[0]) for line in listing.stdout.splitlines()
            if "--role compute" in line and str(otk.folder) in line]


@contextlib.contextmanager
def _journal_locked(otk):
    """Nobody can read the journal meanwhile."""
    locker = subprocess.Popen([PSQL, "-XqAt"], env=otk.cluster.environment(), text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    locker.stdin.write("BEGIN; LOCK TABLE event IN ACCESS EXCLUSIVE MODE;\n")
    locker.stdin.flush()
    eventually(lambda: otk.value("SELECT count(*) FROM pg_locks WHERE granted AND mode = "
                                 "'AccessExclusiveLock' AND relation = 'event'::regclass") == "1",
               "the journal is locked")
    try:
        yield
    finally:
        locker.stdin.close()
        locker.wait(20)


def a_process_that_dies_costs_one_attempt_and_nothing_else():
    with _desk() as otk:
        draft = _draft(otk)

        def asking():
            client = subprocess.Popen(
                [str(w) for w in otk.admin.command("--format", "json", "contract", "simulate", draft)],
                stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=otk.environment, text=True,
                stdin=subprocess.DEVNULL)
            return client, eventually(lambda: _compute_processes(otk), "a process computes")[0]

        with _journal_locked(otk):
            client, first = asking()
            os.kill(first, signal.SIGKILL)
            eventually(lambda: set(_compute_processes(otk)) - {first}, "the client came again")
        told, said = client.communicate(timeout=60)
        check_equal(client.returncode, 0, f"it has its answer: {said}")
        check('"tickets": 14' in told, "the whole of it", told)
        with _journal_locked(otk):
            client, _ = asking()
            client.kill()
            client.communicate()
            eventually(lambda: not _compute_processes(otk), "nobody computes for who has gone")
        with _journal_locked(otk):
            client, _ = asking()
            otk.servers[0].signal(signal.SIGHUP)  # drained: whoever serves next cannot read either
            eventually(lambda: not _compute_processes(otk), "nobody computes in a process that leaves")
        client.communicate(timeout=60)
        eventually(lambda: otk.servers[0].children("api") and otk.admin.run("whoami"), "the next one serves")
        with _journal_locked(otk):
            client, _ = asking()
            otk.servers[0].kill_child("api")
            eventually(lambda: not _compute_processes(otk), "nothing outlives who it is for")
            client.kill()
            client.communicate()
        eventually(lambda: otk.admin.json("contract", "simulate", draft)["summary"]["tickets"] == 14,
                   "the next one is answered")


run()
