"""A second, slow model of ticket lives and their clocks, to compare the server with.

Written from the description of SLA clocks, not from the server: time counts or does not count
minute by minute (bytes painted by calendar_model), consumed time is how many minutes counted,
due is found by counting on. Nothing is shared with server/core. Instants and lengths are whole
microseconds, so that a command may come at any second and half a level's minute is exact.

What the description leaves open is done as the server documents it (server/core/README.md);
such places say "documented".
"""
import copy

from clock_round import PAUSED, RUNNING, VOID, Clock
from clock_terms import (ALL_CLOCKS, DAY, ITIL, MINUTE, OPERATIONAL, RESOLUTION, RESPONSE, SUPPLIER,
                         UPDATE)

TEAM_OF = {"eva": "desk"}  # to which team a person brings a ticket along
OPEN_STATES = ("new", "assigned", "in_progress", "pending")


class Promise:
    """A date given to the customer: wall time, whatever the state."""

    def __init__(self, at, given, cadence):
        self.at, self.given, self.broken = at, given, False
        notice = self.notice(cadence)
        self.warn_at = at - min(notice + notice // 2, (at - given) // 2)  # documented

    def notice(self, cadence):
        """How long before the date a move is still in time, by the cadence in force then."""
        return max(cadence, (self.at - self.given) // 5)


class Refused(Exception):
    """By canonical status: FAILED_PRECONDITION, PERMISSION_DENIED, INVALID_ARGUMENT."""


class Life:
    """One ticket. Commands raise Refused; `journal` is what must have happened, in order."""

    def __init__(self, contract, now, actor, ticket_type, impact, urgency, service=None,
                 live_contact=False, check=False, team=None):
        self.contract, self.type, self.service = contract, ticket_type, service
        self.created_at, self.raised = now, set()
        self.silent = False  # levels do not act
        self.unmerged = None  # the life as it would be without the merge
        self.parted = []  # what an undone merge says first
        self.merged_at = []
        self.impact, self.urgency, self.overridden = impact, urgency, False
        self.priority = self.matrix()
        self.journal, self.clocks = [], {}
        self.state, self.reason, self.until = "new", None, None
        self.team, self.assignee = team, None
        self.answered = self.acknowledged = actor == "provider" and live_contact
        self.resolved_at = self.close_at = self.recheck_at = None
        self.check = check  # filed by one that stays bad
        self.reopened = 0
        self.promise, self.promised = None, False
        self.start_clock(RESPONSE, now)
        self.start_clock(RESOLUTION, now)
        self.hold(now)
        if self.answered:
            self.end_clock(RESPONSE, now)
            self.start_clock(UPDATE, now)

    def note(self, at, what, **more):
        self.journal.append((at, what, more))

    def matrix(self):
        table = self.contract.matrix if self.contract else ITIL
        return table[(self.impact - 1) * 3 + self.urgency - 1]

    # --- clocks

    def target(self, kind):
        return self.contract.target(kind, self) if self.contract else None

    def clock_is_open(self, kind):
        return kind in self.clocks and self.clocks[kind].is_open()

    def start_clock(self, kind, now):
        target = self.target(kind)
        if target is not None:
            clock = self.clocks[kind] = Clock(kind, self, now)
            clock.begin(target)

    def end_clock(self, kind, now, void=False):
        if self.clock_is_open(kind):
            if void:
                self.clocks[kind].void(now)
            else:
                self.clocks[kind].stop(now)

    def follow_state(self, now):
        """Clocks rest and run as the state and the contract say; the supplier's is there as long
        as he is waited for."""
        if (self.state, self.reason) != ("pending", "supplier"):
            self.end_clock(SUPPLIER, now)
        elif not self.clock_is_open(SUPPLIER):
            self.start_clock(SUPPLIER, now)
        for kind in ALL_CLOCKS:
            self.follow_one(kind, now)

    def follow_one(self, kind, now):
        if not self.clock_is_open(kind):
            return
        clock = self.clocks[kind]
        rest = self.state == "pending" and self.reason in self.contract.pauses.get(kind, ())
        if rest and clock.state == RUNNING:
            clock.pause(now)
        elif not rest and clock.state == PAUSED:
            if kind == UPDATE:  # armed again with its full length
                clock.void(now)
                self.start_clock(UPDATE, now)
            else:
                clock.resume(now)

    # --- what a team may keep

    def hold(self, now):
        """A team has it from now on."""
        if self.team is not None and self.state in OPEN_STATES:
            self.start_clock(OPERATIONAL, now)
            self.follow_one(OPERATIONAL, now)

    def give_to(self, team, now):
        if team is not None and team != self.team:
            self.team = team
            self.end_clock(OPERATIONAL, now)
            self.hold(now)

    def settle_assigned(self, other_person, now):
        """The state that goes with having somebody."""
        nobody = (self.team, self.assignee) == (None, None)
        if self.state == "new" and not nobody:
            self.set_state("assigned", now)
        elif self.state == "assigned" and nobody:
            self.set_state("new", now)
        elif self.state == "in_progress" and other_person:
            self.set_state("assigned", now)
        else:
            return
        self.follow_state(now)

    def acknowledge(self, now):
        """Somebody of the provider takes the ticket up: some ladders end."""
        if self.acknowledged:
            return
        self.acknowledged = True
        for kind in ALL_CLOCKS:
            if self.clock_is_open(kind) and self.clocks[kind].ladder_rests():
                self.clocks[kind].stop_ladder(now)

    # --- what a level does to the ticket

    def escalate(self, kind, actions, now):
        for action in actions:
            if action == "raise priority":
                self.raise_priority(kind, now)
            elif action.startswith("assign team "):
                self.escalate_to_team(action.split()[-1], now)
            elif action.startswith("assign person "):
                self.escalate_to_person(action.split()[-1], now)

    def raise_priority(self, kind, now):
        """One step, once a clock."""
        if self.priority > 1 and kind not in self.raised:
            self.raised.add(kind)
            self.priority -= 1
            self.overridden = True
            self.retarget(now)

    def escalate_to_team(self, team, now):
        """Whoever had it is not of that team."""
        if team != self.team:
            left, self.assignee = self.assignee is not None, None
            self.give_to(team, now)
            self.settle_assigned(left, now)

    def escalate_to_person(self, person, now):
        if person != self.assignee:
            self.assignee = person
            self.give_to(TEAM_OF.get(person), now)
            self.settle_assigned(True, now)

    def set_state(self, state, now, reason=None, until=None):
        self.state, self.reason, self.until = state, reason, until
        self.note(now, "state", state=state, reason=reason)

    def public_reply(self, now, goes_on=True):
        """By a provider's human, whatever command carries it."""
        self.acknowledge(now)
        self.answered = True
        self.end_clock(RESPONSE, now)
        self.end_clock(UPDATE, now)
        if goes_on and self.state in OPEN_STATES:
            self.start_clock(UPDATE, now)
        self.follow_state(now)

    def say(self, actor, text, now, goes_on=True):
        if text and actor == "provider":
            self.public_reply(now, goes_on)

    def retarget(self, now):
        for kind in ALL_CLOCKS:
            target = self.target(kind)
            if self.clock_is_open(kind):
                self.clocks[kind].retarget(target, now)
            elif target is not None and self.state in OPEN_STATES:
                self.promise_appears(kind, now)
        self.follow_state(now)

    def promise_appears(self, kind, now):
        """Documented: one silenced by a priority without target runs on, one that never ran
        starts; what a team may keep begins anew."""
        clock = self.clocks.get(kind)
        if kind == OPERATIONAL:
            self.hold(now)
        if kind in (OPERATIONAL, SUPPLIER):
            return
        if clock is not None and clock.state != VOID:
            return
        if kind == RESOLUTION and clock is not None:
            clock.reopen(self.contract, self.target(kind), now)
        elif kind == RESOLUTION or (kind == UPDATE and self.answered) or (
                kind == RESPONSE and not self.answered and clock is None):
            self.start_clock(kind, now)

    # --- time

    def owed(self):
        """What time will do by itself, as (instant, order, thing), soonest first."""
        things = []
        if self.state == "pending" and self.until is not None:
            things.append((self.until, (0,), "resume"))
        if self.close_at is not None:
            things.append((self.close_at, (1,), "close"))
        if self.recheck_at is not None:
            things.append((self.recheck_at, (1, 1), "recheck"))
        if self.promise and not self.promise.broken and self.state in OPEN_STATES:
            if self.promise.warn_at is not None:
                things.append((self.promise.warn_at, (1, 2), "warn"))
            things.append((self.promise.at, (1, 3), "break"))
        for number, kind in enumerate(ALL_CLOCKS):
            if not self.clock_is_open(kind):
                continue
            clock = self.clocks[kind]
            if clock.breached_at is None and clock.due is not None:
                things.append((clock.due, (2, number), clock))
            for level in clock.levels:
                if level.state == "armed" and level.at is not None:
                    order = (3, number, level.level.threshold(clock.target), level.level.number)
                    things.append((level.at, order, (clock, level)))
        return sorted(things, key=lambda thing: thing[:2])

    def tick(self, now):
        """Commands come before what time owes at the same instant, so only what lies before."""
        if self.unmerged:
            self.unmerged.tick(now)
        while True:
            things = self.owed()
            if not things or things[0][0] >= now:
                return
            at, _, thing = things[0]
            if thing == "resume":
                self.set_state("in_progress", at)
                self.follow_state(at)
            elif thing == "close":
                self.close_at = None
                self.set_state("closed", at)
            elif thing == "recheck":
                self.run_again("provider", at)
            elif thing == "warn":
                self.promise.warn_at = None
                self.note(at, "warned", old=self.promise.at)
            elif thing == "break":
                self.break_promise(at)
            elif isinstance(thing, Clock):
                thing.breach(at)
            else:
                thing[0].act_level(thing[1], at, "fired")

    def break_promise(self, at):
        self.promise.broken = True
        self.note(at, "broken", old=self.promise.at)

    # --- what happens to contract and calendar; the life has been ticked to the same instant

    def calendar_edited(self, now):
        if self.unmerged:
            self.unmerged.calendar_edited(now)
        for kind in ALL_CLOCKS:
            if self.clock_is_open(kind):
                self.clocks[kind].calendar_edited(self.target(kind), now)

    def contract_withdrawn(self, now):
        """It falls silent."""
        if self.unmerged:
            self.unmerged.contract_withdrawn(now)
        for kind in ALL_CLOCKS:
            self.end_clock(kind, now, void=True)

    # --- commands; actor is provider, requester or other (another of the customer's people)

    def command(self, verb, actor, now, **given):
        self.check_side(verb, actor)
        if verb == "pend" and given["reason"] == "customer" and not given.get("text"):
            raise Refused("INVALID_ARGUMENT")
        if (verb == "reply" and given.get("reason") and actor != "provider") or (
                given.get("until") is not None and given["until"] <= now):
            raise Refused("INVALID_ARGUMENT")
        self.tick(now)
        self.check_state(verb, actor, given)
        getattr(self, "do_" + verb)(actor, now, **given)

    def check_side(self, verb, actor):
        if verb == "ask":
            if actor == "provider":
                raise Refused("PERMISSION_DENIED")
            return
        if verb == "waive":
            if actor != "lead":
                raise Refused("PERMISSION_DENIED")
            return
        if actor == "provider" or verb == "reply":
            return
        # What a check filed is anybody's of the customer.
        if verb not in ("close", "reopen", "cancel") or actor != "requester" and not self.check:
            raise Refused("PERMISSION_DENIED")

    def check_state(self, verb, actor, given):
        allowed = {"take": OPEN_STATES, "assign": OPEN_STATES, "pend": OPEN_STATES,
                   "resume": ("pending",), "resolve": OPEN_STATES, "close": ("resolved",),
                   "reopen": ("resolved", "closed"), "cancel": OPEN_STATES,
                   "reply": (*OPEN_STATES, "resolved"), "classify": (*OPEN_STATES, "resolved"),
                   "note": (self.state,), "waive": (self.state,), "ask": OPEN_STATES,
                   "promise": OPEN_STATES, "merge": OPEN_STATES, "unmerge": ("cancelled",)}[verb]
        if verb == "reply" and given.get("reason"):
            allowed = OPEN_STATES
        if verb == "cancel" and actor != "provider":
            allowed = ("new", "assigned")
        if self.state not in allowed or verb == "unmerge" and not self.unmerged:
            raise Refused("FAILED_PRECONDITION")

    def do_take(self, _actor, now, person):
        if self.assignee == person and self.state == "in_progress":
            raise Refused("FAILED_PRECONDITION")
        self.acknowledge(now)
        self.assignee = person
        if self.team is None:
            self.give_to(TEAM_OF.get(person), now)
        if self.state != "in_progress":
            self.set_state("in_progress", now)
        self.follow_state(now)

    def do_assign(self, _actor, now, team=None, person=None, clear=False):
        new = (team or self.team, None if clear else person or self.assignee)
        if new == (self.team, self.assignee):
            raise Refused("FAILED_PRECONDITION")
        other_person = new[1] != self.assignee
        self.assignee = new[1]
        self.give_to(team, now)
        self.settle_assigned(other_person, now)

    def do_reply(self, actor, now, text, reason=None, until=None):
        self.say(actor, text, now)
        if reason:
            self.pend(now, reason, until)
        elif actor != "provider" and self.state == "pending" and self.reason == "customer":
            self.set_state("in_progress", now)
            self.follow_state(now)

    def do_promise(self, _actor, now, text, promise_at=None):
        """Given, moved, or (without a date) withdrawn."""
        old, flags = self.promise, 0 if self.promised else 1
        if promise_at == (old and old.at):
            raise Refused("FAILED_PRECONDITION")
        tau = self.target(UPDATE)
        cadence = tau.amount * (DAY if tau.kind == "days" else 1) if tau else 0
        if old:
            flags |= 0 if promise_at is None else 2 if promise_at > old.at else 4
            later, late = flags != 4, old.at - now < old.notice(cadence)
            flags |= (16 | 8) if now > old.at else 8 if later and late else 0
        self.promise = Promise(promise_at, now, cadence) if promise_at is not None else None
        self.promised = True
        self.note(now, "promised", until=promise_at, due=self.promise and self.promise.warn_at,
                  old=old and old.at, flags=flags)
        self.public_reply(now)

    def do_note(self, _actor, _now, text):
        pass

    def do_waive(self, _actor, now, clock, text):
        clock = self.clocks.get(clock)
        if clock is None or clock.breached_at is None or clock.waived_at is not None:
            raise Refused("FAILED_PRECONDITION")
        clock.waive(now)

    def do_ask(self, _actor, now, text):
        if self.state == "pending" and self.reason == "customer":
            self.set_state("in_progress", now)
        if not self.clock_is_open(UPDATE):
            self.start_clock(UPDATE, now)
        self.follow_state(now)

    def contract_applied(self, contract, now):
        """The ticket is put under another version of its contract."""
        self.contract = contract
        for kind in ALL_CLOCKS:  # before any of them: a level of the first may raise the priority
            if self.clock_is_open(kind):
                self.clocks[kind].adopt(contract)
        for kind in ALL_CLOCKS:
            if self.clock_is_open(kind):
                self.clocks[kind].repin(self.target(kind), now)
            elif self.target(kind) is not None and self.state in OPEN_STATES:
                self.promise_appears(kind, now)
        self.follow_state(now)

    def do_pend(self, actor, now, reason, text=None, until=None):
        if (self.state, self.reason, self.until) == ("pending", reason, until) and not text:
            raise Refused("FAILED_PRECONDITION")
        self.say(actor, text, now)
        self.pend(now, reason, until)

    def pend(self, now, reason, until):
        if (self.state, self.reason, self.until) != ("pending", reason, until):
            self.set_state("pending", now, reason, until)
            self.follow_state(now)

    def do_resume(self, actor, now, text=None):
        self.say(actor, text, now)
        self.set_state("in_progress", now)
        self.follow_state(now)

    def do_resolve(self, actor, now, text):
        self.say(actor, text, now, goes_on=False)
        self.set_state("resolved", now)
        self.resolved_at = now
        kind, length = self.contract.auto_close if self.contract else ("wall", 3 * DAY)
        self.close_at = (now + length if kind == "wall" else
                         self.contract.hours.business(now, length))
        if self.check:  # still bad half an hour later: not resolved
            self.recheck_at = now + 30 * MINUTE
        for kind in ALL_CLOCKS:
            self.end_clock(kind, now)

    def do_close(self, _actor, now, text=None):
        self.close_at = None
        self.set_state("closed", now)

    def do_reopen(self, actor, now, text=None):
        window = self.contract.reopen_window if self.contract else 10 * DAY
        if now > self.resolved_at + window:
            raise Refused("FAILED_PRECONDITION")
        self.run_again(actor, now, text)

    def run_again(self, actor, now, text=None):
        self.set_state("in_progress", now)
        self.resolved_at = self.close_at = self.recheck_at = None
        self.reopened += 1
        if self.promise and not self.promise.broken:
            if self.promise.at < now:  # kept by that resolve, and so no more
                self.break_promise(now)
            if self.promise.warn_at is not None:  # documented
                self.promise.warn_at = max(self.promise.warn_at, now)
        if RESOLUTION in self.clocks:
            self.clocks[RESOLUTION].reopen(self.contract, self.target(RESOLUTION), now)
        if self.answered:
            self.start_clock(UPDATE, now)
        self.hold(now)
        self.say(actor, text, now)

    def do_cancel(self, actor, now, text=None):
        self.say(actor, text, now, goes_on=False)
        self.set_state("cancelled", now)
        for kind in ALL_CLOCKS:
            self.end_clock(kind, now, void=True)

    # --- merge: the life that it cuts short is lived on in silence, and is this one's again when
    # the merge is undone

    def do_merge(self, _actor, now, into):
        """`into`: the other life, and whether it is the older one."""
        other, is_older = into
        if other.unmerged or other.state not in (*OPEN_STATES, "resolved") or not is_older:
            raise Refused("FAILED_PRECONDITION")
        self.merged_at.append(now)
        self.parted = [(now, "state", {"state": self.state, "reason": self.reason})]
        for kind in ALL_CLOCKS:
            if self.clock_is_open(kind):
                clock = self.clocks[kind]
                what = "resumed" if clock.state == RUNNING else "paused"
                self.parted.append((now, what, {"clock": kind, "consumed": clock.consumed(now),
                                                "due": clock.due}))
        self.unmerged = copy.copy(self)
        self.unmerged.unmerged, self.unmerged.silent, self.unmerged.journal = None, True, []
        self.unmerged.promise = copy.copy(self.promise)
        self.unmerged.clocks = {kind: clock.copy_for(self.unmerged)
                                for kind, clock in self.clocks.items()}
        self.state = "cancelled"  # what it waited for is kept, for an undo
        self.note(now, "state", state=self.state)
        for kind in ALL_CLOCKS:
            self.end_clock(kind, now, void=True)

    def do_unmerge(self, _actor, _now):
        journal = self.journal + self.parted + self.unmerged.journal
        stopped = self.clocks
        self.__dict__.update(self.unmerged.__dict__)
        self.journal, self.silent = journal, False
        for kind, clock in self.clocks.items():
            clock.life = self
            if kind in stopped and stopped[kind].start == clock.start:
                clock.waived_at = stopped[kind].waived_at

    def do_classify(self, _actor, now, text=None, impact=None, urgency=None, priority=None,
                    ticket_type=None, service=None):
        before = (self.type, self.impact, self.urgency, self.service, self.priority,
                  self.overridden)
        self.type, self.service = ticket_type or self.type, service or self.service
        moved = (impact or self.impact, urgency or self.urgency) != (self.impact, self.urgency)
        self.impact, self.urgency = impact or self.impact, urgency or self.urgency
        if priority is not None:
            self.priority, self.overridden = priority, priority != self.matrix()
        elif moved:
            self.priority, self.overridden = self.matrix(), False
        if before == (self.type, self.impact, self.urgency, self.service, self.priority,
                      self.overridden):
            raise Refused("FAILED_PRECONDITION")
        self.retarget(now)
