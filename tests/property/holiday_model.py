"""A second implementation of holiday rules, from their text to dates, on Python's calendar.

Easter comes the old way, not by a formula for the date: golden number and epact give the full
moon of spring, the Sunday after it is Easter. The Julian one is found among Julian dates, which
are counted as days of a calendar of their own.
"""
import datetime
import random

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NTH = ["1st", "2nd", "3rd", "4th", "5th", "last"]
ONE = datetime.timedelta(days=1)


def _sunday_after(date):
    date += ONE
    while date.weekday() != 6:
        date += ONE
    return date


def western_easter(year):
    golden = year % 19 + 1
    century = year // 100 + 1
    solar = 3 * century // 4 - 12  # leap days that were left out
    lunar = (8 * century + 5) // 25 - 5
    epact = (11 * golden + 20 + lunar - solar) % 30
    if epact == 24 or (epact == 25 and golden > 11):
        epact += 1
    moon = 44 - epact
    if moon < 21:
        moon += 30
    return _sunday_after(datetime.date(year, 3, 1) + ONE * (moon - 1))


def orthodox_easter(year):
    # A century that is no leap year moves the Julian calendar a day further off.
    off = year // 100 - year // 400 - 2
    moon = 21 + (19 * (year % 19) + 15) % 30  # of March, Julian
    return _sunday_after(datetime.date(year, 3, 1) + ONE * (moon - 1 + off))


def _dates_of(rule, year):
    """The dates of (kind, …) in a year, before offset and weekends."""
    kind = rule["kind"]
    if kind == "easter":
        return [western_easter(year)]
    if kind == "orthodox":
        return [orthodox_easter(year)]
    if kind == "weekday":
        date = datetime.date(year, rule["month"], 1)
        found = []
        while date.month == rule["month"]:
            if date.weekday() == rule["weekday"]:
                found.append(date)
            date += ONE
        n = rule["nth"]
        return found[-1:] if n == 5 else found[n:n + 1]
    (month, day), (last_month, last_day) = rule["first"], rule["last"]
    # Walks a leap year's days, and keeps those that this year has.
    found, walking, at = [], False, datetime.date(2000, 1, 1)
    last_year = year + ((last_month, last_day) < (month, day))
    for _ in range(2 * 366):
        walking = walking or (at.month, at.day) == (month, day)
        if walking:
            real = year if at.year == 2000 else last_year
            try:
                found.append(at.replace(year=real))
            except ValueError:
                pass  # 29 February of another year
            if (at.month, at.day) == (last_month, last_day):
                return found
        at += ONE
        if at.year == 2001 and (at.month, at.day) == (1, 1):
            at = datetime.date(2004, 1, 1)  # the next leap year
    raise AssertionError(rule)


def dates(rules, first, last):
    """Every holiday from the first year to the last, in order."""
    holidays, asking = set(), []
    for year in range(first - 2, last + 3):
        for rule in rules:
            for date in _dates_of(rule, year):
                date += ONE * rule["offset"]
                holidays.add(date)
                if date.weekday() < 5:
                    continue
                if rule["observed"] == "next weekday":
                    asking.append(date)
                elif rule["observed"] == "monday":
                    holidays.add(date + ONE * (7 - date.weekday()))
                elif rule["observed"] == "nearest weekday":
                    holidays.add(date - ONE if date.weekday() == 5 else date + ONE)
    for date in sorted(set(asking)):
        given = date + ONE
        while given.weekday() >= 5 or given in holidays:
            given += ONE
        holidays.add(given)
    return sorted(d for d in holidays if first <= d.year <= last)


def text(rule):
    kind = rule["kind"]
    if kind in ("easter", "orthodox"):
        words = "orthodox easter" if kind == "orthodox" else "easter"
    elif kind == "weekday":
        words = f"{NTH[rule['nth']]} {DAYS[rule['weekday']]} of {MONTHS[rule['month'] - 1]}"
    else:
        (month, day), (last_month, last_day) = rule["first"], rule["last"]
        words = f"{MONTHS[month - 1]} {day}"
        if rule["first"] != rule["last"]:
            words += f"-{MONTHS[last_month - 1]} {last_day}"
    if rule["offset"]:
        words += f" {rule['offset']:+d}"
    return words + (f" observed {rule['observed']}" if rule["observed"] else "")


def random_rule(chance=random):
    rule = {"kind": chance.choice(["easter", "orthodox", "weekday", "date", "date"]),
            "offset": chance.choice([0, 0, 0, 1, -2, 39, chance.randint(-366, 366)]),
            "observed": chance.choice(["", "", "next weekday", "monday", "nearest weekday"])}
    if rule["kind"] == "weekday":
        rule |= {"month": chance.randint(1, 12), "weekday": chance.randint(0, 6),
                 "nth": chance.randint(0, 5)}
    elif rule["kind"] == "date":
        at = datetime.date(2000, 1, 1) + ONE * chance.randrange(366)
        if chance.random() < 0.2:
            at = datetime.date(2000, 2, 28) + ONE * chance.randrange(3)
        last = at + ONE * chance.choice([0, 0, 0, 1, 7, chance.randrange(31)])
        rule |= {"first": (at.month, at.day), "last": (last.month, last.day)}
    return rule
