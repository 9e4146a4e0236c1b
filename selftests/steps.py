# SPDX-License-Identifier: GPL-2.0-only
"""The steps of the tests: what runs where, and how long it may take.

A row: name, machine, budget, command, and what else it needs.  The names are those
that `selftests/run NAME` takes; `selftests/run --list` prints the table.

The budget is in seconds, for a machine with two processors that both are busy, and
is wide: a step that takes three times as long counts as hung.
"""

import dataclasses
from typing import Optional, Tuple


@dataclasses.dataclass(frozen=True)
class Machine:
    """Where COMMAND runs, as tools/vm/run makes it."""
    accel: str = "tcg"
    kernel: str = "base"
    cpus: int = 2
    threads: int = 1                # Of them, in a core.
    memory: str = "2G"
    # With a thread for each processor QEMU before 8.1 now and then executes a
    # breakpoint that code patching has removed.
    one_thread: bool = True
    # Processors run in parallel; selftests/lib/without-code-patching prevents code
    # patching meanwhile.
    without_patching: bool = False
    icount: bool = False
    cpu: Optional[str] = None
    # FILE:DESTINATION, for Bochs, which does not see the host's files.
    files: Tuple[str, ...] = ()
    environment: Tuple[str, ...] = ()
    # More arguments for QEMU, and in words what they give the machine.
    emulator: Tuple[str, ...] = ()
    extra: str = ""

    def but(self, **changes):
        return dataclasses.replace(self, **changes)

    def __str__(self):
        if self.accel == "bochs":
            return f"{self.kernel} in Bochs, {self.memory}"
        words = [self.kernel, f"{self.cpus} CPU{'s' * (self.cpus > 1)}", self.memory]
        if self.threads > 1:
            words.insert(2, f"{self.threads} threads a core")
        if self.without_patching:
            words.append("no code patching")
        if self.icount:
            words.append("icount")
        if self.cpu:
            words.append(self.cpu)
        if self.extra:
            words.append(self.extra)
        return ", ".join(words)


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    machine: Optional[Machine]      # None: it runs on the host.
    budget: float                   # Seconds.
    command: str                    # Split into words as by a shell; prints TAP.
    # "host", "kernel"; "cached": if the cache has its kernel; "by name": only if it is named.
    group: str = "kernel"
    append: str = ""                # Kernel parameters.
    before: str = ""                # Runs first, on the host.
    kernels: Tuple[str, ...] = ()   # Needed beside the machine's.
    source: bool = False            # Needs the kernel's source: with "all" builds come first.
    boots: bool = False             # Has no machine here, and boots one by itself.
    gtest: bool = False             # COMMAND prints what GoogleTest prints.
    sleeps: bool = False            # Most of the time, so that it takes no place.
    alone: bool = False             # Nothing else runs meanwhile.
    takes_seconds: bool = False     # It lasts SECONDS, which are added to the budget.


HOST = None
ONE_THREAD = Machine()
ICOUNT = ONE_THREAD.but(icount=True, memory="1G")
# With one processor a failure is the kernel's and not the emulator's.
ONE_CPU = ONE_THREAD.but(cpus=1)
THREADS = Machine(one_thread=False, without_patching=True)
ENTRIES = ONE_THREAD.but(memory="1G", cpu="max,la57=off")
DEBUG = THREADS.but(kernel="debug", memory="3G")
DEBUG_ONE_THREAD = ONE_THREAD.but(kernel="debug", memory="3G")
KCOV = ONE_THREAD.but(kernel="kcov")
TORTURE = THREADS.but(cpus=4)
# Two cores of two threads each.
CORES = THREADS.but(cpus=4, threads=2)
# Memory that the kernel finds after it has booted.
DIMMS = ONE_THREAD.but(kernel="server", extra="3 DIMMs", emulator=(
    "-m", "size=2048M,slots=3,maxmem=4G",
    *(word for i in range(3) for word in (
        "-object", f"memory-backend-ram,id=memory{i},size=128M",
        "-device", f"pc-dimm,id=dimm{i},memdev=memory{i}"))))
# A disk to swap to, whose content nobody keeps.
SWAP = ONE_CPU.but(extra="a disk", emulator=(
    "-drive", "file=build/selftest/swap.img,format=raw,if=virtio,cache=unsafe"))
# Its processor has supervisor protection keys.
XOM = ONE_THREAD.but(memory="1G", cpu="max")
BOCHS = Machine(accel="bochs", cpus=1, memory="1G",
                files=("build/host/minivm/minivm:/minivm",
                       "build/base/arch/x86/boot/bzImage:/bzImage",
                       "build/selftest/guest.cpio:/guest.cpio",
                       "selftests/kvm/vmx.sh:/vmx.sh"))
BOCHS_FLUSH = BOCHS.but(files=("build/host/minivm/minivm:/minivm",
                               "selftests/lib/tap.sh:/lib/tap.sh",
                               "selftests/kvm/flush.sh:/bin/flush.sh"),
                        environment=("MINIVM=/minivm",))
# Of processors before Cascade Lake: they have L1TF.
BOCHS_L1TF = BOCHS_FLUSH.but(cpu="corei7_skylake_x")
# They have MMIO Stale Data and not what else VERW is for.
BOCHS_MMIO = BOCHS.but(cpu="corei7_icelake_u",
                       files=("build/host/minivm/minivm:/minivm",
                              "selftests/lib/tap.sh:/lib/tap.sh",
                              "build/base/asi-test/asi_test.ko:/asi_test.ko",
                              "selftests/kvm/device.sh:/device.sh"),
                       environment=("MINIVM=/minivm",))

# Processors with bugs that the default one does not have.
MILAN = ONE_THREAD.but(memory="1G", threads=2, cpu="EPYC-Milan")
SKYLAKE = MILAN.but(cpu="Skylake-Client")
BOCHS_HASWELL = BOCHS_FLUSH.but(
    cpu="corei7_haswell_4770",
    files=("build/host/minivm/minivm:/minivm", "build/host/asictl/asictl:/asictl",
           "selftests/lib/tap.sh:/lib/tap.sh",
           "selftests/kvm/mitigations.sh:/bin/mitigations.sh"),
    environment=("MINIVM=/minivm", "ASICTL=/asictl"))

# Of sci/calls.sh: what goes to user mode and back, or has the kernel change its tables there.
PTI_CALLS = """fork_and_exit vfork_and_exec exec_from_thread many_threads migrate preempted
    interrupted_sleep signals_while_copying single_step system_calls_traced
    user_faults memory_changes_while_copying memory_of_another_thread
    break_and_remap far_addresses huge_pages growing_stack shared_memory futexes
    pipes ring"""

ON = {"append": "asi=on"}
SCI = {"append": "asi=on sci=on"}
NETNS = {"append": "asi=on netns_asi=on,64M"}
BY_NAME = {"group": "by name"}
# How calls and jumps by register are compiled into the running kernel.
SCI_BRANCHES = (("plain", "spectre_v2=off"),
                ("padded", "spectre_v2=retpoline retbleed=stuff,force"),
                ("thunks", "spectre_v2=eibrs indirect_target_selection=force"))


# What processors and parameters have the kernel's own patching make: selftests/guard/probe.py.
GUARD = ("kaslr", "nokaslr-1-cpu", "off", "stuff")
GUARD_BY_NAME = ("auto-amd", "auto-intel", "lfence", "retpoline", "unret", "ibpb", "off-1-cpu",
                 "full", "none", "its")


def guard(boot, **more):
    return Step(f"guard-{boot}", HOST, 400, f"selftests/guard/probe.py {boot}",
                kernels=("base",), boots=True, **more)


def flush(mode):
    return Step(f"flush-{mode}", ONE_THREAD, 100, f"selftests/kvm/flush.sh {mode}",
                append=f"asi=on mitigations=auto asi_flush={mode}")


def mitigations(name, machine, rows, append, **more):
    """ROWS: what has to come out, and does not in the other boots."""
    script = "sh /bin/mitigations.sh" if machine.accel == "bochs" else \
        "selftests/kvm/mitigations.sh"
    return Step(name, machine, 150 if machine.accel == "bochs" else 60, f"{script} {rows}",
                append=append, **more)


# Other boots, other rows.
MITIGATIONS = [
    ("mitigations-off", MILAN,
     "vmscape=not spectre_v2/user_kernel=open spectre_v2/guest_host=partly:isolation",
     "asi=on mitigations=off"),
    ("mitigations-asi-off", MILAN,
     "spectre_v2/guest_host=open spec_rstack_overflow/guest_host=open",
     "asi=off mitigations=off"),
    ("mitigations-forced", MILAN, "tsa/guest_host=partly:isolation tsa/user_kernel=open",
     "asi=on mitigations=auto asi_flush=auto,force"),
    ("mitigations-never", MILAN, "tsa/guest_host=open tsa/guest_guest=open",
     "asi=on mitigations=auto asi_flush=never"),
    ("mitigations-intel", SKYLAKE,
     "tsa=not mds=affected srbds=affected meltdown/user_kernel=mitigated:kernel "
     "l1tf/user_kernel=mitigated:kernel mds/guest_host=open",
     "asi=on mitigations=auto"),
    ("mitigations-vmx", BOCHS_HASWELL,
     "l1tf/guest_host=mitigated:isolation meltdown/user_kernel=mitigated:kernel",
     "asi=on mitigations=auto"),
    ("mitigations-vmx-never", BOCHS_HASWELL,
     "l1tf/guest_host=open meltdown/user_kernel=mitigated:kernel",
     "asi=on mitigations=auto asi_flush=never"),
]

STEPS = [
    Step("unit", HOST, 600, "make -s -C selftests/unit test", group="host", gtest=True,
         before="make -s -j$(nproc) -C selftests/unit all"),
    Step("asictl", HOST, 400, "make -s -C tools/asictl test", group="host", gtest=True),
    Step("runner", HOST, 100, "python3 selftests/runner_test.py", group="host"),
    Step("progress", HOST, 100, "python3 tools/lib/progress_test.py", group="host"),
    Step("scale", HOST, 100, "python3 bench/scale_test.py", group="host"),
    Step("hooks", HOST, 200, "selftests/hooks/test.sh", group="host", source=True),

    # Most of the time it waits for timers.
    Step("sci-upstream", ONE_THREAD, 400, "selftests/sci/upstream.sh", **SCI, sleeps=True,
         before="selftests/sci/build-upstream"),
    Step("boot-1-vcpu", THREADS, 150, "selftests/kvm/boot.sh 3 1", **ON),
    Step("boot-2-vcpus", THREADS, 150, "selftests/kvm/boot.sh 2 2", **ON),
    Step("vmx", BOCHS, 300, "/bin/sh /vmx.sh", **ON),
    # The boot's warnings, see vmx.sh, are not the test's.
    Step("vmx-flush-auto,force", BOCHS_FLUSH, 150,
         "/bin/sh -c 'dmesg -c >/dev/null; exec sh /bin/flush.sh auto,force'",
         append="asi=on mitigations=auto asi_flush=auto,force"),
    Step("debug", DEBUG, 300, "selftests/lib/in-turn 'selftests/kvm/boot.sh 1 1' "
         "'selftests/asi/states.sh quick' 'selftests/kvm/churn.sh 3' "
         "selftests/asi/break-leave.sh", **ON),
    Step("patching", ICOUNT, 100, "selftests/asi/patching.sh", **ON),
    Step("without-code-patching", ONE_THREAD, 100,
         "selftests/lib/without-code-patching-test.sh", **ON),
    Step("parameters", ONE_THREAD, 100, "selftests/asi/parameters.sh",
         append='asi=on asi=maybe kvm_asi=perhaps sci=yes asi_smt=all asi_policy="kvm slob r grow"'),
    Step("policy", ONE_THREAD, 100, "selftests/asi/policy.sh", **ON),
    Step("seen", ONE_THREAD, 100, "selftests/kvm/seen.sh", **ON),
    flush("auto,force"),
    flush("always,force"),
    flush("never"),
    flush("auto"),
    # A processor whose last instructions before a guest clear buffers (TSA).
    Step("flush-verw", ONE_THREAD.but(cpu="EPYC-Milan"), 100,
         "selftests/kvm/flush.sh verw",
         append="asi=on mitigations=auto spec_rstack_overflow=off"),
    mitigations("mitigations", MILAN,
                "tsa=affected vmscape=affected mds=not spectre_v2/guest_host=mitigated:kernel "
                "spec_rstack_overflow/guest_host=partly:isolation tsa/guest_host=open",
                "asi=on mitigations=auto vmscape=force"),
    Step("secrets-off", ONE_THREAD, 150, "selftests/asi/secrets.sh", append="asi=off"),
    Step("secrets-on", ONE_THREAD, 150, "selftests/asi/secrets.sh", **ON),
    Step("verify", ONE_THREAD, 100, "selftests/asi/verify.sh", **ON),
    Step("break", ONE_THREAD, 150, "selftests/asi/break.sh", **ON),
    Step("tables", ONE_THREAD, 150, "selftests/asi/tables.sh", **ON),
    # Guests have to run at the same time.
    Step("smt", CORES, 150, "selftests/kvm/smt.sh stun", append="asi=on asi_smt=stun", alone=True),
    *(Step(f"smt-{mode}", CORES, 150, f"selftests/kvm/smt.sh {mode}",
           append=f"asi=on asi_smt={mode}", alone=True, **BY_NAME) for mode in ("off", "count")),
    Step("xom", XOM, 400, "env LOADS=2 PROBES=5 FAULTS=1000 STRIDE=8192 selftests/asi/xom.sh",
         append="asi=on xom=auto"),
    Step("xom-off", XOM, 150, "selftests/asi/xom.sh", append="asi=on xom=off", **BY_NAME),
    # PKRS forbids nothing: every refusal becomes a byte.
    Step("xom-broken", XOM, 150, "selftests/asi/xom.sh",
         append="asi_break=pkrs,alias asi=on xom=auto", **BY_NAME),
    # Nor loses memory its key that is no text any more: the oracle finds it.
    Step("xom-unkey", XOM, 150, "selftests/asi/xom.sh",
         append="asi_break=unkey,pkrs asi=on xom=auto", **BY_NAME),
    Step("xom-deep", XOM, 1500,
         "env LOADS=1000 PROBES=1000 FAULTS=1000000 STRIDE=64 selftests/asi/xom.sh",
         append="asi=on xom=auto", **BY_NAME),
    # VERW on the way to user mode, where the process's table is loaded.
    *(Step(f"xom-{name}", SKYLAKE.but(cpu="Skylake-Client,+pks"), 150, "selftests/asi/xom.sh",
           append=f"asi=on mitigations=auto {more}", **BY_NAME)
      for name, more in (("verw", "xom=auto"), ("verw-off", "xom=off"))),
    Step("memory", DIMMS, 300, "selftests/asi/memory.sh", **BY_NAME,
         append="asi=on kfence.sample_interval=0 memhp_default_state=offline"),
    Step("break-base", ONE_THREAD, 100,
         'selftests/asi/break-boot.sh "a CPU\'s per-CPU area is missing"',
         append="asi_break=base asi=on"),
    Step("break-global", ONE_THREAD, 100, "selftests/asi/break-boot.sh Global",
         append="asi_break=global asi=on"),
    Step("states", ONE_THREAD, 150, "selftests/asi/states.sh", **ON),
    Step("run", ONE_THREAD, 150, "selftests/kvm/run.sh", **ON),
    Step("instrument", ONE_THREAD, 150, "selftests/kvm/instrument.sh", **ON),
    Step("sci-off", ONE_THREAD, 100, "selftests/sci/attack.sh", **ON),
    Step("sci-attack", ONE_THREAD, 150, "selftests/sci/attack.sh", **SCI),
    Step("sci-tracing", ONE_THREAD, 150, "selftests/sci/tracing.sh quick", **SCI),
    Step("sci-calls", ONE_THREAD, 300, "selftests/sci/calls.sh", **SCI),
    Step("sci-calls-pti", ONE_THREAD, 200, f"selftests/sci/calls.sh {PTI_CALLS}",
         append="asi=on sci=on pti=on"),
    Step("sci-profiles", ONE_THREAD, 150, "selftests/sci/profiles.sh", **SCI),
    Step("sci-programs", ONE_THREAD, 400, "selftests/sci/programs.sh", **SCI),
    Step("sci-stress", ONE_THREAD, 400, "selftests/sci/stress.sh 1", **SCI),
    Step("sci-unprivileged", ONE_THREAD, 150, "selftests/lib/in-turn "
         "'selftests/sci/bad_pointers.sh 3000' selftests/sci/unprivileged.sh", **SCI),
    Step("netns-off", ONE_THREAD, 300, "selftests/netns/payload.sh", **ON),
    Step("netns-payload", ONE_THREAD, 400, "selftests/netns/payload.sh", **NETNS),
    Step("netns-payload-pti", ONE_THREAD, 400, "selftests/netns/payload.sh",
         append="asi=on netns_asi=on,64M pti=on", **BY_NAME),
    # System calls isolated, too.
    Step("netns-calls", ONE_THREAD, 300, "selftests/netns/calls.sh",
         append="asi=on sci=on netns_asi=on,64M", **BY_NAME),
    Step("netns-full", ONE_THREAD, 200, "selftests/netns/full.sh",
         append="asi=on netns_asi=on,4M", **BY_NAME),
    Step("netns-places", ONE_THREAD, 200, "selftests/netns/places.sh",
         append="asi=on netns_asi=on,64M netns_policy=log", **BY_NAME),
    Step("disturb", THREADS, 150, "selftests/kvm/disturb.sh", **ON),
    Step("churn", THREADS, 150, "selftests/kvm/churn.sh", **ON),
    Step("memslots", ONE_CPU, 300, "selftests/kvm/memslots.sh 3", **ON),
    Step("owners", ONE_CPU, 200, "selftests/kvm/owners.sh", **ON),
    Step("backing", ONE_CPU, 200, "selftests/kvm/backing.sh", **BY_NAME, **ON),
    Step("crowd", ONE_CPU, 300, "selftests/kvm/crowd.sh 3", **ON),
    *(mitigations(*boot, **BY_NAME) for boot in MITIGATIONS),
    # With several processors: see "Stressed guests" in Documentation.
    Step("crowd-threads", THREADS, 300, "selftests/kvm/crowd.sh", **BY_NAME, **ON),
    Step("memslots-threads", THREADS, 300, "selftests/kvm/memslots.sh", **BY_NAME, **ON),
    Step("memslots-threads-off", THREADS, 300, "selftests/kvm/memslots.sh", **BY_NAME,
         append="asi=off"),
    # What guests of Debian's QEMU see is the same in both.
    Step("qemu", ONE_CPU, 1500, "selftests/kvm/qemu.sh", **BY_NAME, **ON),
    Step("qemu-off", ONE_CPU, 1500, "selftests/kvm/qemu.sh", **BY_NAME, append="asi=off"),
    Step("torture", TORTURE, 270, "selftests/asi/torture.sh {seconds} {seed}", **SCI,
         takes_seconds=True),
    Step("boot-pti", THREADS, 150, "selftests/kvm/boot.sh 1 2", append="asi=on pti=on"),
    Step("boot-off", THREADS, 150, "selftests/kvm/boot.sh 1 2", append="asi=off"),
    Step("boot-5-levels", THREADS.but(cpu="max,la57=on"), 150, "selftests/kvm/boot.sh 1 1", **ON),
    Step("entries", ONE_THREAD, 150, "selftests/asi/entries.sh 1000", **ON),
    # Every way into the kernel, again with other processors and parameters.
    Step("entries-1-cpu", ENTRIES, 150, "selftests/asi/entries.sh 500",
         append="asi=on nosmp preempt=none nokaslr"),
    Step("entries-4-cpus", ENTRIES.but(cpus=4), 150, "selftests/asi/entries.sh 500",
         append="asi=on preempt=full pti=on"),
    Step("entries-5-levels", ENTRIES.but(cpu="max,la57=on"), 150, "selftests/asi/entries.sh 500",
         append="asi=on preempt=full nopcid"),
    *(guard(boot) for boot in GUARD),
    *(guard(boot, **BY_NAME) for boot in GUARD_BY_NAME),
    # A host and its guests: nobody has seen them run yet.
    Step("guard-attack", ONE_CPU, 600, "selftests/guard/attack.sh", **BY_NAME,
         append="asi=off kvm.force_emulation_prefix=1"),
    Step("guard-kernel", ONE_CPU, 1200,
         "selftests/guard/kernel.sh build/selftest/base.manifest", **BY_NAME, append="asi=off",
         before="build/host/asictl/asictl manifest build build/base/vmlinux "
                "-o build/selftest/base.manifest"),
    Step("suspend", ONE_THREAD, 100, "selftests/asi/suspend.sh", **ON),
    Step("kexec", ONE_THREAD, 100, "selftests/asi/kexec.sh", **ON),
    Step("double-fault", HOST, 100, "selftests/asi/double-fault", kernels=("base",)),
    # Two emulators at once.
    Step("kvm-selftests", HOST, 500, "selftests/kvm/upstream-compare", kernels=("base",),
         alone=True),

    Step("vmx-l1d-always", BOCHS_L1TF, 150,
         "/bin/sh -c 'dmesg -c >/dev/null; exec sh /bin/flush.sh l1d'",
         append="asi=on mitigations=auto kvm-intel.vmentry_l1d_flush=always", **BY_NAME),
    Step("vmx-device", BOCHS_MMIO, 150,
         "/bin/sh -c 'dmesg -c >/dev/null; exec sh /device.sh /asi_test.ko'",
         append="asi=on mitigations=off", **BY_NAME),
    # Calls and jumps by register that are none by return, and others that are; with code in
    # front of functions; with jumps that were moved away.
    *(Step(f"sci-attack-{name}", ONE_THREAD, 150, "selftests/sci/attack.sh",
           append=f"asi=on sci=on {parameters}", **BY_NAME)
      for name, parameters in SCI_BRANCHES),
    Step("sci-tracing-all", ONE_THREAD, 1500, "selftests/sci/tracing.sh", **BY_NAME, **SCI),
    *(Step(f"sci-tracing-{name}", ONE_THREAD, 300, "selftests/sci/tracing.sh quick",
           append=f"asi=on sci=on {parameters}", **BY_NAME)
      for name, parameters in SCI_BRANCHES),
    Step("sci-stress-more", ONE_THREAD, 1200, "selftests/sci/stress.sh 1 stress-ng-more.list",
         **BY_NAME, **SCI),
    *(Step(f"{name}sci-pointers", machine, 400, "selftests/sci/bad_pointers.sh 0 {seconds} {seed}",
           takes_seconds=True, **BY_NAME, **SCI)
      for name, machine in (("", ONE_THREAD), ("debug-", DEBUG_ONE_THREAD))),
    *(Step(f"{name}sci-unprivileged-more", machine, 1800,
           f"selftests/sci/unprivileged.sh {much} {{seed}}", **BY_NAME, **SCI)
      for name, machine, much in (("", ONE_THREAD, "100000 270"),
                                  ("debug-", DEBUG_ONE_THREAD, "10000 30"))),
    # Threads that poll when they are idle, of which the boot warns.
    Step("smt-poll", CORES, 150,
         "/bin/sh -c 'dmesg -c >/dev/null; exec selftests/kvm/smt.sh stun'",
         append="asi=on asi_smt=stun idle=poll", alone=True, **BY_NAME),
    Step("smt-core", CORES.but(kernel="server"), 300, "selftests/kvm/smt.sh stun",
         append="asi=on asi_smt=stun", alone=True, **BY_NAME),
    # The distribution's configuration.
    Step("server", ONE_THREAD.but(kernel="server"), 300,
         "selftests/lib/in-turn selftests/kvm/module.sh selftests/kvm/run.sh "
         "selftests/asi/verify.sh", group="cached", **ON),
    *(Step(f"server-{name}", machine.but(kernel="server"), 600, command, **BY_NAME, **ON)
      for name, machine, command in (
          ("owners", ONE_CPU, "selftests/kvm/owners.sh"),
          ("secrets", ONE_THREAD, "selftests/asi/secrets.sh"),
          ("tables", ONE_THREAD, "selftests/asi/tables.sh"),
          ("break", ONE_THREAD, "selftests/asi/break.sh"),
          ("states", ONE_THREAD, "selftests/asi/states.sh"),
          ("entries", ONE_THREAD, "selftests/asi/entries.sh 500"),
          ("disturb", THREADS, "selftests/kvm/disturb.sh"),
          ("churn", THREADS, "selftests/kvm/churn.sh"),
          ("memslots", ONE_CPU, "selftests/kvm/memslots.sh 3"),
          ("crowd", ONE_CPU, "selftests/kvm/crowd.sh 3"))),
    *(Step(f"server-{name}", machine.but(kernel="server"), 600, command, **BY_NAME, **SCI)
      for name, machine, command in (
          ("sci-attack", ONE_THREAD, "selftests/sci/attack.sh"),
          ("sci-calls", ONE_THREAD, "selftests/sci/calls.sh"),
          ("sci-programs", ONE_THREAD, "selftests/sci/programs.sh"))),
    Step("server-backing", SWAP.but(kernel="server"), 600, "selftests/kvm/backing.sh 3", **BY_NAME,
         **ON, before="mkdir -p build/selftest && truncate -s 128M build/selftest/swap.img"),
    Step("server-boot", THREADS.but(kernel="server"), 600, "selftests/kvm/boot.sh 1 1",
         kernels=("base",), **BY_NAME, **ON),
    Step("server-qemu", ONE_CPU.but(kernel="server"), 2000, "selftests/kvm/qemu.sh",
         kernels=("base",), **BY_NAME, **ON),
    Step("server-torture", TORTURE.but(kernel="server"), 400,
         "selftests/asi/torture.sh {seconds} {seed}", **BY_NAME, **SCI, takes_seconds=True),
    # One of 200 processors that may come is there, and then another.
    Step("possible-cpus", ONE_THREAD.but(kernel="server", cpus=200), 600,
         "selftests/lib/in-turn 'selftests/kvm/boot.sh 1 1' selftests/kvm/possible.sh "
         "selftests/kvm/run.sh",
         append="asi=on maxcpus=1", group="by name", kernels=("base",)),
    Step("debug-smt", CORES.but(kernel="debug", memory="3G"), 600, "selftests/kvm/smt.sh stun",
         append="asi=on asi_smt=stun", alone=True, **BY_NAME),
    Step("debug-memslots", DEBUG, 400, "selftests/kvm/memslots.sh 5", **BY_NAME, **ON),
    Step("debug-torture", TORTURE.but(kernel="debug", memory="3G"), 270,
         "selftests/asi/torture.sh {seconds} {seed}", **BY_NAME,
         append="asi=on sci=on kmemleak=on", takes_seconds=True),
    *(Step(f"{kernel}torture-smt", TORTURE.but(threads=2, **more), 270,
           "selftests/asi/torture.sh {seconds} {seed}", **BY_NAME,
           append="asi=on sci=on asi_smt=stun kmemleak=on", takes_seconds=True)
      for kernel, more in (("", {}), ("debug-", {"kernel": "debug", "memory": "3G"}))),
    Step("debug-boot", DEBUG, 300, "selftests/kvm/boot.sh 1 1", **BY_NAME, **ON),
    Step("debug-states", DEBUG, 300, "selftests/asi/states.sh quick", **BY_NAME, **ON),
    Step("debug-churn", DEBUG, 300, "selftests/kvm/churn.sh 3", **BY_NAME, **ON),
    *(Step(f"debug-{name}", DEBUG_ONE_THREAD, 1200, f"selftests/asi/{name}.sh", **BY_NAME, **ON)
      for name in ("entries", "suspend", "kexec", "verify", "break")),
    *(Step(f"debug-sci-{name}", DEBUG_ONE_THREAD, 1200, f"selftests/sci/{name}.sh",
           **BY_NAME, **SCI)
      for name in ("attack", "calls", "profiles", "programs", "stress")),
    Step("debug-sci-tracing", DEBUG_ONE_THREAD, 1800, "selftests/sci/tracing.sh quick",
         **BY_NAME, **SCI),
    # Builds a kernel.
    *(Step(f"source-{which}", HOST, 1800, f"selftests/hooks/source.sh {which}", boots=True,
           **BY_NAME)
      for which in ("oldest", "newest")),
    # Makes a Debian system, and boots it.
    Step("deb", HOST, 900, "selftests/deb/install.sh server", kernels=("server",), alone=True,
         **BY_NAME),
    Step("kcov", KCOV, 300, "selftests/asi/kcov.sh", **BY_NAME, append="asi=on nokaslr"),
]
