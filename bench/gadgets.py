# SPDX-License-Identifier: GPL-2.0-only
"""ROP gadgets in the kernel's text.

A gadget starts at any byte from which straight-line code of at most
MOST_INSTRUCTIONS comes to a return, or to a jump or call through a register,
that begins at most REACH bytes further; that last instruction counts as one.
Each start counts once.

A kernel that is built for retpolines and return thunks has jumps to them in its
image.  Such a jump is an indirect branch or a return, whatever it is encoded as;
the text is taken as the kernel patches it on a CPU that needs no thunks.
"""

import re
import struct

import capstone

PAGE = 4096
MOST_INSTRUCTIONS = 5
REACH = 16
LONGEST = 15

INT3 = 0xCC
RET = 0xC3
NOP = 0x90
# Each has its thunk in that many bytes, by the number of its register.
THUNK_SIZE = 32
# A return, or a jump or call through a register.
ENDS = re.compile(rb"(?=\xc3|\xc2|\xff[\xd0-\xd7\xe0-\xe7])", re.S)
BRANCHES = ("j", "call", "lcall", "ljmp", "ret", "iret", "int", "loop", "sys", "ud", "hlt")


class BadImage(Exception):
    pass


def sections_of(image):
    """{name: (address, content)} of an ELF file of 64 bits."""
    if image[:5] != b"\x7fELF\x02":
        raise BadImage("no ELF file of 64 bits")
    start, = struct.unpack_from("<Q", image, 40)
    size, count, names = struct.unpack_from("<HHH", image, 58)
    heads = [struct.unpack_from("<IIQQQQ", image, start + i * size) for i in range(count)]

    def name_of(head):
        at = heads[names][4] + head[0]
        return image[at:image.index(b"\0", at)].decode()

    return {name_of(head): (head[3], image[head[4]:head[4] + head[5]]) for head in heads}


class Text:
    """The kernel's text from _text on; `symbols` are {name: address}."""

    def __init__(self, vmlinux, symbols):
        self.sections = sections_of(vmlinux.read_bytes())
        self.base, content = self.sections[".text"]
        if self.base != symbols["_text"]:
            raise BadImage(".text does not begin at _text")
        self.bytes = bytearray(content[:symbols["_etext"] - self.base])
        # Where calls return to: direct ones, and those through a register.
        self.behind_calls = {offset + 5 for offset in self.sites(".call_sites")}
        self.undo_thunks(symbols)
        padding = bytes([INT3]) * PAGE
        # Pages with anything in them but padding.
        self.pages = {page for page in range(len(self.bytes) // PAGE)
                      if self.bytes[page * PAGE:(page + 1) * PAGE] != padding}

    def build_id(self):
        """Of the note that the linker left: name "GNU", type 3."""
        notes = self.sections[".notes"][1]
        head = struct.pack("<III4s", len("GNU") + 1, 20, 3, b"GNU")
        found = re.search(re.escape(head) + b"(.{20})", notes, re.S)
        return found[1].hex() if found else None

    def sites(self, name):
        """Offsets of the instructions that a table of relative addresses names."""
        address, content = self.sections.get(name, (0, b""))
        for at, (relative,) in enumerate(struct.iter_unpack("<i", content)):
            offset = address + 4 * at + relative - self.base
            if 0 <= offset < len(self.bytes) - LONGEST:
                yield offset

    def put(self, offset, size, code, fill):
        self.bytes[offset:offset + size] = code + bytes([fill]) * (size - len(code))

    def undo_thunks(self, symbols):
        for offset in self.sites(".return_sites"):
            if self.bytes[offset] == 0xE9:
                self.put(offset, 5, bytes([RET]), INT3)
        thunks = symbols.get("__x86_indirect_thunk_array")
        for offset in self.sites(".retpoline_sites"):
            at = offset + (self.bytes[offset] == 0x2E)
            branch = {0xE8: 0xD0, 0xE9: 0xE0}.get(self.bytes[at])
            # Conditional jumps, which are few, stay as they are.
            if branch is None or thunks is None:
                continue
            relative, = struct.unpack_from("<i", self.bytes, at + 1)
            register = (self.base + at + 5 + relative - thunks) // THUNK_SIZE
            if not 0 <= register < 16:
                raise BadImage(f"no thunk of a register: at offset {at:#x}")
            code = ([0x41] if register >= 8 else []) + [0xFF, branch + register % 8]
            self.put(offset, at + 5 - offset, bytes(code), NOP)
            if branch == 0xD0:
                self.behind_calls.add(at + 5)


class Decoder:
    def __init__(self, text):
        self.text = bytes(text)
        self.engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self.known = {}

    def decode(self, offset):
        """(size, is an end); size 0 for what is no instruction or leads elsewhere."""
        known = self.known.get(offset)
        if known is None:
            known = self.known[offset] = self.decode_anew(offset)
        return known

    def decode_anew(self, offset):
        code = self.text[offset:offset + LONGEST]
        for _, size, mnemonic, operands in self.engine.disasm_lite(code, offset, 1):
            if not mnemonic.startswith(BRANCHES):
                return size, False
            through_register = (mnemonic in ("jmp", "call") and operands[:1].isalpha() and
                                "[" not in operands)
            return (size, True) if mnemonic == "ret" or through_register else (0, False)
        return 0, False

    def end_of_gadget(self, start):
        """The offset behind the gadget that starts there, or None."""
        offset = start
        for _ in range(MOST_INSTRUCTIONS):
            size, is_end = self.decode(offset)
            if is_end and offset <= start + REACH:
                return offset + size
            if not size or is_end:
                return None
            offset += size
        return None


def find(text):
    """{offset of a gadget: offset behind it}"""
    ends = [match.start() for match in ENDS.finditer(text)]
    # One more: a prefix may make an end begin earlier.
    starts = {start for end in ends for start in range(max(0, end - REACH - 1), end + 1)}
    decoder = Decoder(text)
    found = ((start, decoder.end_of_gadget(start)) for start in starts)
    return {start: behind for start, behind in found if behind is not None}


def within(gadgets, pages):
    """Those that are wholly in those pages."""
    return {start for start, behind in gadgets.items()
            if start // PAGE in pages and (behind - 1) // PAGE in pages}
