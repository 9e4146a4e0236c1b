// SPDX-License-Identifier: GPL-2.0-only
//
// What asi/xom.sh needs of a process.
//
// usage: xom map ADDRESS		has asi_test/xom map the page of ADDRESS here, and read it
//        xom faults COUNT	runs a BPF program whose load faults, COUNT times
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

// Of Linux 6.9; the headers of the machine that compiles may be older.
constexpr std::uint32_t kMapTypeArena = 33;
constexpr std::uint32_t kMmapable = 1U << 10;
constexpr std::uint8_t kAddrSpaceCast = 1;
constexpr std::uint32_t kProgTypeSyscall = 31;
constexpr std::uint32_t kRounds = 10000;

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

// Nothing is allocated in the arena: each load from it faults and gives 0.  r6 counts down.
int faults(unsigned long count) {
    bpf_attr attr = {};
    attr.map_type = kMapTypeArena;
    attr.max_entries = 1;
    attr.map_flags = kMmapable;
    attr.map_extra = 1ULL << 32;  // where user space would see it
    const int arena = must(bpf(BPF_MAP_CREATE, attr), "arena");
    const bpf_insn program[] = {
        insn(BPF_LD | BPF_DW | BPF_IMM, 7, BPF_PSEUDO_MAP_FD, 0, arena),
        insn(0, 0, 0, 0, 0),
        insn(BPF_ALU64 | BPF_MOV | BPF_K, 6, 0, 0, 0),
        // r8 = the arena's first address
        insn(BPF_ALU64 | BPF_MOV | BPF_K, 8, 0, 0, 4096),
        insn(BPF_ALU64 | BPF_MOV | BPF_X, 8, 8, kAddrSpaceCast, 1),
        insn(BPF_LDX | BPF_MEM | BPF_DW, 0, 8, 0, 0),
        insn(BPF_ALU64 | BPF_ADD | BPF_K, 6, 0, 0, 1),
        insn(BPF_JMP | BPF_JLT | BPF_K, 6, 0, -3, static_cast<std::int32_t>(kRounds)),
        insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
        insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    static char log[65536];
    attr = {};
    attr.prog_type = kProgTypeSyscall;
    attr.insns = reinterpret_cast<std::uintptr_t>(program);
    attr.insn_cnt = sizeof(program) / sizeof(program[0]);
    attr.license = reinterpret_cast<std::uintptr_t>("GPL");
    attr.log_buf = reinterpret_cast<std::uintptr_t>(log);
    attr.log_size = sizeof(log);
    attr.log_level = 4;         // errors and a summary, not each instruction
    attr.prog_flags = 1U << 4;  // sleepable, as these are
    const long loaded = bpf(BPF_PROG_LOAD, attr);
    if (loaded < 0) {
        std::perror("program");
        std::puts(log);
        return 1;
    }
    unsigned long done = 0;
    for (; done < count; done += kRounds) {
        attr = {};
        attr.test.prog_fd = static_cast<std::uint32_t>(loaded);
        must(bpf(BPF_PROG_TEST_RUN, attr), "run");
        if (attr.test.retval != 0) return 1;
    }
    std::printf("faults %lu\n", done);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 2 ? argv[1] : "";
    if (what == "map") return map(argv[2]);
    if (what == "faults") return faults(std::strtoul(argv[2], nullptr, 10));
    std::fputs("usage: xom map ADDRESS | faults COUNT\n", stderr);
    return 2;
}
