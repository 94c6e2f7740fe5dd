#!/usr/bin/env python3
"""Reads the property contexts of messages in a Unicode PST ([MS-PST], wVer 23)
and shares no code with this project: only the standard library.

    pstprops.py FILE [COUNT]

prints a line of JSON for each of the first COUNT messages: its node and, by
tag, the length and SHA-256 of each property's bytes. A file of another version
is named and left out.
"""
import hashlib
import json
import struct
import sys

ENCODE = [
    65, 54, 19, 98, 168, 33, 110, 187, 244, 22, 204, 4, 127, 100, 232, 93, 30, 242, 203, 42, 116, 197, 94, 53,
    210, 149, 71, 158, 150, 45, 154, 136, 76, 125, 132, 63, 219, 172, 49, 182, 72, 95, 246, 196, 216, 57, 139, 231,
    35, 59, 56, 142, 200, 193, 223, 37, 177, 32, 165, 70, 96, 78, 156, 251, 170, 211, 86, 81, 69, 124, 85, 0,
    7, 201, 43, 157, 133, 155, 9, 160, 143, 173, 179, 15, 99, 171, 137, 75, 215, 167, 21, 90, 113, 102, 66, 191,
    38, 74, 107, 152, 250, 234, 119, 83, 178, 112, 5, 44, 253, 89, 58, 134, 126, 206, 6, 235, 130, 120, 87, 199,
    141, 67, 175, 180, 28, 212, 91, 205, 226, 233, 39, 79, 195, 8, 114, 128, 207, 176, 239, 245, 40, 109, 190, 48,
    77, 52, 146, 213, 14, 60, 34, 50, 229, 228, 249, 159, 194, 209, 10, 129, 18, 225, 238, 145, 131, 118, 227, 151,
    230, 97, 138, 23, 121, 164, 183, 220, 144, 122, 92, 140, 2, 166, 202, 105, 222, 80, 26, 17, 147, 185, 82, 135,
    88, 252, 237, 29, 55, 73, 27, 106, 224, 41, 51, 153, 189, 108, 217, 148, 243, 64, 84, 111, 240, 198, 115, 184,
    214, 62, 101, 24, 68, 31, 221, 103, 16, 241, 12, 25, 236, 174, 3, 161, 20, 123, 169, 11, 255, 248, 163, 192,
    162, 1, 247, 46, 188, 36, 104, 117, 13, 254, 186, 47, 181, 208, 218, 61]
DECODE = bytearray(256)
for i, b in enumerate(ENCODE):
    DECODE[b] = i

FIXED = {0x0002: 2, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x000B: 1}
EIGHT = {0x0005, 0x0006, 0x0007, 0x0014, 0x0040}


class PST:
    def __init__(self, name):
        self.b = open(name, "rb").read()
        if self.b[:4] != b"!BDN":
            raise ValueError("no PST")
        self.version, = struct.unpack_from("<H", self.b, 10)
        self.crypt = self.b[513]
        self.nodes, self.blocks = {}, {}
        if self.version != 23 or self.crypt > 1:
            return
        nbt, = struct.unpack_from("<Q", self.b, 224)
        bbt, = struct.unpack_from("<Q", self.b, 240)
        self.tree(nbt, self.nodes, 32)
        self.tree(bbt, self.blocks, 24)

    def tree(self, at, out, leaf):
        page = self.b[at:at + 512]
        count, _, size, level = page[488:492]
        for i in range(count):
            e = page[i * size:(i + 1) * size]
            if level:
                self.tree(struct.unpack_from("<Q", e, 16)[0], out, leaf)
            elif leaf == 32:
                nid, data, sub = struct.unpack_from("<QQQ", e)
                out[nid & 0xFFFFFFFF] = (data, sub)
            else:
                bid, at2, length = struct.unpack_from("<QQH", e)
                out[bid & ~1] = (at2, length)

    def block(self, bid):
        at, length = self.blocks[bid & ~1]
        raw = self.b[at:at + length]
        if not bid & 2 and self.crypt == 1:
            raw = raw.translate(DECODE)
        return raw

    def data(self, bid):
        """The data blocks of a tree, in order."""
        if not bid:
            return []
        raw = self.block(bid)
        if not bid & 2:
            return [raw]
        kind, level, count = struct.unpack_from("<BBH", raw)
        assert kind == 1, "not an XBLOCK"
        out = []
        for i in range(count):
            out += self.data(struct.unpack_from("<Q", raw, 8 + 8 * i)[0])
        return out

    def subnodes(self, bid):
        if not bid:
            return {}
        raw = self.block(bid)
        kind, level, count = struct.unpack_from("<BBH", raw)
        assert kind == 2, "not an SLBLOCK"
        out = {}
        for i in range(count):
            if level:
                out.update(self.subnodes(struct.unpack_from("<QQ", raw, 8 + 16 * i)[1]))
            else:
                nid, data, sub = struct.unpack_from("<QQQ", raw, 8 + 24 * i)
                out[nid & 0xFFFFFFFF] = (data, sub)
        return out


def heap_item(blocks, hid):
    block = blocks[hid >> 16]
    ibmap, = struct.unpack_from("<H", block)
    index = (hid >> 5) & 0x7FF
    begin, end = struct.unpack_from("<HH", block, ibmap + 4 + 2 * (index - 1))
    return block[begin:end]


def tree_records(blocks, root):
    head = heap_item(blocks, root)
    kind, key, entry, levels = head[:4]
    assert kind == 0xB5
    at, = struct.unpack_from("<I", head, 4)

    def walk(hid, level):
        if not hid:
            return
        item = heap_item(blocks, hid)
        size = key + (4 if level else entry)
        for i in range(0, len(item) - size + 1, size):
            if level:
                yield from walk(struct.unpack_from("<I", item, i + key)[0], level - 1)
            else:
                yield item[i:i + size]
    yield from walk(at, levels)


def properties(pst, nid):
    data, sub = pst.nodes[nid]
    blocks, subs = pst.data(data), pst.subnodes(sub)
    assert blocks[0][2] == 0xEC and blocks[0][3] == 0xBC, "no property context"
    root, = struct.unpack_from("<I", blocks[0], 4)
    out = {}
    for r in tree_records(blocks, root):
        ident, kind, value = struct.unpack("<HHI", r)
        if kind in FIXED:
            raw = struct.pack("<I", value)[:FIXED[kind]]
        elif kind == 0x000D:
            continue
        elif value == 0:
            raw = b""
        elif value & 0x1F == 0:
            raw = heap_item(blocks, value)
        else:
            raw = b"".join(pst.data(subs[value][0]))
        out["%04X%04X" % (ident, kind)] = [len(raw), hashlib.sha256(raw).hexdigest()]
    return out


def main():
    pst = PST(sys.argv[1])
    if pst.version != 23 or pst.crypt > 1:
        print("left out: version %d, crypt %d" % (pst.version, pst.crypt), file=sys.stderr)
        return
    left = int(sys.argv[2]) if len(sys.argv) > 2 else 1 << 30
    for nid in sorted(pst.nodes):
        if nid & 0x1F == 4 and left > 0:  # NID_TYPE_NORMAL_MESSAGE
            print(json.dumps({"nid": nid, "properties": properties(pst, nid)}))
            left -= 1


main()
