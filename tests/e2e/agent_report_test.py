#!/usr/bin/python3
"""What a person on site says becomes a ticket once, also when server and agent were away."""
# time-limit: 120
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk  # noqa: E402
from otk_test import binary, call, check, check_equal, eventually, run  # noqa: E402


class _Site(Desk):
    def make(self):
        super().make()
        self.know_agents(["a1"])
        self.agent("a1")

    def report(self, title, *words):
        """Its number in the queue."""
        said = self.agent_report("a1", "--title", title, *words)
        found = re.fullmatch(r"ok (\d+)\n", said)
        check(found is not None, "the agent says ok and the number", said)
        return int(found[1])

    def titles(self):
        return [row[0] for row in self.rows("SELECT title FROM ticket ORDER BY ticket_id")]


def a_report_becomes_a_ticket():
    with _Site() as otk:
        otk.report("The printer is on fire", "--text", "Smoke, mostly", "--requester", "olga")
        eventually(lambda: otk.titles() == ["The printer is on fire"], "it is filed", 20)
        check_equal(otk.rows("SELECT requester_id, site_id, team_id, channel FROM ticket"),
                    [["11", "1", "2", "agent"]], "for whom it is and where it goes")
        check_equal([e.text for e in otk.peer("olga").events(int(otk.value("SELECT ticket_id FROM ticket")))
                     if e.kind == 1], ["Smoke, mostly"], "its requester reads it")


def what_was_said_while_the_server_was_away_arrives_once():
    with _Site() as otk:
        otk.servers[0].kill()
        wanted = [f"report {i}" for i in range(5)]
        for title in wanted[:3]:
            otk.report(title)
        otk.agents["a1"].kill()
        otk.agents["a1"].start()
        eventually(lambda: otk.agent_report("a1", "--title", "probe"), "the agent is back", 20)
        for title in wanted[3:]:
            otk.report(title)
        check_equal(otk.titles(), [], "nothing can have arrived")
        otk.servers[0].start()
        eventually(lambda: otk.titles() == wanted[:3] + ["probe"] + wanted[3:], "all, once, in order", 60)
        otk.agents["a1"].kill()
        otk.agents["a1"].start()
        eventually(lambda: otk.value("SELECT count(*) FROM report WHERE kind = 4") == "3", "it says that it started", 60)
        check_equal(len(otk.titles()), 6, "and nothing again")


def a_queue_restored_from_a_copy_is_told_and_may_begin_anew():
    with _Site() as otk:
        agent, copy = otk.agents["a1"], otk.folder / "copy"
        otk.report("before the copy")
        eventually(lambda: len(otk.titles()) == 1, "it is filed", 20)
        agent.stop()
        shutil.copytree(otk.folder / "agent-a1", copy)
        agent.start()
        eventually(lambda: otk.report("after the copy"), "the agent is back", 20)
        eventually(lambda: len(otk.titles()) == 2, "it is filed", 20)
        agent.stop()
        for name in ("queue.db", "queue.db-wal", "queue.db-shm"):
            (otk.folder / "agent-a1" / name).unlink(missing_ok=True)
            if (copy / name).exists():
                shutil.copy(copy / name, otk.folder / "agent-a1" / name)
        agent.start()
        eventually(lambda: "QUEUE_QUARANTINED" in agent.log_text(), "the restored queue is told", 20)
        eventually(lambda: otk.report("from the restored one"), "it takes reports all the same", 20)
        check_equal(len(otk.titles()), 2, "but the server does not")
        check("new-queue" in agent.log_text(), "the way out is told")
        said = call(binary("otklik-agent"), "new-queue", "--config", agent.config, env=otk.environment)
        check_equal(said, "a new queue begins; reports waiting in it: 2\n", "what waits is kept")
        eventually(lambda: otk.titles() == ["before the copy", "after the copy", "from the restored one"],
                   "it arrives", 60)


run()
