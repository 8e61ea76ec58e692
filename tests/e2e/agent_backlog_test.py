#!/usr/bin/python3
"""What an agent brings after it was offline: failures that passed meanwhile become records that
nobody is told of; only the last state of each check files, and all of it once."""
# time-limit: 150
import random
import socket
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk  # noqa: E402
from otk_test import Skip, binary, call, check, check_equal, eventually, free_port, run  # noqa: E402

PLUGIN = Path("/usr/lib/nagios/plugins/check_tcp")
CHECKS = """checks:
  - name: {name}
    host: web1
    command: [{plugin}, -H, 127.0.0.1, -p, "{port}", -t, "3"]
    max_attempts: 1
    check_interval: 1s
    retry_interval: 1s
"""
OK, WARNING, CRITICAL = 1, 2, 3
RECORD = ("SELECT count(*) FROM ticket WHERE self_recovered AND state = 6 AND NOT EXISTS "
          "(SELECT FROM sla_clock c WHERE c.ticket_id = ticket.ticket_id)")
# A ticket is filed by one report; a record by the one with which the check recovered.
NOT_FILED_ONCE = ("SELECT count(*) FROM (SELECT FROM ticket t LEFT JOIN report r ON r.ticket_id = t.ticket_id AND "
                  "r.outcome = CASE WHEN EXISTS (SELECT FROM sla_clock c WHERE c.ticket_id = t.ticket_id) THEN 1 "
                  "ELSE 3 END "
                  "GROUP BY t.ticket_id HAVING count(r.seq) <> 1) x")


def _serve(port):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(64)
    return server


def a_real_agent_is_offline_while_its_checks_fail_and_recover():
    if not PLUGIN.exists():
        raise Skip("monitoring-plugins-basic is not installed")
    shop, mail = free_port(), free_port()
    open_shop, open_mail = _serve(shop), _serve(mail)
    with Desk() as otk:
        otk.know_agents(["a1", "a2"])
        otk.agent("a1", CHECKS.format(plugin=PLUGIN, name="shop", port=shop)
                  + CHECKS.format(plugin=PLUGIN, name="mail", port=mail).replace("checks:\n", ""))
        eventually(lambda: otk.value("SELECT count(*) FROM monitored_check WHERE state = 1") == "2", "both are fine", 30)
        otk.servers[0].stop()

        def says(check, state):
            shown = call(binary("otklik-agent"), "status", "--config", otk.agents["a1"].config, env=otk.environment)
            return f"web1/{check} {state} hard" in shown

        open_shop.close()
        eventually(lambda: says("shop", "CRITICAL"), "the shop fails", 30)
        open_shop = _serve(shop)
        eventually(lambda: says("shop", "OK"), "and recovers", 30)
        open_mail.close()
        eventually(lambda: says("mail", "CRITICAL"), "the mail fails and stays so", 30)
        otk.servers[0].start()
        eventually(lambda: otk.value("SELECT count(*) FROM ticket") == "2", "both are told", 60)
        rows = otk.rows("SELECT title LIKE 'web1: shop%', state, self_recovered FROM ticket ORDER BY 1 DESC")
        check_equal(rows, [["t", "6", "t"], ["f", "1", "f"]], "a record, and an incident")
        check_equal(otk.value(RECORD), "1", "the record has no clock")
        check_equal(otk.value("SELECT count(*) FROM check_backlog"), "0", "nothing waits any more")
        open_mail = _serve(mail)
        eventually(lambda: otk.value("SELECT state FROM ticket WHERE NOT title LIKE 'web1: shop%'") == "5",
                   "live again", 30)
        _what_waits_when_a_process_dies_is_found_at_the_next_mark(otk)


def _report(name, state, counter):
    return {"kind": 1, "occurred_at_us": 1_700_000_000_000_000 + counter, "host": "web", "check": name,
            "state": state, "counter": counter, "output": f"{name} {state}"}


class _Model:
    """The rules again, over whole histories."""

    def __init__(self):
        self.bad, self.records, self.open = {}, 0, set()

    def backlog(self, reports):
        states = {}
        for report in reports:
            states.setdefault(report["check"], []).append(report["state"] != OK)
        for name, history in states.items():
            inside, was = False, self.bad.get(name, False)
            for bad in history:
                if bad and not was:
                    inside = True
                elif not bad and inside:
                    self.records += 1
                    inside = False
                was = bad
            self.live(name, was)

    def live(self, name, bad):
        self.bad[name] = bad
        (self.open.add if bad else self.open.discard)(name)


def _what_waits_when_a_process_dies_is_found_at_the_next_mark(otk):
    count = "SELECT count(*) FROM ticket WHERE title LIKE 'web: c%' AND state = 1"
    agent, epoch = otk.agent_peer("a2"), uuid.uuid4().bytes
    agent.mark(epoch, 2)
    agent.submit(epoch, 1, [_report("c", CRITICAL, 1)], head_seq=2)
    check_equal(otk.value(count), "0", "it waits for the rest")
    # As if the last report had been taken, and then the process had died.
    otk.psql("UPDATE agent_mark SET mark = 2, head = 2 WHERE mark = 1 AND head = 2")
    check_equal(agent.mark(epoch, 2), 2, "the mark")
    check_equal(otk.value(count), "1", "the last state has filed")
    became = ("SELECT r.outcome, r.ticket_id = t.ticket_id FROM report r JOIN ticket t ON t.title LIKE 'web: c%' "
              "WHERE r.check_name = 'c'")
    check_equal(otk.rows(became), [["1", "t"]], "and its report says so")
    agent.mark(epoch, 2)
    check_equal(otk.value(count), "1", "once")


def _says_what_became_of_them(otk, answer):
    """The answer is that of the rows, and no last report of a check that is bad says nothing."""
    said = {str(r.seq): [str(r.outcome), str(r.ticket_id) if r.ticket_id else None] for r in answer.results}
    rows = otk.rows("SELECT seq, outcome, ticket_id FROM report")
    check_equal(said, {seq: rest for seq, *rest in rows if seq in said}, "the answer and the rows")
    silent = otk.value("SELECT count(*) FROM monitored_check m JOIN report r USING "
                       "(agent_id, host, check_name, counter) WHERE m.state > 1 AND r.ticket_id IS NULL")
    check_equal(silent, "0", "last reports of failing checks without a ticket")


def histories_come_to_what_the_rules_say_however_they_are_cut():
    chance = random.Random(20261122)
    with Desk(masters=2) as otk:
        otk.know_agents(["a1"])
        agent, epoch, model, seq = otk.agent_peer("a1"), uuid.uuid4().bytes, _Model(), 0
        for turn in range(3):
            # More checks than go into one transaction fail at once: a switch of the site.
            names = [f"c{i}" for i in range(90 if turn == 0 else 20)]
            reports = [_report(chance.choice(names), chance.choice((OK, WARNING, CRITICAL)), 0)
                       for _ in range(400 if turn == 0 else 60)]
            if turn == 0:
                reports += [_report(name, CRITICAL, 0) for name in names]
            for i, report in enumerate(reports):
                report["counter"] = seq + i + 1
                report["occurred_at_us"] += seq + i
            head = seq + len(reports)
            agent.mark(epoch, head)
            model.backlog(reports)
            while reports:
                size = chance.randint(1, 64)
                if chance.random() < 0.2:  # the line breaks; another server, and it is announced again
                    agent.close()
                    agent = otk.agent_peer("a1", chance.randint(0, 1))
                    check_equal(agent.mark(epoch, head), seq, "the mark")
                answer = agent.submit(epoch, seq + 1, reports[:size], head_seq=head)
                if head > answer.mark:
                    check(otk.value("SELECT count(*) FROM check_backlog") != "0", "it waits")
                else:
                    _says_what_became_of_them(otk, answer)
                    _says_what_became_of_them(otk, agent.submit(epoch, seq + 1, reports[:size], head_seq=head))
                seq, reports = answer.mark, reports[size:]
            # What comes after the head is live, in the same batch as anything.
            live = [_report(chance.choice(names), chance.choice((OK, CRITICAL)), seq + i + 1) for i in range(10)]
            for i, report in enumerate(live):
                report["occurred_at_us"] += i
                model.live(report["check"], report["state"] != OK)
            seq = agent.submit(epoch, seq + 1, live, head_seq=head).mark
            check_equal(otk.value("SELECT count(*) FROM check_backlog"), "0", "nothing waits")
            check_equal(int(otk.value(RECORD)), model.records, "records")
            opened = otk.rows("SELECT m.check_name FROM monitored_check m JOIN ticket t USING (ticket_id) "
                              "WHERE t.state NOT IN (5, 6)")
            check_equal({row[0] for row in opened}, model.open, "open incidents")
            check_equal(otk.value(NOT_FILED_ONCE), "0", "each ticket has one report that filed or recorded it")
            bad = otk.rows("SELECT check_name FROM monitored_check WHERE state > 1")
            check_equal({row[0] for row in bad}, {n for n, b in model.bad.items() if b}, "last states")
        check(model.records > 60, "the histories have failures that passed", model.records)
        told = otk.value("SELECT count(*) FROM event e JOIN ticket t USING (ticket_id) WHERE t.state = 6 AND "
                         "t.self_recovered AND e.kind IN (8, 15) AND e.cause = 29")
        check_equal(told, "0", "no clock, no level")


run()
