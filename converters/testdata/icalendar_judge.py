#!/usr/bin/env python3
"""Reads calendars with three programs that share no code with mailconv.

icalendar_judge.py ORIGINAL WRITTEN [ORIGINAL WRITTEN ...]

What python3-icalendar, python3-recurring-ical-events and khal can do with the
original they must be able to do with what was written of it, with the same
result: the components, the instants over ten years, the items. A line is
printed for each failure, and at the end counts as JSON.
"""
import datetime as dt
import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import icalendar
import recurring_ical_events

try:
    from khal.icalendar import split_ics
except ImportError:
    split_ics = None

counts = {"files": 0, "icalendar": 0, "components": 0, "expanded": 0, "instants": 0, "khal": 0, "khal items": 0}


def fail(name, what):
    print("%s: %s" % (name, what))


def read(path):
    return open(path, "rb").read().lstrip(b"\xef\xbb\xbf")


def uid(c):
    """The UID; one that was made up stands for none."""
    s = c.get("UID", "")
    s = str(s[0] if isinstance(s, list) else s).strip()
    return "" if s.endswith("@mailconv.invalid") else s


def components(cals):
    return sorted(c.name + " " + uid(c) for cal in cals for c in cal.walk() if c.name in ("VEVENT", "VTODO", "VJOURNAL"))


def utc(t):
    if isinstance(t, dt.datetime):
        if t.tzinfo is None:
            return t.strftime("%Y%m%dT%H%M%S")
        return t.astimezone(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return t.strftime("%Y%m%d")


def day(t):
    return t.date() if isinstance(t, dt.datetime) else t


def instants(cals):
    starts = [day(c["DTSTART"].dt) for cal in cals for c in cal.walk("VEVENT") if "DTSTART" in c]
    if not starts:
        return []
    first = max(min(starts), dt.date(1971, 1, 1))
    last = first + dt.timedelta(days=3652)
    out = []
    for cal in cals:
        for e in recurring_ical_events.of(cal).between(first, last):
            end = ""
            if "DTEND" in e and isinstance(e["DTSTART"].dt, dt.datetime):
                end = utc(e["DTEND"].dt)
            out.append("%s %s %s" % (uid(e), utc(e["DTSTART"].dt), end))
    return sorted(out)


def attempt(f, *a):
    try:
        return f(*a), None
    except Exception as e:  # whatever a reader dislikes
        return None, "%s: %s" % (type(e).__name__, str(e)[:200])


for a, b in zip(sys.argv[1::2], sys.argv[2::2]):
    counts["files"] += 1
    was, before = attempt(icalendar.Calendar.from_ical, read(a), True)
    now, err = attempt(icalendar.Calendar.from_ical, read(b), True)
    if now is None:
        if was is not None:
            fail(a, "icalendar cannot read what was written: " + err)
        continue
    counts["icalendar"] += 1
    if was is not None:
        x, y = components(was), components(now)
        counts["components"] += len(y)
        if x != y:
            fail(a, "icalendar has the components %s, then %s" % (x[:5], y[:5]))
        x, before = attempt(instants, was)
        if x is not None:
            y, err = attempt(instants, now)
            if y is None:
                fail(a, "recurring-ical-events cannot expand what was written: " + err)
            else:
                counts["expanded"] += 1
                counts["instants"] += len(x)
                if x != y:
                    fail(a, "recurring-ical-events: only before %s, only after %s" % (sorted(set(x) - set(y))[:3], sorted(set(y) - set(x))[:3]))
    if split_ics is None:
        continue
    items = lambda p: len(list(split_ics(read(p).decode("utf-8"), random_uid=False, default_timezone=dt.timezone.utc)))
    x, before = attempt(items, a)
    if x is None:
        continue
    y, err = attempt(items, b)
    if y is None:
        fail(a, "khal cannot read what was written: " + err)
        continue
    counts["khal"] += 1
    counts["khal items"] += y
    if x != y:
        fail(a, "khal has %d items, then %d" % (x, y))

if split_ics is None:
    del counts["khal"], counts["khal items"]
print(json.dumps(counts))
