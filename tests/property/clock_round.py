"""One clock, or one round of it, for clock_model: what it has consumed, when it is due, where its
levels lie. What happens to it is told to the life that it belongs to.
"""
import copy

RUNNING, PAUSED, MET, LATE, VOID = "running", "paused", "met", "late", "void"


class LevelState:
    def __init__(self, level):
        self.level, self.state, self.at = level, "armed", None


class Clock:
    """One clock, or one round of those that go round. What happens to it is told to the life."""

    def __init__(self, kind, life, start):
        self.kind, self.life, self.start = kind, life, start
        self.contract = contract = life.contract
        self.state = RUNNING
        self.counted = 0  # in the stretches that are over
        self.since = start  # where the running stretch began
        self.at = start  # of the last change
        self.due = self.breached_at = self.stopped_at = self.waived_at = None
        self.wall, self.days, self.target = False, 0, None
        self.levels = [LevelState(level) for level in contract.levels.get(kind, [])]
        self.dormant = []  # of earlier versions that had more
        self.former = None  # contract and levels before a version that has not aimed it yet

    def is_open(self):
        return self.state in (RUNNING, PAUSED)

    def note(self, at, what, **more):
        self.life.note(at, what, clock=self.kind, **more)

    def copy_for(self, life):
        """The same clock in another life."""
        other = copy.copy(self)
        other.life = life
        other.levels = [copy.copy(level) for level in self.levels]
        other.dormant = [copy.copy(level) for level in self.dormant]
        return other

    # --- time

    def passes(self, start, end):
        return end - start if self.wall else self.contract.hours.open_time(start, end)

    def reach(self, start, amount):
        if amount <= 0:
            return start
        return start + amount if self.wall else self.contract.hours.reach(start, amount)

    def consumed(self, now):
        return self.counted + (self.passes(self.since, now) if self.state == RUNNING else 0)

    def halt(self, now, state):
        """The stretch is over."""
        self.counted, self.state, self.since, self.at = self.consumed(now), state, None, now

    # --- target, due and levels

    def length_of(self, target):
        if target.kind == "days":
            hours = self.contract.hours
            return hours.open_time(self.start, hours.business(self.start, target.amount))
        return target.amount

    def aim(self, target):
        """Takes a target; whether it is another than before."""
        new = (self.length_of(target), target.kind == "wall")
        if new == (self.target, self.wall):
            return False
        if self.state == RUNNING and self.target is not None:
            raise AssertionError("a running clock is halted before its time changes")
        self.target, self.wall = new
        self.days = target.amount if target.kind == "days" else 0
        return True

    def find_due(self, now):
        """The earliest instant at which consumed equals target; None while the clock rests before
        it."""
        consumed = self.consumed(now)
        if self.days:
            # Documented: the place itself, unless service time was lost on the way to it.
            place = self.contract.hours.business(self.start, self.days)
            if place > now and consumed + self.passes(now, place) == self.target:
                self.due = place if self.state == RUNNING else None
                return
        left = self.target - consumed
        self.due = self.reach(now, left) if self.state == RUNNING or left <= 0 else None

    def level_instant(self, level, now):
        """When it comes, not before now; None: nobody knows while the clock rests."""
        threshold, consumed = level.level.threshold(self.target), self.consumed(now)
        if threshold == self.target:
            return self.due
        if threshold <= consumed:
            return now
        return self.reach(now, threshold - consumed) if self.state == RUNNING else None

    def ladder_rests(self):
        """Somebody has taken the ticket up, and the contract says that it ends the levels."""
        return self.life.acknowledged and self.kind in self.contract.stops

    def rest_levels(self, now):
        """Documented: a resting ladder arms nothing, and says nothing of it."""
        for level in self.levels:
            if level.state == "armed":
                level.state, level.at = "skipped", now

    def stop_ladder(self, now):
        """What is armed will not act: said of those levels that the clock had."""
        known = len(self.former[1] + self.former[2]) if self.former else None
        for level in self.levels[:known]:
            if level.state == "armed":
                self.act_level(level, now, "skipped")

    def place_levels(self, now):
        if self.ladder_rests():
            self.rest_levels(now)
            return
        for level in self.levels:
            if level.state == "armed" and (level.at is None or level.at > now):
                level.at = self.level_instant(level, now)

    def rearm_levels(self, now):
        """A change re-aimed the clock: what lies ahead is armed again, of what it finds passed
        only the highest acts."""
        if self.ladder_rests():
            self.rest_levels(now)
            return
        passed = []
        for level in self.levels:
            at = self.level_instant(level, now)
            if at is None or at > now:
                level.state, level.at = "armed", at
            elif level.state == "armed":
                level.at = at
                passed.append((level.level.threshold(self.target), level.level.number, level))
        for _, _, level in sorted(passed)[:-1]:
            self.act_level(level, now, "skipped")
        if passed:
            self.act_level(max(passed)[2], now, "fired")

    def act_level(self, level, now, how):
        how = "skipped" if self.life.silent else how
        level.state, level.at = how, now
        self.note(now, how, level=level.level.number, consumed=self.consumed(now))
        if how == "fired":
            self.life.escalate(self.kind, level.level.actions, now)

    # --- what happens to it

    def begin(self, target):
        self.aim(target)
        self.find_due(self.start)
        self.place_levels(self.start)
        self.note(self.start, "started", target=self.target, due=self.due)

    def pause(self, now):
        self.halt(now, PAUSED)
        if self.due > now:
            self.due = None  # what was reached stays
        self.place_levels(now)
        self.note(now, "paused", consumed=self.counted, due=self.due)

    def resume(self, now):
        old = self.due
        self.state = RUNNING
        self.since = self.at = now
        if old is None or self.breached_at is None or self.counted < self.target:
            self.find_due(now)
        self.place_levels(now)
        self.note(now, "resumed", consumed=self.counted, due=self.due, old=old)

    def end(self, now, state):
        """Its levels stay those of the version that aimed it last."""
        if self.former:
            (self.contract, self.levels, self.dormant), self.former = self.former, None
        self.halt(now, state)
        self.stopped_at = now

    def stop(self, now):
        late = self.breached_at is not None or (self.due is not None and now > self.due)
        self.end(now, LATE if late else MET)
        self.note(now, "stopped", consumed=self.counted, outcome=self.state)

    def void(self, now):
        self.end(now, VOID)
        self.note(now, "voided", consumed=self.counted)

    def breach(self, at, retarget=False):
        self.breached_at = at
        self.note(at, "breached", consumed=self.consumed(at), retarget=retarget)

    def breach_if_exceeded(self, now):
        """Broken now, never back-dated."""
        if self.breached_at is None and self.consumed(now) > self.target:
            self.breach(now, retarget=True)

    def retarget(self, target, now):
        """Re-aims a clock that is open."""
        if target is None:
            self.void(now)
            return
        state, old, length = self.state, self.due, self.target
        if (self.length_of(target), target.kind == "wall") == (self.target, self.wall):
            return
        if self.ladder_rests():
            self.stop_ladder(now)
        self.former = None
        self.halt(now, PAUSED)
        self.aim(target)
        self.state, self.since = state, now if state == RUNNING else None
        reached = old is not None and old <= now and self.target == length
        if not reached:  # documented: due under the same length stays where it was reached
            self.find_due(now)
        self.note(now, "retargeted", consumed=self.counted, target=self.target, due=self.due,
                  old=old)
        self.breach_if_exceeded(now)
        self.rearm_levels(now)

    def calendar_edited(self, target, now):
        """Re-aims an open clock whose target, due or levels the edit moves."""
        if not self.is_open() or self.wall:
            return
        old, length = self.due, self.target
        ahead = [level for level in self.levels
                 if level.state == "armed" and (level.at is None or level.at > now)]
        self.target = self.length_of(target)
        # Paused with all of it consumed before its business day is over: nobody knows due.
        waits = old is None and self.target == length == self.consumed(now)
        if not waits and not (old is not None and old <= now and self.target == length):
            self.find_due(now)
        if (self.target, self.due) == (length, old) and all(
                level.at == self.level_instant(level, now) for level in ahead):
            return
        self.note(now, "retargeted", consumed=self.consumed(now), target=self.target, due=self.due,
                  old=old)
        self.breach_if_exceeded(now)
        self.rearm_levels(now)

    def adopt(self, contract):
        """Another version: level n takes over what became of level n. Documented: those that it
        does not have keep theirs for a version that has them again."""
        if contract is self.contract:
            return
        self.former = self.contract, self.levels, self.dormant
        self.contract, before = contract, self.levels + self.dormant
        self.levels = [LevelState(level) for level in contract.levels.get(self.kind, [])]
        for level, old in zip(self.levels, before):
            level.state, level.at = old.state, old.at
        self.dormant = [copy.copy(level) for level in before[len(self.levels):]]
        for level in self.dormant:
            level.at = level.at if level.state != "armed" else None

    def repin(self, target, now):
        """Re-aims an open clock under the version that it has adopted, also where its due stays."""
        if target is None:
            self.void(now)
            return
        state, old, length = self.state, self.due, self.target
        self.halt(now, PAUSED)
        if self.ladder_rests():
            self.stop_ladder(now)
        self.former = None
        self.aim(target)
        self.days = target.amount if target.kind == "days" else 0  # also where they are as long
        self.state, self.since = state, now if state == RUNNING else None
        if not (old is not None and old <= now and self.target == length):
            self.find_due(now)
        self.note(now, "retargeted", consumed=self.counted, target=self.target, due=self.due,
                  old=old)
        self.breach_if_exceeded(now)
        self.rearm_levels(now)

    def waive(self, now):
        self.waived_at = now
        self.note(now, "waived", old=self.breached_at)

    def reopen(self, contract, target, now):
        """Runs on after its end, under the target that holds now."""
        if target is None:
            return
        self.adopt(contract)
        self.former = None
        old = self.due
        changed = self.aim(target)
        self.state, self.stopped_at = RUNNING, None
        self.since = self.at = now
        if changed or old is None or self.breached_at is None or self.counted < self.target:
            self.find_due(now)
        self.note(now, "resumed", consumed=self.counted, due=self.due, old=old)
        self.breach_if_exceeded(now)
        self.rearm_levels(now)
