"""Reads .msg files named on standard input with olefile and prints a line of
JSON for each. Only the container is read by a library; properties are looked up
by the names of their streams. [MS-OXMSG] 2.2"""
import hashlib, json, sys

import olefile


def text(ole, path, tag):
    for kind, charset in (("001F", "utf-16-le"), ("001E", "cp1252")):
        name = path + ["__substg1.0_%s%s" % (tag, kind)]
        if ole.exists(name):
            return ole.openstream(name).read().decode(charset, "replace").rstrip("\0")
    return None


def storages(ole, prefix):
    return sorted({e[0] for e in ole.listdir(streams=True, storages=True) if e[0].startswith(prefix)})


def describe(name):
    ole = olefile.OleFileIO(name)
    out = {"file": name, "subject": text(ole, [], "0037"), "from": text(ole, [], "0065") or text(ole, [], "0C1F"),
           "recipients": [], "attachments": []}
    for s in storages(ole, "__recip_version1.0_"):
        out["recipients"].append(text(ole, [s], "39FE") or text(ole, [s], "3003") or "")
    for s in storages(ole, "__attach_version1.0_"):
        att = {"name": text(ole, [s], "3707") or text(ole, [s], "3704") or "", "type": text(ole, [s], "370E") or ""}
        data = [s, "__substg1.0_37010102"]
        if ole.exists(data):
            content = ole.openstream(data).read()
            att.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        else:
            att["embedded"] = ole.exists([s, "__substg1.0_3701000D"])
        out["attachments"].append(att)
    return out


for line in sys.stdin:
    name = line.rstrip("\n")
    try:
        out = describe(name)
    except Exception as e:
        out = {"file": name, "error": repr(e)}
    print(json.dumps(out))
