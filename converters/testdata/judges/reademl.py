"""Reads .eml files named on standard input with Python's email package and
prints a line of JSON for each: what an independent reader sees in them."""
import email, email.policy, hashlib, json, sys
from email.utils import getaddresses


def addresses(m, name):
    return [a.lower() for _, a in getaddresses([str(v) for v in m.get_all(name, [])]) if "@" in a]


def leaves(m):
    if m.get_content_maintype() == "multipart":
        for p in m.iter_parts() if hasattr(m, "iter_parts") else m.get_payload():
            yield from leaves(p)
    elif m.get_content_type() == "message/rfc822":
        yield m
    else:
        yield m


def describe(name):
    with open(name, "rb") as f:
        m = email.message_from_binary_file(f, policy=email.policy.default)
    out = {"file": name, "subject": m.get("Subject"), "from": addresses(m, "From"), "sender": addresses(m, "Sender"),
           "to": addresses(m, "To"), "cc": addresses(m, "Cc"), "bcc": addresses(m, "Bcc"),
           "type": m.get_content_type(), "attachments": [], "defects": [type(d).__name__ for d in m.defects]}
    for p in leaves(m):
        if p.get_content_type() == "message/rfc822":
            out["attachments"].append({"type": "message/rfc822"})
            continue
        data = p.get_payload(decode=True) or b""
        out["defects"] += [type(d).__name__ for d in p.defects]
        out["attachments"].append({"type": p.get_content_type(), "name": p.get_filename(), "size": len(data),
                                   "sha256": hashlib.sha256(data).hexdigest(), "disposition": p.get_content_disposition()})
    return out


for line in sys.stdin:
    name = line.rstrip("\n")
    try:
        out = describe(name)
    except Exception as e:  # what it cannot read is said, not guessed
        out = {"file": name, "error": repr(e)}
    print(json.dumps(out))
