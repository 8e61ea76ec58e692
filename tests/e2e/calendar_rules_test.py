#!/usr/bin/python3
"""Random holiday rules: the dates that the program gives for 1970 to 2100 are those of an
independent model, and a due time passes them over."""
import csv
import datetime
import io
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/property")]
import holiday_model as model  # noqa: E402
from otk_test import Failed, binary, check_equal, run  # noqa: E402
from cluster import call  # noqa: E402

SETS = 80
SEED = 20261122


def _otklik(*words):
    return call(binary("otklik"), *words)


def _compare(rules):
    words = [word for rule in rules for word in ("--rule", model.text(rule))]
    answer = _otklik("--format", "csv", "calendar", "holidays", *words, "--from", "1970",
                     "--to", "2100")
    shown = [row["date"] for row in csv.DictReader(io.StringIO(answer))]
    expected = [str(d) for d in model.dates(rules, 1970, 2100)]
    if shown != expected:
        raise Failed(f"seed {SEED}, rules {words[1::2]}: "
                     f"only here {sorted(set(shown) - set(expected))[:5]}, "
                     f"only in the model {sorted(set(expected) - set(shown))[:5]}")


def random_rules_make_the_days_of_the_model():
    chance = random.Random(SEED)
    for _ in range(SETS):
        rules, texts = [], set()
        for _ in range(chance.choice([1, 1, 2, 5, 12])):
            rule = model.random_rule(chance)
            if model.text(rule) not in texts:
                rules.append(rule)
                texts.add(model.text(rule))
        _compare(rules)


def each_easter_is_that_of_the_model():
    _compare([{"kind": "easter", "offset": 0, "observed": ""}])
    _compare([{"kind": "orthodox", "offset": 0, "observed": ""}])
    # As tables have them.
    check_equal([str(model.western_easter(y)) for y in (1981, 2000, 2024, 2025, 2076)],
                ["1981-04-19", "2000-04-23", "2024-03-31", "2025-04-20", "2076-04-19"], "western")
    check_equal([str(model.orthodox_easter(y)) for y in (2000, 2024, 2025, 2026)],
                ["2000-04-30", "2024-05-05", "2025-04-20", "2026-04-12"], "orthodox")


def a_due_passes_the_holidays_of_rules_over():
    chance = random.Random(SEED + 1)
    for _ in range(25):
        rule = model.random_rule(chance)
        year = chance.randint(1971, 2098)
        start = datetime.date(year, 1, 1) + model.ONE * chance.randrange(365)
        closed = set(model.dates([rule], year - 1, year + 2))
        days, at = 10, start
        while days > 0:
            days -= at not in closed
            at += model.ONE
        due = _otklik("calendar", "due", "--tz", "UTC", "--week", "mon-sun 08:00-16:00",
                      "--rule", model.text(rule), "--start", f"{start}T00:00:00Z",
                      "--target", "80h").strip()
        check_equal(due, f"{at - model.ONE}T16:00:00Z", f"{model.text(rule)} from {start}")


run()
