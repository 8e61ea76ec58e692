"""Random contracts, calendars around changes of offset, and random lives of tickets under them,
for the comparison of the server with clock_model.

A life is drawn as it is lived: what comes next, and when, looks at the model, so that commands
often fall exactly on a due time, a level, an end of a pause, or a step beside it.
"""
import random

import calendar_model
from clock_model import OPEN_STATES, TEAM_OF, Life
from clock_terms import (ALL_CLOCKS, CLOCKS, DAY, HOUR, MINUTE, OPERATIONAL, RESOLUTION, RESPONSE,
                         SECOND, SUPPLIER, UPDATE, Contract, Hours, Level, Target)

# Each changes its offset once between FIRST and LAST, forwards or backwards, two by half an hour
# or from an odd offset; the last never does.
ZONES = ["America/New_York", "America/St_Johns", "Europe/Berlin", "Africa/Casablanca",
         "Australia/Lord_Howe", "America/Santiago", "Australia/Adelaide", "Asia/Kolkata"]
# Instants around which the zones change: 8, 22 and 29 March, 4 and 5 April 2026.
SPELLS = [("2026-03-06", 4), ("2026-03-20", 3), ("2026-03-27", 4), ("2026-04-02", 4)]
LOW, HIGH = "2026-01-15", "2026-12-31"
REASONS = ("customer", "scheduled", "supplier", "change")
TYPES = ("incident", "service_request")
SERVICES = ("mail", "print")
TEAMS = ("desk", "field", "night")
ENGINEERS = ("eva", "ivan")


def date_of(text):
    return calendar_model.datetime.date.fromisoformat(text).toordinal() - calendar_model.EPOCH


def random_week(rng):
    """Seven lists of local spans in minutes; None: always."""
    day, sunday = [(540, 780), (840, 1080)], []
    kind = rng.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return [[(0, 1440)]] * 7
    if kind == 2:  # nights, that end on the next date
        return [[(1320, 1800)]] * 7
    if kind == 3:  # where most changes of offset are
        return [[(30, 90), (105, 135), (150, 185), (480, 1200)]] * 7
    if kind == 4:
        return [[(420, 1140)]] * 5 + [[(600, 840)], [(90, 155), (170, 240)]]
    if kind == 5:
        return [[(1380, 1500)], [], [(540, 1080)], [], [(540, 1080)], [(0, 120), (1320, 1440)],
                [(1, 59), (120, 181), (1200, 1440)]]
    return [day] * 5 + [[(600, 840)] if kind == 6 else [], sunday]


def random_exceptions(rng, week):
    if week is None:
        return {}
    first = date_of(SPELLS[0][0]) - 3
    return {first + rng.randrange(45): [(600, 720), (725, 900)] if rng.random() < 0.4 else []
            for _ in range(rng.choice([0, 2, 4]))}


def duration(microseconds):
    seconds = abs(microseconds) // SECOND
    parts = [(seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s")]
    return "".join(f"{n}{unit}" for n, unit in parts if n)


def acts_after(before, level, lengths, in_days):
    """Whether a level comes after another, and after the start, whatever the target."""
    places = [level.threshold(length) for length in lengths]
    if min(places, default=1) <= 0:
        return False
    if before is None:
        return True
    if in_days:  # how long those are nobody knows: only what is on both sides of due, or alike
        if (before.percent is None) == (level.percent is None):
            if (before.percent or before.offset) >= (level.percent or level.offset):
                return False
        elif (before.percent - 100 if before.percent else before.offset) > 0 >= (
                level.percent - 100 if level.percent else level.offset):
            return False
    return all(before.threshold(length) < place for length, place in zip(lengths, places))


class Terms:
    """A contract and what an installation file says about it. `contract` is what new tickets
    take, None once it is withdrawn."""

    # An answer or an update that is promised later than the end is refused: short or long ones.
    LENGTHS = [{RESPONSE: [10, 15, 30], UPDATE: [15, 30, 40],
                RESOLUTION: [45, 60, 120, 240, 480, 960, 1500]},
               {RESPONSE: [10, 15, 30, 60, 90, 230], UPDATE: [15, 30, 45, 60, 120],
                RESOLUTION: [240, 480, 960, 1500]}]
    OWN_LENGTHS = {OPERATIONAL: [5, 15, 30, 60, 120, 240], SUPPLIER: [20, 60, 120, 240, 960]}

    def __init__(self, rng, number):
        self.rng, self.code = rng, f"c{number:02}"
        zone = calendar_model.Zone(ZONES[number % len(ZONES)])
        week = random_week(rng)
        self.calendar = calendar_model.Calendar(zone, week, random_exceptions(rng, week))
        hours = Hours(self.calendar, date_of(LOW) * 1440, date_of(HIGH) * 1440)
        self.versions = {}
        self.draw(hours)

    def draw(self, hours):
        """Another version of the contract, over the same calendar."""
        rng = self.rng
        self.lengths = {**rng.choice(self.LENGTHS), **self.OWN_LENGTHS}
        self.listed = self.random_pauses()
        pauses = {clock: {reason for reason, clocks in self.listed if clock in clocks}
                  for clock in ALL_CLOCKS}
        pauses[UPDATE] |= {"customer", "scheduled"}
        if not self.listed:
            pauses[RESOLUTION] = pauses[OPERATIONAL] = {"customer", "scheduled"}
        targets = {clock: self.random_targets(clock) for clock in CLOCKS}
        for clock in (OPERATIONAL, SUPPLIER):
            targets[clock] = self.random_targets(clock) if rng.random() < 0.7 else []
        levels = {clock: self.random_levels(targets[clock]) for clock in ALL_CLOCKS}
        if rng.random() < 0.5:
            for ladder in levels.values():
                self.draw_actions(ladder)
        self.contract = Contract(
            hours, [t for clock in ALL_CLOCKS for t in targets[clock]], pauses, levels,
            stops=[c for c in ALL_CLOCKS if rng.random() < 0.5] if rng.random() < 0.3 else (),
            auto_close=rng.choice([("days", 3), ("days", 1), ("wall", 2 * DAY), ("wall", 5 * HOUR)]),
            matrix=[rng.randint(1, 5) for _ in range(9)] if rng.random() < 0.4 else None,
            reopen_window=rng.choice([10 * DAY, 3 * DAY, 6 * HOUR]))
        self.versions[len(self.versions) + 1] = self.contract

    def edit(self, now, lives):
        """A new edition of the calendar, version of the contract or its withdrawal, from now on;
        `lives` are those that were begun under this contract."""
        rng = self.rng
        what = rng.choices(["calendar", "version", "withdrawal"], [6, 4, 1])[0]
        if self.contract is None:
            return "nothing"
        for life in lives:
            life.tick(now)
        if what == "version":
            self.draw(self.contract.hours)
        elif what == "withdrawal":
            for contract in {life.contract for life in lives} | {self.contract}:
                contract.withdrawn = True
            for life in lives:
                life.contract_withdrawn(now)
            self.contract = None
        else:
            week = self.calendar.week if rng.random() < 0.5 else random_week(rng)
            self.calendar = calendar_model.Calendar(self.calendar.zone, week,
                                                    random_exceptions(rng, week))
            self.contract.hours.edit(self.calendar, now)
            for life in lives:
                life.calendar_edited(now)
        return what

    def random_target(self, clock, **which):
        rng = self.rng
        kind = rng.choices(["service", "wall", "days"], [6, 2, 2 if clock == RESOLUTION else 0.3])[0]
        amount = rng.choice(self.lengths[clock]) * MINUTE
        if kind == "days":
            amount = rng.randint(1, 3) if clock == RESOLUTION else 1
        if kind != "days" and rng.random() < 0.1:
            amount += rng.randint(1, 59) * SECOND
        return Target(clock, kind, amount, **which)

    def random_targets(self, clock):
        """One for everything, mostly, and some that are more exact."""
        rng, made = self.rng, {}
        for _ in range(rng.choice([1, 2, 4])):
            which = (rng.choice([None, *TYPES]), rng.randint(0, 5),
                     rng.choice([None, None, *SERVICES]),
                     rng.choice([None, *TEAMS]) if clock == OPERATIONAL else None)
            made[which] = None
        if rng.random() < 0.85:
            made[(None, 0, None, None)] = None
        elif rng.random() < 0.2:
            return []
        return [self.random_target(clock, ticket_type=kind, priority=priority, service=service,
                                   team=team) for kind, priority, service, team in made]

    def random_pauses(self):
        rng = self.rng
        if rng.random() < 0.4:
            return []
        clocks = {reason: [c for c in ALL_CLOCKS if rng.random() < 0.5
                           and (c, reason) != (SUPPLIER, "supplier")] for reason in REASONS}
        return [(reason, clocks[reason] or [RESOLUTION])
                for reason in REASONS if rng.random() < 0.6]

    def draw_actions(self, ladder):
        """What levels do to the ticket; a ladder that hands it round in a circle is refused."""
        rng = self.rng
        for level in ladder:
            if rng.random() < 0.4:
                level.actions = level.actions + ["raise priority"]
        if ladder and rng.random() < 0.7:
            level = rng.choice(ladder)
            level.actions = rng.sample([*level.actions, rng.choice(
                ["assign team " + rng.choice(TEAMS), "assign person " + rng.choice(ENGINEERS)])],
                len(level.actions) + 1)

    def random_levels(self, targets):
        """In the order in which they act under each of the targets: no other is accepted."""
        rng = self.rng
        written = [("percent", p) for p in (10, 25, 33, 50, 75, 80, 90, 100, 120, 150)]
        written += [("offset", m * MINUTE) for m in (-45, -30, -10, -5, 10, 60, 120)]
        lengths = [t.amount for t in targets if t.kind != "days"]
        drawn = [Level(0, **{kind: value}) for kind, value in
                 rng.sample(written, rng.choice([0, 1, 2, 3, 5]))]
        drawn.sort(key=lambda level: level.threshold(min(lengths, default=DAY)))
        kept = []
        for level in drawn:
            if acts_after(kept[-1] if kept else None, level, lengths,
                          len(lengths) < len(targets)):
                kept.append(level)
                level.number = len(kept)
        return kept

    # --- as an installation file

    def calendar_part(self):
        exceptions = self.calendar.exceptions.items()
        return {"code": self.code, "zone": self.calendar.zone.name,
                "week": self.calendar.week_text(self.rng),
                "holidays": [calendar_model.date_text(d) for d, spans in exceptions if not spans],
                "special_days": [{"date": calendar_model.date_text(d),
                                  "spans": calendar_model.spans_text(spans, self.rng)}
                                 for d, spans in exceptions if spans]}

    @staticmethod
    def target_part(target):
        text = {"service": duration(target.amount), "wall": duration(target.amount) + " calendar",
                "days": f"{target.amount}bd"}[target.kind]
        part = {"clock": target.clock, "target": text, "priority": target.priority,
                "type": target.type, "service": target.service, "team": target.team}
        return {name: value for name, value in part.items() if value}

    def contract_part(self):
        contract, (kind, length) = self.contract, self.contract.auto_close
        part = {
            "code": self.code, "customer": "acme", "sites": [self.code], "calendar": self.code,
            "targets": [self.target_part(t) for t in contract.targets],
            "pauses": [{"reason": reason, "clocks": clocks} for reason, clocks in self.listed],
            "levels": [{"clock": clock, "name": f"{clock} {level.number}", "at": self.level_at(level),
                        "actions": level.actions}
                       for clock in ALL_CLOCKS for level in contract.levels[clock]],
            "acknowledge_stops": list(contract.stops),
            "priority_matrix": contract.matrix,
            "auto_close": f"{length}bd" if kind == "days" else duration(length) + " calendar",
            "reopen_window": duration(contract.reopen_window)}
        return {name: value for name, value in part.items() if value}

    @staticmethod
    def level_at(level):
        if level.percent is not None:
            return f"{level.percent}%"
        return ("-" if level.offset < 0 else "+") + duration(level.offset)


def agent_team(terms):
    """Where what an agent files goes."""
    return TEAMS[int(terms.code[1:]) % 3] if int(terms.code[1:]) % 2 else ""


def installation(name, admin, terms):
    """Everything as one message: the form of an installation file that is also JSON."""
    def person(code, role, customer=None):
        part = {"code": code, "name": code.title(), "grants": [{"role": role}]}
        if code in TEAM_OF:
            part["teams"] = [TEAM_OF[code]]
        if customer:
            part["customer"] = part["grants"][0]["customer"] = customer
        return part

    return {
        "name": name,
        "customers": [{"code": code, "name": code.title(), "zone": "UTC"}
                      for code in ("acme", "bravo")],
        "sites": [{"code": t.code, "customer": "acme", "name": t.code, "zone": "UTC"} for t in terms],
        "teams": [{"code": code, "name": code.title()} for code in TEAMS],
        "agents": [{"code": "agent-" + t.code, "site": t.code, "team": agent_team(t)} for t in terms],
        "people": [person(admin, "admin"), person("lena", "lead"), *(person(code, "engineer") for code in ENGINEERS),
                   person("olga", "requester", "acme"), person("mark", "requester", "acme"),
                   person("boris", "requester", "bravo"), person("maria", "requester", "bravo")],
        "services": [{"code": code, "name": code.title(), "customer": "acme"} for code in SERVICES],
        "calendars": [t.calendar_part() for t in terms],
        "contracts": [t.contract_part() for t in terms if t.contract]}


class Plan:
    """One life as it is drawn: `at` is the instant of its next command, None when it is over."""

    GAPS = [0, 1, 1, 2, 5, 13, 30, 30, 60, 120, 300, 600, 1440, 2880]
    WEIGHTS = {
        "new": "take take assign assign reply reply reply_wait pend classify classify cancel resolve "
               "ask promise merge",
        "assigned": "take take assign assign reply reply_wait pend classify classify cancel resolve "
                    "note ask waive promise promise merge",
        "in_progress": "reply reply reply_wait reply_wait pend classify assign assign assign resolve "
                       "resolve note ask waive promise promise merge",
        "pending": "resume resume customer customer reply reply_wait pend classify take resolve ask "
                   "promise assign merge",
        "resolved": "reopen reopen close reply customer classify note waive",
        "closed": "reopen reopen reopen note waive", "cancelled": "note waive unmerge unmerge unmerge"}
    ANY = ("take assign reply customer pend resume resolve close reopen cancel classify note ask "
           "waive promise merge unmerge").split()
    merges = True  # lives become one, and two again
    filed = ()  # those of the same customer, in the order in which they were filed

    def __init__(self, seed, number, terms, by_second):
        self.rng = rng = random.Random(f"{seed}/{number}")
        self.number, self.grain = number, SECOND if by_second else MINUTE
        self.terms = rng.choice(terms) if rng.random() < 0.98 else None
        self.customer = "acme" if self.terms else "bravo"
        start, days = rng.choice(SPELLS)
        self.at = self.aligned(date_of(start) * DAY + rng.randrange(days * DAY))
        self.until = self.at + 8 * DAY
        self.left = rng.randint(3, 18)
        self.life = self.ticket_id = self.backlog = self.into = None
        self.log = []

    def __repr__(self):
        return f"life {self.number}, ticket {self.ticket_id}"

    def aligned(self, at):
        """The first whole minute (or second) that is not before."""
        return -(-at // self.grain) * self.grain

    def person(self, actor):
        if actor == "provider":
            return self.engineer
        if actor == "lead":
            return "lena"
        return {"acme": {"requester": "olga", "other": "mark"},
                "bravo": {"requester": "boris", "other": "maria"}}[self.customer][actor]

    def draw_filing(self):
        """Who files what; the fields of the Life."""
        rng = self.rng
        actor = "provider" if rng.random() < 0.3 else "requester"
        self.engineer = rng.choice(ENGINEERS)
        if self.terms and rng.random() < 0.15:
            return self.draw_backlog()
        fields = {"ticket_type": rng.choice(TYPES), "impact": rng.randint(1, 3),
                  "urgency": rng.randint(1, 3),
                  "service": rng.choice([None, None, *SERVICES]) if self.terms else None,
                  "live_contact": actor == "provider" and rng.random() < 0.4}
        if actor == "provider":
            fields["team"] = rng.choice([None, *TEAMS])
        return actor, fields

    def draw_backlog(self):
        """What a site's agent sends when it is back: a person's report, or a check that is bad at
        the end; and before it sometimes a check that was bad and is good again."""
        rng = self.rng
        self.backlog = [rng.randint(1, 3000) * MINUTE, rng.random() < 0.5]
        fields = {"impact": rng.randint(1, 3), "urgency": rng.randint(1, 3),
                  "team": agent_team(self.terms) or None}
        if rng.random() < 0.5:
            return "check", {**fields, "ticket_type": "incident"}
        return "person", {**fields, "ticket_type": rng.choice(TYPES),
                          "service": rng.choice([None, *SERVICES])}

    def file(self, actor, fields):
        if actor == "check":
            fields = {**fields, "check": True}
        contract = self.terms.contract if self.terms else None
        self.life = Life(contract, self.at, actor, **fields)

    def draw_command(self):
        """verb, actor, fields."""
        rng = self.rng
        self.engineer = rng.choice(ENGINEERS)
        if rng.random() < 0.2 and self.other_versions():
            return "repin", "admin", {"version": rng.choice(self.other_versions())}
        verb = rng.choice(self.WEIGHTS[self.life.state].split() if rng.random() < 0.93 else self.ANY)
        if verb in ("merge", "unmerge") and not self.merges:
            verb = "note"
        actor = rng.choices(["provider", "requester", "other"], [90, 5, 5])[0]
        if verb in ("close", "reopen", "cancel"):
            actor = rng.choices(["provider", "requester", "other"], [50, 45, 5])[0]
        text = rng.choice(["words", None])
        if verb == "waive":
            return verb, rng.choice(["lead"] * 9 + ["provider"]), {
                "clock": rng.choice([*ALL_CLOCKS, *self.life.clocks]), "text": "words"}
        if verb == "merge":
            return verb, actor, {"into": self.draw_other()}
        if verb == "unmerge":
            return verb, actor, {}
        if verb == "ask":
            return verb, rng.choice(["requester"] * 6 + ["other"] * 3 + ["provider"]), {"text": "words"}
        if verb == "promise":
            length = self.life.promised and rng.random() < 0.1  # withdrawn; else hours, or a moment
            return verb, actor, {"text": "words", "promise_at": None if length else
                                 self.at + rng.choice([1, 20, 100, 300, 1000, 3000]) * self.grain}
        if verb == "customer":
            return "reply", rng.choice(["requester", "requester", "other"]), {"text": "words"}
        if verb == "reply":
            return verb, "provider", {"text": "words"}
        if verb in ("pend", "reply_wait"):
            reason = rng.choice((*REASONS, "supplier", "supplier"))
            fields = {"reason": reason, "text": text}
            if verb == "reply_wait" or (reason == "customer" and rng.random() < 0.95):
                fields["text"] = "words"
            if reason == "scheduled":
                fields["until"] = self.pause_end()
            return ("reply", "provider", fields) if verb == "reply_wait" else (verb, actor, fields)
        if verb == "take":
            return verb, actor, {"person": self.engineer}
        if verb == "assign":
            return verb, actor, rng.choice([{"team": rng.choice(TEAMS)}, {"clear": True},
                                            {"person": rng.choice(ENGINEERS)}])
        if verb == "classify":
            return verb, actor, self.draw_classes()
        if verb in ("note", "resolve"):
            text = "words"
        return verb, actor, {"text": text}

    def draw_other(self):
        """With which life this one may become one: mostly one that allows it."""
        place = self.filed.index(self)
        near = self.filed[max(place - 100, 0):place + 3]
        tried = [self.rng.choice(near) for _ in range(8)]
        fit = [other for other in tried if other.is_older(self)
               and other.life.state in (*OPEN_STATES, "resolved")]
        return self.rng.choice(fit if fit and self.rng.random() < 0.9 else tried)

    def is_older(self, other):
        return (self.life.created_at, self.ticket_id) < (other.life.created_at, other.ticket_id)

    def other_versions(self):
        """Those that the ticket could be put under instead."""
        life = self.life
        if not life.contract or life.contract.withdrawn or life.state not in OPEN_STATES:
            return []
        return [number for number, contract in self.terms.versions.items()
                if contract is not life.contract]

    def draw_classes(self):
        rng = self.rng
        fields = rng.choice([
            {"impact": rng.randint(1, 3)}, {"urgency": rng.randint(1, 3)},
            {"impact": rng.randint(1, 3), "urgency": rng.randint(1, 3)},
            {"priority": rng.randint(1, 5), "text": "because"},
            {"ticket_type": rng.choice(TYPES)}, {"service": rng.choice(SERVICES)}])
        return fields if self.terms or "service" not in fields else {"urgency": 1}

    def pause_end(self):
        owed = [at for at, _, _ in self.life.owed() if at > self.at]
        if owed and self.rng.random() < 0.25:
            return self.aligned(owed[0])
        return self.at + self.rng.choice([1, 20, 60, 240, 1500, 4000]) * self.grain

    def move_on(self):
        """Draws the instant of the next command."""
        self.left -= 1
        at = self.at + self.rng.choice(self.GAPS) * MINUTE
        if self.grain == SECOND:
            at += self.rng.randrange(60) * SECOND
        owed = self.life.owed()[:3]
        if owed and self.rng.random() < 0.4:
            there = self.aligned(self.rng.choice(owed)[0] + self.rng.choice([-1, 0, 0, 0, 1])
                                 * self.grain)
            if self.at <= there < self.at + 4 * DAY:
                at = there
        self.at = at if self.left > 0 and at < self.until else None


def plans(seed, minutes, seconds):
    """The contracts, and so many lives at whole minutes and by the second."""
    rng = random.Random(seed)
    terms = [Terms(rng, number) for number in range(3 * len(ZONES))]
    return terms, [Plan(seed, n, terms, n >= minutes) for n in range(minutes + seconds)]
