// SPDX-License-Identifier: GPL-2.0-only
//
// A process with a secret in its memory: prints the address and waits.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

int main() {
    constexpr std::uint64_t kSecret = 0x7665727973656372;
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return 1;
    for (int i = 0; i < 512; ++i)
        std::memcpy(static_cast<char*>(page) + i * 8, &kSecret, sizeof(kSecret));
    std::printf("%lx\n", reinterpret_cast<unsigned long>(page) + 512);
    std::fflush(stdout);
    for (;;) ::pause();
}
