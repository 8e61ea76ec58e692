"""The figures of an event log, computed straight from its rows: an independent second opinion for
what an import makes of it. Rules: README.md of the test data.
"""
import collections
import csv
import datetime

STATES = {
    "New": "new", "Active": "in_progress", "Awaiting User Info": "pending",
    "Awaiting Evidence": "pending", "Awaiting Vendor": "pending", "Awaiting Problem": "pending",
    "Resolved": "resolved", "Closed": "closed",
}
PAUSING = {"Awaiting User Info", "Awaiting Evidence"}
DONE = ("resolved", "closed")


def seconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def quantile(ordered, q):
    """Linear interpolation between order statistics."""
    position = q * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def distribution(values):
    ordered = sorted(values)
    return {"n": len(ordered), "sum": sum(ordered), "mean": sum(ordered) / len(ordered),
            "p50": quantile(ordered, 0.5), "p90": quantile(ordered, 0.9),
            "p95": quantile(ordered, 0.95)}


class Case:
    """One case's life, row by row."""

    def __init__(self, opened):
        self.opened = opened
        self.state = None
        self.paused = False
        self.since = opened  # start of the running stretch
        self.ran = 0  # without pauses, resolved and closed time
        self.resolved = None
        self.effective = None
        self.reopens = 0
        self.pending = False
        self.teams = []

    def observe(self, at, row):
        state, paused = self.state, self.paused
        if row["incident_state"] != "-100":
            state = STATES[row["incident_state"]]
            paused = row["incident_state"] in PAUSING
        if state is None:
            state = "new"
        if (state, paused) != (self.state or "new", self.paused):
            if not self.paused and self.state not in DONE:
                self.ran += max(0, at - self.since)
            self.since = max(at, self.opened)
        if state in DONE and self.state not in DONE:
            self.resolved, self.effective = at, self.ran
        if self.state in DONE and state not in DONE:
            self.reopens += 1
        self.state, self.paused = state, paused
        self.pending |= state == "pending"
        team = row["assignment_group"]
        if team and (not self.teams or self.teams[-1] != team):
            self.teams.append(team)


def facts(file):
    """Of an open CSV file with the header of the incident log."""
    rows = collections.defaultdict(list)
    count = 0
    for index, row in enumerate(csv.DictReader(file)):
        rows[row["number"]].append((row["sys_updated_at"], int(row["sys_mod_count"]), index, row))
        count += 1
    cases = []
    for observed in rows.values():
        observed.sort(key=lambda o: o[:3])
        case = Case(seconds(observed[0][3]["opened_at"]))
        for at, _, _, row in observed:
            case.observe(seconds(at), row)
        cases.append(case)
    return {
        "rows": count,
        "tickets": len(cases),
        "last_state": dict(collections.Counter(c.state for c in cases)),
        "resolved_or_closed": sum(c.state in DONE for c in cases),
        "reopened_tickets": sum(c.reopens > 0 for c in cases),
        "reopen_events": sum(c.reopens for c in cases),
        "handoffs": sum(max(0, len(c.teams) - 1) for c in cases),
        "pingpong": sum(c.teams[i] == c.teams[i + 2] for c in cases
                        for i in range(len(c.teams) - 2)),
        "tickets_ever_pending": sum(c.pending for c in cases),
        "mttr_wall_s": distribution([c.resolved - c.opened for c in cases if c.resolved]),
        "mttr_effective_s": distribution([c.effective for c in cases if c.resolved]),
    }
