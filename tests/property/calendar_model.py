"""A second implementation of service time, as naive as possible: a byte per minute.

It shares nothing with the server: zones come from Python's zoneinfo, open time is a bytearray
in which spans are painted, and due times are found by counting minutes. It knows whole minutes
only. Rules: domain of SLA clocks, "Calendar" and "Targets".
"""
import datetime
import random
import zoneinfo

EPOCH = datetime.date(1970, 1, 1).toordinal()
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAY = 1440
NEVER = None

# Ordinary rules, half-hour changes, gaps and overlaps at midnight, odd offsets, a skipped date,
# negative summer time, a zone that gave up summer time, both hemispheres.
ZONES = [
    "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "Europe/Lisbon",
    "America/New_York", "America/Sao_Paulo", "America/St_Johns", "America/Asuncion",
    "America/Santiago", "America/Havana", "America/Caracas", "Asia/Tehran", "Asia/Kolkata",
    "Asia/Kathmandu", "Asia/Amman", "Asia/Beirut", "Asia/Gaza", "Asia/Pyongyang",
    "Australia/Lord_Howe", "Australia/Sydney", "Australia/Eucla", "Pacific/Apia",
    "Pacific/Chatham", "Pacific/Kiritimati", "Africa/Casablanca", "Africa/Cairo",
    "Antarctica/Troll", "UTC",
]
# America/St_Johns and Asia/Gaza changed at one minute past midnight.


def date_text(date):
    return datetime.date.fromordinal(EPOCH + date).isoformat()


def time_text(minute):
    """UTC, RFC 3339, of minutes since 1970."""
    return f"{date_text(minute // DAY)}T{minute % DAY // 60:02}:{minute % 60:02}:00Z"


class Zone:
    """Local minutes to UTC minutes and back."""

    def __init__(self, name):
        self.name = name
        self.info = zoneinfo.ZoneInfo(name)
        self.cache = {}

    def to_utc(self, local):
        """In a gap the offset before, in an overlap the offset after: the lesser of the two."""
        found = self.cache.get(local)
        if found is None:
            at = datetime.datetime.fromordinal(EPOCH + local // DAY).replace(
                hour=local % DAY // 60, minute=local % 60, tzinfo=self.info)
            offset = min(at.utcoffset(), at.replace(fold=1).utcoffset())
            found = self.cache[local] = local - offset // datetime.timedelta(minutes=1)
        return found

    def to_local(self, minute):
        at = datetime.datetime.fromtimestamp(minute * 60, self.info)
        return (at.date().toordinal() - EPOCH) * DAY + at.hour * 60 + at.minute

    def changes(self, first, last, step=5):
        """Dates near which the offset changes."""
        found, before = [], None
        for date in range(first, last, step):
            at = datetime.datetime.fromtimestamp(date * 86400, self.info)
            if before is not None and at.utcoffset() != before:
                found.append(date - step // 2)
            before = at.utcoffset()
        return found


class Calendar:
    """week: seven lists of (start, end) local minutes, None for always; exceptions: date → spans."""

    def __init__(self, zone, week, exceptions):
        self.zone, self.week, self.exceptions = zone, week, exceptions

    def minutes(self, low, high):
        """A byte per minute of [low, high): 1 is open."""
        if self.week is None:
            return bytearray(b"\1") * (high - low)
        painted = bytearray(high - low)
        for date in range(low // DAY - 3, high // DAY + 3):
            for start, end in self.exceptions.get(date, self.week[(date + 3) % 7]):
                start = max(self.zone.to_utc(date * DAY + start), low)
                end = min(self.zone.to_utc(date * DAY + end), high)
                if start < end:
                    painted[start - low:end - low] = b"\1" * (end - start)
        return painted

    def week_text(self, rng):
        if self.week is None:
            return "always"
        return "; ".join(f"{DAYS[i]} {spans_text(spans, rng)}"
                         for i, spans in enumerate(self.week) if spans)

    def exceptions_text(self, rng):
        return "; ".join(date_text(date) + (" " + spans_text(spans, rng) if spans else "")
                         for date, spans in self.exceptions.items())


def spans_text(spans, rng):
    def clock(minute):
        return f"{minute // 60:02}:{minute % 60:02}"
    spans = list(spans)
    rng.shuffle(spans)
    return ",".join(f"{clock(a)}-{clock(b if b <= DAY else b - DAY)}" for a, b in spans)


def nth_one(minutes, first, n):
    """Index just behind the n-th byte 1 from `first`; NEVER if there are fewer."""
    at = first
    while n > 0:
        here = minutes.count(1, at, at + DAY)
        if here >= n:
            for at in range(at, at + DAY):
                n -= minutes[at]
                if n == 0:
                    return at + 1
        if at >= len(minutes):
            return NEVER
        n -= here
        at += DAY
    return at


class Short(Exception):
    """The painted window is too short for the answer."""


def business_place(calendar, minutes, low, start, days):
    """Where `days` business days from `start` end, as an index into `minutes`."""
    zone = calendar.zone
    first = minutes.find(1, start)
    if first < 0:
        raise Short
    local = zone.to_local(low + first)
    date = local // DAY
    while days > 0:
        date += 1
        midnight = zone.to_utc(date * DAY) - low
        following = zone.to_utc((date + 1) * DAY) - low
        if following >= len(minutes) - 1:
            raise Short
        days -= minutes.find(1, midnight, following) >= 0
    wanted = zone.to_utc(date * DAY + local % DAY) - low
    if minutes[wanted]:
        return wanted
    closing = minutes.rfind(1, 0, wanted) + 1
    return closing if closing > midnight else minutes.find(1, wanted)


class Case:
    """A random question, its line for --batch, and the naive answer."""

    def __init__(self, rng, number, zones):
        self.rng, self.id = rng, number
        self.zone, changes = rng.choice(zones)
        if changes and rng.random() < 0.7:
            date = rng.choice(changes) + rng.randint(-6, 6)
        else:
            date = rng.randint(4 * 365, 128 * 365)
        self.calendar = Calendar(self.zone, *self.random_week(date))
        self.start = date * DAY + rng.randint(-DAY, 2 * DAY)
        self.kind = rng.choices(["service", "wall", "days"], [6, 1, 3])[0]
        self.target = (rng.randint(1, 6) if self.kind == "days" else
                       rng.choice([0, 1, 30, 60, rng.randint(0, 600), rng.randint(0, 6000)]))
        if self.kind == "service" and self.calendar.week is not None:
            # Keeps the due within some months, also where a week has but minutes.
            spans = {span for day in self.calendar.week for span in day}
            self.target = min(self.target, 10 * sum(end - start for start, end in spans))
        self.pauses = self.random_pauses()

    def random_spans(self, most):
        rng, spans = self.rng, []
        for _ in range(rng.randint(0, most)):
            start = rng.choice([0, 60, 120, 150, 480, 540, 1380, rng.randint(0, DAY - 1),
                                rng.randint(0, DAY - 1)])
            end = rng.choice([DAY, 30, 60, 150, 180, 1020, start + 60, rng.randint(0, DAY),
                              rng.randint(0, DAY)])
            end += DAY if end < start else 0
            if start != end <= start + DAY and end % DAY != start % DAY or (start, end) == (0, DAY):
                spans.append((start, end))
        return sorted(set(spans))

    def random_week(self, date):
        rng = self.rng
        if rng.random() < 0.04:
            return None, {}
        week = [[] for _ in range(7)]
        while not any(week):
            for _ in range(rng.randint(1, 3)):
                spans = self.random_spans(3)
                for day in range(7):
                    if rng.random() < 0.6:
                        week[day] = spans
        exceptions = {}
        for _ in range(rng.choice([0, 0, 1, 3, 8])):
            exceptions[date + rng.randint(-4, 20)] = (
                self.random_spans(2) if rng.random() < 0.3 else [])
        return week, exceptions

    def random_pauses(self):
        rng, pauses = self.rng, []
        for _ in range(rng.choice([0, 0, 0, 1, 2, 4])):
            start = self.start + rng.randint(-200, 3 * DAY)
            end = start + rng.choice([0, rng.randint(0, 120), rng.randint(0, 2 * DAY)])
            pauses.append((start, NEVER if rng.random() < 0.03 else end))
        return pauses

    def line(self):
        rng = self.rng
        target = f"{self.target}m"
        if self.kind == "days":
            target = f"{self.target}bd"
        elif self.kind == "wall":
            target += " calendar"
        elif self.target % 60 and self.target > 60 and rng.random() < 0.5:
            target = f"{self.target // 60}h{self.target % 60}m"
        start = time_text(self.start)
        local = self.zone.to_local(self.start)
        if rng.random() < 0.3 and self.zone.to_utc(local) == self.start:
            start = time_text(local)[:-1]
        pauses = ",".join(f"{time_text(a)}/{time_text(b) if b is not NEVER else ''}"
                          for a, b in self.pauses)
        return "\t".join([str(self.id), self.zone.name, self.calendar.week_text(rng),
                          self.calendar.exceptions_text(rng), start, target, pauses])

    def answer(self):
        """The due as text, by counting minutes in a window that grows until it is enough."""
        days = 12
        while True:
            try:
                return self.answer_within(self.start - 10 * DAY, self.start + days * DAY)
            except Short:
                days *= 3
                if days > 4000:
                    raise

    def answer_within(self, low, high):
        start, target = self.start - low, self.target
        minutes = (bytearray(b"\1") * (high - low) if self.kind == "wall" else
                   self.calendar.minutes(low, high))
        place = None
        if self.kind == "days":
            place = business_place(self.calendar, minutes, low, start, target)
            target = minutes.count(1, start, place)
        endless = min((a for a, b in self.pauses if b is NEVER), default=None)
        for a, b in self.pauses:
            a, b = max(a - low, 0), len(minutes) if b is NEVER else min(b - low, len(minutes))
            if a < b:
                minutes[a:b] = bytes(b - a)
        if place is not None and minutes.count(1, start, place) == target:
            return time_text(low + place)
        due = nth_one(minutes, start, target)
        if due is NEVER:
            if endless is not None and endless < high:
                return "never"
            raise Short
        return time_text(low + due)


def zones_with_changes(short):
    """Zones and the dates near which their offset changes, within the model's years."""
    first, last = (25 * 365, 70 * 365) if short else (4 * 365, 128 * 365)
    for name in ZONES:
        zone = Zone(name)
        yield zone, zone.changes(first, last)


def cases(seed, count, short=False):
    zones = list(zones_with_changes(short))
    rng = random.Random(seed)
    for number in range(count):
        yield Case(rng, number, zones)
