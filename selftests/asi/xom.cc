// SPDX-License-Identifier: GPL-2.0-only
//
// What asi/xom.sh needs of a process.
//
// usage: xom map ADDRESS		has asi_test/xom map the page of ADDRESS here, and read it
//        xom faults COUNT	runs a BPF program whose load faults, COUNT times
//        xom bpf START END STRIDE	reads by bpf_probe_read_kernel(), a byte at each STRIDE
//        xom kprobe FUNCTION ADDRESS	a BPF program at a probe says where it was hit, as
//                      		tracers have it do, and reads the function
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

// Of Linux 6.9; the headers of the machine that compiles may be older.
constexpr std::uint32_t kMapTypeArena = 33;
constexpr std::uint32_t kMmapable = 1U << 10;
constexpr std::uint8_t kAddrSpaceCast = 1;
constexpr std::uint32_t kProgTypeSyscall = 31;
constexpr std::uint32_t kSleepable = 1U << 4;  // as programs of that type are
constexpr std::uint32_t kRounds = 10000;
constexpr std::int32_t kGot = 0x100;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int must(long result, const char* what) {
    if (result < 0) fail(what);
    return static_cast<int>(result);
}

int map(const std::string& address) {
    const int file = must(::open("/sys/kernel/debug/asi_test/xom", O_RDWR), "asi_test/xom");
    const void* at = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0);
    if (at == MAP_FAILED) fail("mmap");
    const std::string line = "map " + address;
    must(::write(file, line.data(), line.size()), "write");
    return 0;
}

long bpf(int command, bpf_attr& attr) {
    return ::syscall(__NR_bpf, command, &attr, sizeof(attr));
}

bpf_insn insn(std::uint8_t code, std::uint8_t dst, std::uint8_t src, std::int16_t off,
              std::int32_t imm) {
    bpf_insn i = {};
    i.code = code;
    i.dst_reg = dst & 0xf;
    i.src_reg = src & 0xf;
    i.off = off;
    i.imm = imm;
    return i;
}

int load(std::uint32_t type, const std::vector<bpf_insn>& program, std::uint32_t flags) {
    static char log[65536];
    bpf_attr attr = {};
    attr.prog_type = type;
    attr.insns = reinterpret_cast<std::uintptr_t>(program.data());
    attr.insn_cnt = static_cast<std::uint32_t>(program.size());
    attr.license = reinterpret_cast<std::uintptr_t>("GPL");
    attr.log_buf = reinterpret_cast<std::uintptr_t>(log);
    attr.log_size = sizeof(log);
    attr.log_level = 4;  // errors and a summary, not each instruction
    attr.prog_flags = flags;
    const long loaded = bpf(BPF_PROG_LOAD, attr);
    if (loaded < 0) {
        std::perror("program");
        std::puts(log);
        std::exit(1);
    }
    return static_cast<int>(loaded);
}

std::uint32_t run(int program, const std::uint64_t* context) {
    bpf_attr attr = {};
    attr.test.prog_fd = static_cast<std::uint32_t>(program);
    attr.test.ctx_in = reinterpret_cast<std::uintptr_t>(context);
    attr.test.ctx_size_in = context ? sizeof(*context) : 0;
    must(bpf(BPF_PROG_TEST_RUN, attr), "run");
    return attr.test.retval;
}

// Nothing is allocated in the arena: each load from it faults and gives 0.  r6 counts down.
int faults(unsigned long count) {
    bpf_attr attr = {};
    attr.map_type = kMapTypeArena;
    attr.max_entries = 1;
    attr.map_flags = kMmapable;
    attr.map_extra = 1ULL << 32;  // where user space would see it
    const int arena = must(bpf(BPF_MAP_CREATE, attr), "arena");
    const int program =
        load(kProgTypeSyscall,
             {insn(BPF_LD | BPF_DW | BPF_IMM, 7, BPF_PSEUDO_MAP_FD, 0, arena), insn(0, 0, 0, 0, 0),
              insn(BPF_ALU64 | BPF_MOV | BPF_K, 6, 0, 0, 0),
              // r8 = the arena's first address
              insn(BPF_ALU64 | BPF_MOV | BPF_K, 8, 0, 0, 4096),
              insn(BPF_ALU64 | BPF_MOV | BPF_X, 8, 8, kAddrSpaceCast, 1),
              insn(BPF_LDX | BPF_MEM | BPF_DW, 0, 8, 0, 0),
              insn(BPF_ALU64 | BPF_ADD | BPF_K, 6, 0, 0, 1),
              insn(BPF_JMP | BPF_JLT | BPF_K, 6, 0, -3, static_cast<std::int32_t>(kRounds)),
              insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0), insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)},
             kSleepable);
    unsigned long done = 0;
    for (; done < count; done += kRounds)
        if (run(program, nullptr) != 0) return 1;
    std::printf("faults %lu\n", done);
    return 0;
}

// The byte at the address that the context has, and kGot; 0: not read.
int reader() {
    return load(
        kProgTypeSyscall,
        {insn(BPF_LDX | BPF_MEM | BPF_DW, 3, 1, 0, 0),
         insn(BPF_ALU64 | BPF_MOV | BPF_X, 1, 10, 0, 0),
         insn(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, -8),
         insn(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 1),
         insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_kernel),
         insn(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0), insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
         insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0), insn(BPF_LDX | BPF_MEM | BPF_B, 0, 10, -8, 0),
         insn(BPF_ALU64 | BPF_OR | BPF_K, 0, 0, 0, kGot), insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)},
        kSleepable);
}

int read_by_bpf(std::uint64_t start, std::uint64_t end, std::uint64_t stride) {
    const int program = reader();
    unsigned long tried = 0, got = 0;
    std::uint32_t result = 0;
    for (std::uint64_t at = start; at < end; at += stride) {
        result = run(program, &at);
        ++tried;
        got += (result & kGot) != 0;
    }
    std::printf("how bpf address 0x%llx tried %lu got %lu value %02x inside 0\n",
                static_cast<unsigned long long>(start), tried, got, result & 0xff);
    return 0;
}

// What the program at the probe leaves: hits, where, and whether the function was read.
struct Hit {
    std::uint64_t hits, address;
    std::int64_t error;
};

int attach(int program, const std::string& function) {
    std::ifstream file("/sys/bus/event_source/devices/kprobe/type");
    perf_event_attr attr = {};
    if (!(file >> attr.type)) fail("no probes of perf");
    attr.size = sizeof(attr);
    attr.config1 = reinterpret_cast<std::uintptr_t>(function.c_str());
    const int event =
        must(::syscall(__NR_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC), "probe");
    must(::ioctl(event, PERF_EVENT_IOC_SET_BPF, program), "attach");
    must(::ioctl(event, PERF_EVENT_IOC_ENABLE, 0), "enable");
    return event;
}

// The probe is hit on CPU 0, or wherever: a probe's event counts on all.
int kprobe(const std::string& function, std::uint64_t address) {
    bpf_attr attr = {};
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = 4;
    attr.value_size = sizeof(Hit);
    attr.max_entries = 1;
    const int map = must(bpf(BPF_MAP_CREATE, attr), "map");
    const int program =
        load(BPF_PROG_TYPE_KPROBE,
             {insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_func_ip),
              insn(BPF_LD | BPF_DW | BPF_IMM, 7, BPF_PSEUDO_MAP_VALUE, 0, map), insn(0, 0, 0, 0, 0),
              insn(BPF_STX | BPF_MEM | BPF_DW, 7, 0, 8, 0),
              insn(BPF_ALU64 | BPF_MOV | BPF_X, 3, 0, 0, 0),
              insn(BPF_ALU64 | BPF_MOV | BPF_X, 1, 10, 0, 0),
              insn(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, -8),
              insn(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 8),
              insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_kernel),
              insn(BPF_STX | BPF_MEM | BPF_DW, 7, 0, 16, 0),
              insn(BPF_LDX | BPF_MEM | BPF_DW, 1, 7, 0, 0),
              insn(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, 1),
              insn(BPF_STX | BPF_MEM | BPF_DW, 7, 1, 0, 0),
              insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0), insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)},
             0);
    attach(program, function);
    std::ifstream("/proc/version").get();
    Hit hit = {};
    std::uint32_t key = 0;
    attr = {};
    attr.map_fd = static_cast<std::uint32_t>(map);
    attr.key = reinterpret_cast<std::uintptr_t>(&key);
    attr.value = reinterpret_cast<std::uintptr_t>(&hit);
    must(bpf(BPF_MAP_LOOKUP_ELEM, attr), "result");
    std::printf("hits %llu right %d got %d\n", static_cast<unsigned long long>(hit.hits),
                hit.address == address, hit.hits != 0 && hit.error == 0);
    return 0;
}

std::uint64_t number(const char* text, int base) {
    return std::strtoull(text, nullptr, base);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "map" && argc == 3) return map(argv[2]);
    if (what == "faults" && argc == 3) return faults(number(argv[2], 10));
    if (what == "bpf" && argc == 5)
        return read_by_bpf(number(argv[2], 16), number(argv[3], 16), number(argv[4], 10));
    if (what == "kprobe" && argc == 4) return kprobe(argv[2], number(argv[3], 16));
    std::fputs(
        "usage: xom map ADDRESS | faults COUNT | bpf START END STRIDE | "
        "kprobe FUNCTION ADDRESS\n",
        stderr);
    return 2;
}
