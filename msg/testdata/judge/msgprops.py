#!/usr/bin/env python3
"""Reads .msg files with olefile, which shares no code with this project, and
compares all their properties.

    msgprops.py A.msg B.msg     compare two files
    msgprops.py --dump A.msg    list the properties of one
    msgprops.py --pairs         compare pairs from standard input (A<TAB>B)

Each object (root, recipient, attachment, embedded message) is listed with its
properties: named ones by property set and name, others by identifier; type and
bytes must be equal. Storages inside attachments are compared stream by stream.
Exit code 1 when anything differs. [MS-OXMSG] 2
"""
import struct
import sys

import olefile

FIXED = {0x2: 2, 0x3: 4, 0x4: 4, 0x5: 8, 0x6: 8, 0x7: 8, 0xA: 4, 0xB: 2, 0x14: 8, 0x40: 8}
MV_FIXED = {0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x1014, 0x1040, 0x1048}
OBJECT = 0x3701000D
PROPS = "__properties_version1.0"


class File:
    def __init__(self, name):
        self.ole = olefile.OleFileIO(name)
        self.tree = {}
        for path in self.ole.listdir(streams=True, storages=True):
            node = self.tree
            for part in path[:-1]:
                node = node.setdefault(part, {})
            is_stream = self.ole.get_type(path) == olefile.STGTY_STREAM
            node.setdefault(path[-1], path if is_stream else {})
        self.names = self.read_names()
        self.missing = []

    def read(self, path):
        return self.ole.openstream(path).read()

    def read_names(self):
        ids = self.tree.get("__nameid_version1.0")
        names = {}
        if not ids:
            return names
        part = lambda tag: self.read(ids[tag]) if tag in ids else b""
        guids = part("__substg1.0_00020102")
        entries = part("__substg1.0_00030102")
        strings = part("__substg1.0_00040102")
        for i in range(0, len(entries) - 7, 8):
            ident, kind, index = struct.unpack_from("<IHH", entries, i)
            slot = kind >> 1
            if slot in (1, 2):
                guid = {1: "PS_MAPI", 2: "PS_PUBLIC_STRINGS"}[slot]
            else:
                guid = guids[(slot - 3) * 16:(slot - 2) * 16].hex()
                guid = {"2803020000000000c000000000000046": "PS_MAPI",
                        "2903020000000000c000000000000046": "PS_PUBLIC_STRINGS"}.get(guid, guid)
            if kind & 1:
                (n,) = struct.unpack_from("<I", strings, ident)
                ident = strings[ident + 4:ident + 4 + n].decode("utf-16le", "surrogatepass")
            names.setdefault(0x8000 + index, (guid, ident))
        return names

    def key(self, tag):
        prop = tag >> 16
        if prop >= 0x8000 and prop in self.names:
            return "%s:%s %04X" % (*self.names[prop], tag & 0xFFFF)
        return "%08X" % tag

    def stream_value(self, node, stem, typ):
        """The bytes of a property that has a stream; a list for lists."""
        whole = self.read(node[stem])
        if not typ & 0x1000 or typ in MV_FIXED:
            return whole
        values = {}
        for name, path in node.items():
            if name.upper().startswith(stem.upper() + "-"):
                values[int(name[len(stem) + 1:], 16)] = self.read(path)
        return [values[k] for k in sorted(values)]

    def properties(self, node, header, where):
        props = {}
        stems = {}
        for name in node:
            if name.lower().startswith("__substg1.0_") and len(name) == 20:
                stems[int(name[12:], 16)] = name
        raw = self.read(node[PROPS]) if PROPS in node else b""
        for i in range(header, len(raw) - 15, 16):
            (tag,) = struct.unpack_from("<I", raw, i)
            typ = tag & 0xFFFF
            if tag == OBJECT:
                continue
            if typ in FIXED:
                props.setdefault(self.key(tag), raw[i + 8:i + 8 + FIXED[typ]])
            elif tag in stems:
                props.setdefault(self.key(tag), self.stream_value(node, stems[tag], typ))
            else:
                self.missing.append("%s %08X" % (where, tag))
        for tag, stem in stems.items():
            if tag != OBJECT:
                props.setdefault(self.key(tag), self.stream_value(node, stem, tag & 0xFFFF))
        return props

    def storage(self, node, path):
        out = {"CLSID": self.ole.getclsid(path).encode()}
        for name, sub in node.items():
            if isinstance(sub, dict):
                for k, v in self.storage(sub, path + [name]).items():
                    out[name + "/" + k] = v
            else:
                out[name] = self.read(sub)
        return out

    def objects(self):
        """Path of each object -> its properties."""
        out = {}
        self.message(self.tree, 32, [], "root", out)
        return out

    def message(self, node, header, path, where, out):
        out[where] = self.properties(node, header, where)
        for kind, prefix in (("recipient", "__recip_version1.0_#"), ("attachment", "__attach_version1.0_#")):
            subs = [n for n in node if n.lower().startswith(prefix)]
            for i, name in enumerate(sorted(subs, key=lambda n: int(n[len(prefix):], 16))):
                at = "%s/%s %d" % (where, kind, i)
                out[at] = self.properties(node[name], 8, at)
                obj = node[name].get("__substg1.0_%08X" % OBJECT)
                if obj is None:
                    continue
                below = path + [name, "__substg1.0_%08X" % OBJECT]
                if PROPS in obj:
                    self.message(obj, 24, below, at + "/message", out)
                else:
                    out[at + "/storage"] = self.storage(obj, below)


def compare(a, b):
    """Number of values compared, and a list of differences."""
    fa, fb = File(a), File(b)
    oa, ob = fa.objects(), fb.objects()
    diffs = ["object only in one: " + k for k in set(oa) ^ set(ob)]
    count = 0
    for where in oa:
        if where not in ob:
            continue
        pa, pb = oa[where], ob[where]
        for k in sorted(set(pa) | set(pb)):
            count += 1
            if pa.get(k) != pb.get(k):
                show = lambda v: "missing" if v is None else repr(v)[:60]
                diffs.append("%s: %s: %s and %s" % (where, k, show(pa.get(k)), show(pb.get(k))))
    return count, diffs, fa.missing


def main(args):
    if args[:1] == ["--dump"]:
        for where, props in File(args[1]).objects().items():
            print(where)
            for k, v in sorted(props.items()):
                print("  %s = %r" % (k, v[:60]))
        return 0
    pairs = [args] if args != ["--pairs"] else [line.rstrip("\n").split("\t") for line in sys.stdin]
    bad = total = 0
    for a, b in pairs:
        count, diffs, missing = compare(a, b)
        total += count
        for m in missing:
            print("NOTE %s: %s has no stream in the file, there is nothing to compare" % (a, m))
        for d in diffs:
            print("DIFF %s: %s" % (a, d))
        bad += bool(diffs)
    print("%d files, %d values compared, %d files differ" % (len(pairs), total, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
