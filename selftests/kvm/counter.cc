// SPDX-License-Identifier: GPL-2.0-only
//
// Process 1 of a guest that is saved, restored and moved while it runs.  Counts its steps on the
// second serial port.  In each it checks some pages and gives them their next content, and reads
// from the disk what the last step wrote there.  What memory and disk hold follows from the
// count, so whatever is of another time is wrong.
//
// A line is "step N wrong N": how much was wrong since the beginning.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <termios.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

constexpr size_t kPageSize = 4096;
constexpr size_t kPages = 4096;
// Of them, in a step.  selftests/kvm/qemu.py knows after how many steps each had its turn.
constexpr size_t kPagesAtOnce = 32;
constexpr size_t kStepsInRound = kPages / kPagesAtOnce;
constexpr timespec kPause{0, 20'000'000};

struct alignas(kPageSize) Page {
    uint64_t words[kPageSize / sizeof(uint64_t)];
};

/// The first word of a page that was written in `round`; each other one follows from it.
uint64_t first_word(uint64_t page, uint64_t round) {
    return (page + 1) * 0x9e3779b97f4a7c15 ^ (round + 1) * 0xc2b2ae3d27d4eb4f;
}

constexpr uint64_t kBetweenWords = 0x165667b19e3779f9;

void fill(Page& page, uint64_t word) {
    for (uint64_t& each : page.words) {
        each = word;
        word += kBetweenWords;
    }
}

bool holds(const Page& page, uint64_t word) {
    for (const uint64_t each : page.words) {
        if (each != word) return false;
        word += kBetweenWords;
    }
    return true;
}

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

class Memory {
  public:
    Memory() {
        void* memory = ::mmap(nullptr, kPages * sizeof(Page), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) give_up("memory");
        pages_ = static_cast<Page*>(memory);
        for (size_t i = 0; i < kPages; ++i) fill(pages_[i], first_word(i, 0));
    }

    /// How many pages were wrong.
    unsigned do_step(uint64_t step) {
        const uint64_t round = step / kStepsInRound;
        const size_t first = step % kStepsInRound * kPagesAtOnce;
        unsigned wrong = 0;
        for (size_t i = first; i < first + kPagesAtOnce; ++i) {
            wrong += !holds(pages_[i], first_word(i, round));
            fill(pages_[i], first_word(i, round + 1));
        }
        return wrong;
    }

  private:
    Page* pages_;
};

class Disk {
  public:
    Disk() : fd_(::open("/dev/vda", O_RDWR | O_DIRECT | O_SYNC)) {
        if (fd_ < 0) give_up("/dev/vda");
    }

    unsigned do_step(uint64_t step) {
        static Page page;
        const bool right = ::pread(fd_, &page, sizeof(page), 0) == sizeof(page) &&
                           (step == 0 || holds(page, first_word(step - 1, 0)));
        fill(page, first_word(step, 0));
        const bool written = ::pwrite(fd_, &page, sizeof(page), 0) == sizeof(page);
        return !right + !written;
    }

  private:
    int fd_;
};

int open_port() {
    const int fd = ::open("/dev/ttyS1", O_RDWR | O_NOCTTY);
    termios mode{};
    if (fd < 0 || ::tcgetattr(fd, &mode) != 0) give_up("/dev/ttyS1");
    ::cfmakeraw(&mode);
    if (::tcsetattr(fd, TCSANOW, &mode) != 0) give_up("/dev/ttyS1");
    return fd;
}

}  // namespace

int main() {
    // A kernel may have done this itself.
    (void)::mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
    Memory memory;
    Disk disk;
    const int port = open_port();
    unsigned wrong = 0;
    for (uint64_t step = 0;; ++step) {
        wrong += memory.do_step(step) + disk.do_step(step);
        if (::dprintf(port, "step %llu wrong %u\n", static_cast<unsigned long long>(step), wrong) <
            0)
            give_up("write");
        ::nanosleep(&kPause, nullptr);
    }
}
