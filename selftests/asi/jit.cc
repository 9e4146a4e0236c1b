// SPDX-License-Identifier: GPL-2.0-only
//
// Translates, runs and frees small BPF programs for a while: each keeps as many
// bytes of a packet as its number says.  Prints how many ran.
//
// usage: jit MILLISECONDS
#include <linux/bpf.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int kPacketSize = 64;

int load(int bytes_kept) {
    bpf_insn code[] = {
        {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, bytes_kept},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    static const char kLicence[] = "GPL";
    bpf_attr attr{};
    attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attr.insns = reinterpret_cast<std::uint64_t>(code);
    attr.insn_cnt = sizeof(code) / sizeof(code[0]);
    attr.license = reinterpret_cast<std::uint64_t>(kLicence);
    return static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

/// False with errno set, or with errno 0 when the program kept another number of bytes.
bool runs(int bytes_kept) {
    int ends[2];
    const int program = load(bytes_kept);
    if (program < 0 || ::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0) return false;
    char packet[kPacketSize] = {};
    const bool is_right =
        ::setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) == 0 &&
        ::write(ends[0], packet, sizeof(packet)) == kPacketSize &&
        ::read(ends[1], packet, sizeof(packet)) == bytes_kept;
    ::close(ends[0]);
    ::close(ends[1]);
    ::close(program);
    return is_right;
}

}  // namespace

int main(int argc, char** argv) {
    using Clock = std::chrono::steady_clock;
    if (argc != 2) return 2;
    const auto end = Clock::now() + std::chrono::milliseconds(std::atoi(argv[1]));
    int count = 0;
    while (Clock::now() < end) {
        if (!runs(1 + count % kPacketSize)) {
            std::perror("jit");
            return 1;
        }
        ++count;
    }
    std::printf("programs %d\n", count);
    return count > 0 ? 0 : 1;
}
