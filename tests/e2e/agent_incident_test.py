#!/usr/bin/python3
"""A real agent with a real plugin: a port that nobody serves becomes one incident, and its life
follows the port's."""
# time-limit: 150
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk  # noqa: E402
from otk_test import Skip, check, check_equal, eventually, free_port, run  # noqa: E402

PLUGIN = Path("/usr/lib/nagios/plugins/check_tcp")
CHECKS = """checks:
  - name: shop
    host: web1
    command: [{plugin}, -H, 127.0.0.1, -p, "{port}", -t, "3"]
    max_attempts: 2
    check_interval: 1s
    retry_interval: 1s
    impact: 1
    urgency: 1
"""
IN_PROGRESS, RESOLVED, CLOSED = 3, 5, 6


class _Port:
    """Serves and stops serving."""

    def __init__(self):
        self.number = free_port()
        self.socket = None

    def open(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.number))
        self.socket.listen(64)

    def close(self):
        self.socket.close()


def _state(otk, ticket):
    return int(otk.value(f"SELECT state FROM ticket WHERE ticket_id = {ticket}"))


def an_incident_lives_as_its_port_does():
    if not PLUGIN.exists():
        raise Skip("monitoring-plugins-basic is not installed")
    port = _Port()
    with Desk() as otk:
        otk.know_agents(["a1"])
        otk.agent("a1", CHECKS.format(plugin=PLUGIN, port=port.number))
        eva = otk.peer("eva")

        ticket = int(eventually(lambda: otk.value("SELECT ticket_id FROM ticket"), "a closed port is an incident", 30))
        shown = eva.ticket("get", ticket_id=ticket)
        check(shown.title.startswith("web1: shop: "), "the title names host and check", shown.title)
        check_equal((shown.priority, shown.team), (1, "field"), "as grave as the check says, for the agent's team")
        reports = otk.value("SELECT count(*) FROM report WHERE kind = 1")
        check_equal(reports, "1", "only a hard state is reported")

        port.open()
        eventually(lambda: _state(otk, ticket) == RESOLVED, "recovery resolves what nobody touched", 30)
        check_equal(otk.value("SELECT self_recovered FROM ticket"), "t", "by itself")
        port.close()
        eventually(lambda: _state(otk, ticket) == IN_PROGRESS, "failing again reopens", 30)

        eva.ticket("take", ticket_id=ticket)
        before = int(otk.value("SELECT max(seq) FROM event"))
        port.open()
        eventually(lambda: otk.value(f"SELECT count(*) FROM event WHERE kind = 17 AND seq > {before}") == "1",
                   "recovery is noted on a touched one", 30)
        check_equal(_state(otk, ticket), IN_PROGRESS, "which stays with its engineer")
        port.close()
        eventually(lambda: otk.value("SELECT check_bad FROM ticket") == "t", "and so is failing again", 30)
        eva.ticket("resolve", ticket_id=ticket, text="Restarted the shop")
        port.open()
        eventually(lambda: _state(otk, ticket) == CLOSED, "recovery closes a resolved one", 30)
        check_equal(otk.value("SELECT count(*) FROM ticket"), "1", "all of it is one incident")
        port.close()
        eventually(lambda: _state(otk, ticket) == IN_PROGRESS, "failing inside the window reopens it", 30)
        check_equal(otk.value("SELECT reopen_count FROM ticket"), "2", "for the second time")


run()
