#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What bench/workloads.py runs in the booted kernel: a guest under Debian's QEMU.
selftests/kvm/qemu.py uses it, too.

Serves the guest's network workload, and prints the kernel's counters whenever
the guest says that a workload begins or ends, as one JSON object a line.

usage: host IMAGE INITRD VCPUS IDLE_SECONDS WORKLOAD...
"""

import json
import os
import pathlib
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

LIB = pathlib.Path(__file__).resolve().parent.parent.parent / "selftests/lib/tap.sh"
DEBUG = pathlib.Path("/sys/kernel/debug")
DISK_MIB = 64
# No workload but "idle" takes this long between two marks.
LIMIT = 240


class GuestFailed(Exception):
    pass


# ---- the servers ------------------------------------------------------------


def answer_requests(connection):
    while data := connection.recv(4096):
        connection.sendall(data)


def swallow(connection):
    """Answers with the count of bytes."""
    count = 0
    while data := connection.recv(1 << 16):
        count += len(data)
    connection.sendall(b"%d\n" % count)


def pour_out(connection):
    block = bytes(1 << 16)
    try:
        while True:
            connection.sendall(block)
    except OSError:
        pass


def serve(handle, address):
    """Serves one connection after the other; returns the port."""
    listener = socket.create_server((address, 0))

    def loop():
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                handle(connection)

    threading.Thread(target=loop, daemon=True).start()
    return str(listener.getsockname()[1])


# ---- counters ---------------------------------------------------------------


def read(path):
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def kvm_counters():
    """KVM's own, summed over all machines that exist."""
    counters = {}
    for path in (DEBUG / "kvm").iterdir():
        if path.is_file():
            try:
                counters[path.name] = int(path.read_text(), 0)
            except (OSError, ValueError):
                pass
    return counters


def counters(mark, pid):
    return {"mark": mark, "seconds": time.monotonic(), "pid": pid, "kvm": kvm_counters(),
            "account": read(DEBUG / "asi/kvm"), "stats": read(DEBUG / "asi/stats")}


def report(mark, pid):
    print(json.dumps(counters(mark, pid)), flush=True)


# ---- the guest --------------------------------------------------------------


def qemu(work, marks, image, initrd, vcpus, append, netdev):
    disk = work / "disk"
    disk.touch()
    os.truncate(disk, DISK_MIB << 20)
    append = f"console=ttyS0 quiet panic=-1 rdinit=/bin/guest {append}"
    return ["qemu-system-x86_64", "-accel", "kvm", "-machine", "q35", "-cpu", "host",
            "-smp", vcpus, "-m", "256M", "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", "-kernel", image, "-initrd", initrd, "-append", append,
            "-serial", f"file:{work / 'console'}",
            "-chardev", f"socket,id=marks,fd={marks}", "-serial", "chardev:marks",
            "-blockdev", f"driver=file,node-name=disk,filename={disk}",
            "-device", "virtio-blk-pci,drive=disk",
            "-netdev", f"{netdev},id=net", "-device", "virtio-net-pci,netdev=net,romfile="]


def lines_of(marks, limit):
    """What the guest says, a line at a time, until it ends."""
    text = b""
    while True:
        if not select.select([marks], [], [], limit)[0]:
            raise GuestFailed("time limit")
        data = marks.recv(4096)
        if not data:
            return
        *lines, text = (text + data).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").strip()


def follow(marks, pid, limit, tell):
    for line in lines_of(marks, limit):
        word = line.split(" ", 1)[0]
        if word == "failed":
            raise GuestFailed(line)
        if word in ("begin", "end"):
            tell(line, pid)
        marks.sendall(b"go\n")
        if line == "the end":
            return
    raise GuestFailed("it ended early")


def run(image, initrd, vcpus, idle, workloads, tell=report, append="", netdev="user",
        address="127.0.0.1"):
    """TELL is called with each mark.  ADDRESS: where the guest's packets for HOST arrive."""
    ports = [serve(handle, address) for handle in (answer_requests, swallow, pour_out)]
    work = pathlib.Path(tempfile.mkdtemp())
    ours, its = socket.socketpair()
    tell("begin boot", 0)
    append = " ".join([append, "--", idle, *ports, *workloads])
    guest = subprocess.Popen(
        qemu(work, its.fileno(), image, initrd, vcpus, append, netdev),
        stdin=subprocess.DEVNULL, stdout=sys.stderr, pass_fds=[its.fileno()])
    its.close()
    try:
        follow(ours, guest.pid, LIMIT + int(idle), tell)
        guest.wait(timeout=60)
    except (GuestFailed, subprocess.TimeoutExpired):
        print((read(work / "console") or "")[-4000:], file=sys.stderr)
        raise
    finally:
        guest.kill()
        guest.wait()


def log_complaints():
    return subprocess.run(["sh", "-c", '. "$0"; log_is_clean', LIB],
                          stdout=subprocess.PIPE, text=True).stdout.splitlines()


def main():
    try:
        run(*sys.argv[1:5], sys.argv[5:])
    except (GuestFailed, subprocess.TimeoutExpired) as error:
        print(f"guest: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"complaints": log_complaints()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
