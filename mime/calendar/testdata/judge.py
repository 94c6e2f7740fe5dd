#!/usr/bin/env python3
"""Says when the events of a calendar take place, by dateutil.

judge.py ORIGINAL WRITTEN [ORIGINAL WRITTEN ...] compares calendars in pairs over
ten years. It prints a line for each event that differs, after the name of the
original, and at the end how many instants it has held against each other.
"""
import datetime as dt
import io
import re
import sys

from dateutil import rrule, tz

UTC = tz.UTC


def unfold(path):
    raw = open(path, "rb").read()
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    text = raw.decode("utf-8", "replace")
    text = re.sub(r"\r\n|\r", "\n", text)
    return re.sub(r"\n[ \t]", "", text).split("\n")


def split(line):
    m = re.match(r"^([A-Za-z0-9./_-]+)\s*((?:\s*;[^:;=]*(?:=(?:\"[^\"]*\"|\(.*?\)[^;:,]*|[^\";:,]*)(?:,(?:\"[^\"]*\"|[^\";:,]*))*)?)*)\s*:(.*)$", line)
    if not m:
        return None
    params = {}
    for p in re.findall(r";\s*([^=;:\s]+)\s*=\s*((?:\"[^\"]*\")|(?:\([^)]*\)[^;:]*)|[^;:]*)", m.group(2)):
        params[p[0].upper()] = p[1].strip().strip('"')
    return m.group(1).upper(), params, m.group(3)


def parse(path):
    events, zones, stack = [], {}, []
    zone = None
    for line in unfold(path):
        u = line.strip().upper()
        if u.startswith("BEGIN:"):
            name = u[6:].strip()
            stack.append(name)
            if name == "VTIMEZONE":
                zone = []
            if name in ("VEVENT", "VTODO"):
                events.append((name, []))
        if zone is not None:
            zone.append(line)
        if u.startswith("END:"):
            name = u[4:].strip()
            if name in stack:
                while stack and stack.pop() != name:
                    pass
            if name == "VTIMEZONE" and zone is not None:
                try:
                    t = tz.tzical(io.StringIO("BEGIN:VCALENDAR\n" + "\n".join(zone) + "\nEND:VCALENDAR\n"))
                    for k in t.keys():
                        zones.setdefault(k, t.get(k))
                except Exception:
                    pass
                zone = None
            continue
        if events and stack and stack[-1] in ("VEVENT", "VTODO"):
            p = split(line)
            if p and p[0] not in ("BEGIN", "END"):
                events[-1][1].append(p)
    return events, zones


class Unknown(Exception):
    pass


def value(v, params, zones):
    v = v.strip()
    m = re.match(r"^(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)(Z?))?$", v)
    if not m:
        raise Unknown("value " + v)
    y, mo, d = int(m[1]), int(m[2]), int(m[3])
    if m[4] is None:
        return dt.datetime(y, mo, d), "date"
    t = dt.datetime(y, mo, d, int(m[4]), int(m[5]), min(int(m[6]), 59))
    if m[7]:
        return t.replace(tzinfo=UTC), "utc"
    if "TZID" in params:
        z = zones.get(params["TZID"]) or tz.gettz(params["TZID"])
        if z is None:
            raise Unknown("zone " + params["TZID"])
        return t.replace(tzinfo=z), "zone"
    return t, "floating"


def show(t):
    if t.tzinfo is None:
        return t.strftime("%Y%m%dT%H%M%S")
    # Exact through the gap as RFC 5545 has it.
    return tz.resolve_imaginary(t).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def instants(path):
    """uid -> sorted instants, or a word why there are none"""
    events, zones = parse(path)
    out, over = {}, {}
    for kind, props in events:
        get = lambda n: [p for p in props if p[0] == n]
        uid = kind + ":" + (get("UID")[0][2].strip() if get("UID") else "none") + "/" + (get("SUMMARY")[0][2] if get("SUMMARY") and not get("UID") else "")
        try:
            if not get("DTSTART"):
                raise Unknown("no start")
            start, form = value(get("DTSTART")[0][2], get("DTSTART")[0][1], zones)
            if get("RECURRENCE-ID"):
                rid, _ = value(get("RECURRENCE-ID")[0][2], get("RECURRENCE-ID")[0][1], zones)
                over.setdefault(uid, []).append((show(rid), show(start)))
                continue
            end = start + dt.timedelta(days=3653)
            s = rrule.rruleset()
            s.rdate(start)
            for n, pr, v in get("RRULE"):
                v = v.strip().upper()
                if not v:
                    continue
                m = re.search(r"UNTIL=([0-9TZ]+)", v)
                if m:  # dateutil wants the kind of DTSTART
                    u, uf = value(m[1], {}, zones)
                    if start.tzinfo is None:
                        u = u.replace(tzinfo=None)
                    elif uf == "date":
                        u = (u + dt.timedelta(hours=23, minutes=59, seconds=59)).replace(tzinfo=start.tzinfo)
                    elif u.tzinfo is None:
                        u = u.replace(tzinfo=start.tzinfo)
                    else:
                        u = u
                    v = re.sub(r"UNTIL=[0-9TZ]+", "UNTIL=" + (u.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") if u.tzinfo else u.strftime("%Y%m%dT%H%M%S")), v)
                s.rrule(rrule.rrulestr(v, dtstart=start))
            for n, pr, v in get("RDATE"):
                for x in v.split(","):
                    if x.strip():
                        d, _ = value(x.split("/")[0], pr, zones)
                        if (d.tzinfo is None) != (start.tzinfo is None):
                            d = d.replace(tzinfo=start.tzinfo)
                        s.rdate(d)
            for n, pr, v in get("EXDATE"):
                for x in v.split(","):
                    if x.strip():
                        d, _ = value(x, pr, zones)
                        if (d.tzinfo is None) != (start.tzinfo is None):
                            d = d.replace(tzinfo=start.tzinfo)
                        s.exdate(d)
            got = []
            for t in s:
                if t > end or len(got) >= 4000:
                    break
                got.append(show(t))
            out.setdefault(uid, []).extend(got)
        except Unknown as e:
            out.setdefault(uid, []).append(str(e))
        except Exception as e:
            out.setdefault(uid, []).append("error " + type(e).__name__ + " " + str(e))
    for uid, list_ in over.items():
        have = out.setdefault(uid, [])
        for rid, start in list_:
            if rid in have:
                have.remove(rid)
            have.append(start)
    return {k: sorted(v) for k, v in out.items()}


def main():
    files = sys.argv[1:]
    n = sum(judge(a, b) for a, b in zip(files[::2], files[1::2]))
    print("judged %d" % n)


def judge(original, written):
    a, b = instants(original), instants(written)
    n = 0
    # Events without an UID are told apart by nothing; the writer gave them one.
    for have in (a, b):
        loose = [k for k in have if k.startswith("VEVENT:none/") or k.startswith("VTODO:none/") or "@mailconv.invalid" in k]
        if loose:
            have["loose"] = sorted(t for k in loose for t in have.pop(k))
    for uid in sorted(set(a) | set(b)):
        x, y = a.get(uid), b.get(uid)
        n += len(x or [])
        if x != y and not (x and x[0].startswith(("no start", "zone", "value", "error")) and len(x) == 1):
            d = [t for t in (x or []) if t not in (y or [])][:3], [t for t in (y or []) if t not in (x or [])][:3]
            print("%s: %s: %s instead of %s: missing %s, new %s" % (original, uid, len(y or []), len(x or []), d[0], d[1]))
    return n


main()
