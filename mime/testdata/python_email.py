"""What Python's email package (policy default) reads in mails, as JSON.

Reads file names from stdin, one a line, and writes one object a line: subject,
date, addresses, the leaf parts, and how many defects Python found.
"""
import datetime
import email
import email.policy
import hashlib
import json
import sys


def digest(content, kind):
    content = content.replace(b"\r\n", b"\n")
    if kind.startswith("text/"):
        content = b"\n".join(line.rstrip(b" \t") for line in content.split(b"\n"))
    return hashlib.sha256(content.rstrip(b"\n")).hexdigest()


def walk(m):
    """All parts, without what Python makes of the fields of a report."""
    yield m
    if m.is_multipart() and (m.get_content_maintype() != "message" or m.get_content_type() == "message/rfc822"):
        for p in m.get_payload():
            yield from walk(p)


def read(name):
    with open(name, "rb") as f:
        m = email.message_from_binary_file(f, policy=email.policy.default)
    out = {"defects": 0, "parts": [], "to": [], "from": [], "subject": "", "date": ""}
    for header in ("subject", "from", "to", "cc", "bcc", "date"):
        for value in m.get_all(header, []):
            out["defects"] += len(value.defects)
    for header, key in (("from", "from"), ("to", "to"), ("cc", "to"), ("bcc", "to")):
        for value in m.get_all(header, []):
            out[key] += [a.addr_spec for a in value.addresses]
    if m["subject"] is not None:
        out["subject"] = " ".join(str(m["subject"]).split())
    if m["date"] is not None and m["date"].datetime is not None:
        d = m["date"].datetime
        if d.tzinfo is not None:
            d = d.astimezone(datetime.timezone.utc)
        out["date"] = d.strftime("%Y-%m-%dT%H:%M:%S")
    for p in walk(m):
        out["defects"] += len(p.defects)
        if p.is_multipart() or p.get_content_maintype() == "message":
            continue
        content = p.get_payload(decode=True) or b""
        out["defects"] += len(p.defects)
        kind = p.get_content_type()
        out["parts"].append("%s %s %s" % (kind, p.get_filename() or "", digest(content, kind)))
    return out


for line in sys.stdin:
    try:
        out = read(line.rstrip("\n"))
    except Exception as e:  # Python refuses some mails
        out = {"error": repr(e)}
    print(json.dumps(out))
