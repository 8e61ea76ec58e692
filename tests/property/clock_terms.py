"""What a contract promises, for clock_model: hours as a byte per minute, targets, levels.

Painted by calendar_model; consumed time is how many minutes were open, due is found by counting
on. Instants and lengths are whole microseconds, so that a command may come at any second and half
a level's minute is exact.
"""
import calendar_model

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
RESPONSE, UPDATE, RESOLUTION = "response", "update", "resolution"
OPERATIONAL, SUPPLIER = "operational", "supplier"
CLOCKS = (RESPONSE, UPDATE, RESOLUTION)  # promised to the customer
ALL_CLOCKS = (*CLOCKS, OPERATIONAL, SUPPLIER)
ITIL = [1, 2, 3, 2, 3, 4, 3, 4, 5]


class Hours:
    """A calendar between two dates as a byte per minute."""

    def __init__(self, calendar, low, high):
        self.calendar, self.low = calendar, low
        self.minutes = calendar.minutes(low, high)

    def edit(self, calendar, now):
        """Another edition acts from now on; what was open before stays so."""
        minute = now // MINUTE - self.low
        self.minutes[minute:] = calendar.minutes(now // MINUTE, self.low + len(self.minutes))
        self.calendar = calendar

    def open_time(self, start, end):
        """How much of [start, end) is open."""
        if end <= start:
            return 0
        first, last = start // MINUTE - self.low, (end - 1) // MINUTE - self.low
        if first == last:
            return (end - start) * self.minutes[first]
        return ((MINUTE - start % MINUTE) * self.minutes[first]
                + self.minutes.count(1, first + 1, last) * MINUTE
                + ((end - 1) % MINUTE + 1) * self.minutes[last])

    def reach(self, start, amount):
        """The earliest instant by which `amount` of open time has passed since `start`."""
        minute = start // MINUTE - self.low
        here = (MINUTE - start % MINUTE) * self.minutes[minute]
        if amount <= here:
            return start + amount
        amount -= here
        whole, rest = (amount - 1) // MINUTE, (amount - 1) % MINUTE + 1
        at = calendar_model.nth_one(self.minutes, minute + 1, whole)
        if at is calendar_model.NEVER or self.minutes.find(1, at) < 0:
            raise calendar_model.Short
        at = self.minutes.find(1, at)  # the minute in which the rest passes
        return (self.low + at) * MINUTE + rest

    def business(self, start, days):
        """Where n business days from `start` end."""
        zone, minute = self.calendar.zone, start // MINUTE - self.low
        if not self.minutes[minute]:
            minute = self.minutes.find(1, minute)
            start = (self.low + minute) * MINUTE
        local = zone.to_local(self.low + minute)
        date, time_of_day = divmod(local, 1440)
        while days > 0:
            date += 1
            midnight = zone.to_utc(date * 1440) - self.low
            following = zone.to_utc((date + 1) * 1440) - self.low
            days -= self.minutes.find(1, midnight, following) >= 0
        minute = zone.to_utc(date * 1440 + time_of_day) - self.low
        if self.minutes[minute]:
            return (self.low + minute) * MINUTE + start % MINUTE
        closing = self.minutes.rfind(1, 0, minute) + 1
        if closing <= midnight:
            closing = self.minutes.find(1, minute)  # the first opening
        return (self.low + closing) * MINUTE


class Target:
    """kind: service, wall or days; amount in microseconds or days."""

    def __init__(self, clock, kind, amount, ticket_type=None, priority=0, service=None, team=None):
        self.clock, self.kind, self.amount = clock, kind, amount
        self.type, self.priority, self.service, self.team = ticket_type, priority, service, team

    def fits(self, ticket):
        return (self.type in (None, ticket.type) and self.priority in (0, ticket.priority)
                and self.service in (None, ticket.service) and self.team in (None, ticket.team))

    def exactness(self):
        """Documented: team before service before priority before type."""
        return (self.team is not None, self.service is not None, self.priority != 0,
                self.type is not None)


class Level:
    """`actions` are words; those that change the ticket: raise, assign."""

    def __init__(self, number, percent=None, offset=None):
        self.number, self.percent, self.offset = number, percent, offset
        self.actions = ["notify lead"]

    def threshold(self, target):
        if self.percent is not None:
            return target * self.percent // 100
        return target + self.offset


class Contract:
    """`stops`: the clocks whose levels rest once somebody has taken the ticket up."""

    def __init__(self, hours, targets, pauses, levels, matrix=None, auto_close=("days", 3),
                 reopen_window=10 * DAY, stops=()):
        self.hours, self.targets, self.pauses, self.levels = hours, targets, pauses, levels
        self.stops = stops
        self.matrix, self.auto_close, self.reopen_window = matrix or ITIL, auto_close, reopen_window
        self.withdrawn = False

    def target(self, clock, ticket):
        if self.withdrawn:
            return None
        fitting = [t for t in self.targets if t.clock == clock and t.fits(ticket)]
        return max(fitting, key=Target.exactness, default=None)
