// SPDX-License-Identifier: GPL-2.0-only
//
// Steps: user memory in all states while the kernel copies from and to it.
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>
#include <vector>

#include "step.h"

namespace {

constexpr std::size_t kPage = 4096;

class Region {
  public:
    explicit Region(std::size_t size, int protection = PROT_READ | PROT_WRITE,
                    int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1)
        : size_(size) {
        void* at = ::mmap(nullptr, size, protection, flags, fd, 0);
        need(at != MAP_FAILED, "mmap");
        at_ = static_cast<char*>(at);
    }
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;
    ~Region() { ::munmap(at_, size_); }
    char* at(std::size_t offset = 0) const { return at_ + offset; }
    std::size_t size() const { return size_; }

  private:
    char* at_;
    std::size_t size_;
};

/// One that the compiler knows nothing about.
char* address(unsigned long value) {
    volatile unsigned long any = value;
    return reinterpret_cast<char*>(any);
}

Fd zero() {
    return Fd(::open("/dev/zero", O_RDWR));
}

void fresh_memory() {
    const Fd file = zero();
    const Region region(16 * kPage);
    say("read %s", outcome(::read(file, region.at(), region.size())).c_str());
    const Region unread(4 * kPage);
    Pipe pipe;
    say("write %s", outcome(::write(pipe.in, unread.at(kPage), 2 * kPage)).c_str());
    say("read %s", outcome(::read(pipe.out, region.at(100), region.size() - 100)).c_str());
    // Private pages after a fork are copied when the kernel writes.
    region.at()[0] = 'p';
    say("child %d", ended(child([&region, &file] {
            return ::read(file, region.at(), kPage) == kPage && region.at()[0] == 0 ? 0 : 1;
        })));
    say("parent's %c", region.at()[0]);
}

void user_faults() {
    const Fd file = zero();
    const Region region(4 * kPage);
    std::memset(region.at(), 'x', region.size());
    need(::mprotect(region.at(kPage), kPage, PROT_NONE) == 0, "mprotect");
    need(::mprotect(region.at(2 * kPage), kPage, PROT_READ) == 0, "mprotect");
    need(::munmap(region.at(3 * kPage), kPage) == 0, "munmap");
    Pipe pipe;
    for (std::size_t page = 0; page < 4; ++page) {
        say("%zu: read %s", page, outcome(::read(file, region.at(page * kPage), 8)).c_str());
        say("%zu: write %s", page, outcome(::write(pipe.in, region.at(page * kPage), 8)).c_str());
    }
    say("across: read %s", outcome(::read(file, region.at(kPage - 8), 16)).c_str());
    say("across: write %s", outcome(::write(pipe.in, region.at(kPage - 8), 16)).c_str());
    char* const first = address(16);
    say("first page: read %s", outcome(::read(file, first, 8)).c_str());
    char* const kernel = address(0xffff888000000000);
    char* const hole = address(0x0000900000000000);
    say("kernel: read %s write %s", outcome(::read(file, kernel, 8)).c_str(),
        outcome(::write(pipe.in, kernel, 8)).c_str());
    say("hole: read %s write %s", outcome(::read(file, hole, 8)).c_str(),
        outcome(::write(pipe.in, hole, 8)).c_str());
    say("path: %s", outcome(::open(region.at(kPage), O_RDONLY)).c_str());
    say("path: %s", outcome(::access(region.at(kPage - 8), F_OK)).c_str());
}

/// Another thread takes the memory away, gives it back, and changes what may be
/// done to it, while the kernel copies to it.
void memory_changes_while_copying() {
    const Region region(64 * kPage);
    std::atomic<bool> stop = false;
    std::thread changer([&region, &stop] {
        for (unsigned i = 0; !stop; ++i) {
            char* at = region.at((i % 60) * kPage);
            switch (i % 4) {
                case 0:
                    ::mprotect(at, 2 * kPage, PROT_NONE);
                    break;
                case 1:
                    ::mprotect(at, 4 * kPage, PROT_READ | PROT_WRITE);
                    break;
                case 2:
                    ::madvise(at, 2 * kPage, MADV_DONTNEED);
                    break;
                default:
                    need(::mmap(at, 2 * kPage, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at,
                         "mmap");
            }
        }
    });
    const Fd file = zero();
    const Fd null(::open("/dev/null", O_WRONLY));
    Pipe pipe(O_NONBLOCK);
    long rounds = 0;
    for (const double end = seconds_now() + 2; seconds_now() < end; ++rounds) {
        const ssize_t got = ::read(file, region.at(), region.size());
        need(got > 0 || errno == EFAULT, "read");
        const ssize_t put = ::write(pipe.in, region.at((rounds % 60) * kPage), kPage);
        need(put > 0 || errno == EFAULT || errno == EAGAIN, "write");
        if (put > 0) {
            std::vector<char> taken(static_cast<std::size_t>(put));
            need(::read(pipe.out, taken.data(), taken.size()) == put, "taken");
            for (const char byte : taken) need(byte == 0, "content");
        }
    }
    stop = true;
    changer.join();
    need(::mprotect(region.at(), region.size(), PROT_READ | PROT_WRITE) == 0, "mprotect");
    say("read %s", outcome(::read(file, region.at(), region.size())).c_str());
    say("rounds %d", rounds > 10);
}

/// What one maps the other uses in a call at once.
void memory_of_another_thread() {
    std::atomic<char*> shared = nullptr;
    std::atomic<long> wrong = 0;
    std::thread user([&shared, &wrong] {
        const Fd file = zero();
        for (int i = 0; i < 300; ++i) {
            char* at;
            while ((at = shared.exchange(nullptr)) == nullptr) std::this_thread::yield();
            if (::read(file, at, kPage) != kPage) ++wrong;
            ::munmap(at, kPage);
        }
    });
    for (int i = 0; i < 300; ++i) {
        void* at =
            ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        need(at != MAP_FAILED, "mmap");
        while (shared != nullptr) std::this_thread::yield();
        shared = static_cast<char*>(at);
    }
    user.join();
    say("wrong %ld", wrong.load());
}

void break_and_remap() {
    const Fd file = zero();
    char* const before = static_cast<char*>(::sbrk(0));
    need(::brk(before + 64 * kPage) == 0, "brk");
    say("heap: read %s", outcome(::read(file, before, 64 * kPage)).c_str());
    need(::brk(before) == 0, "brk");
    const Region region(kPage);
    void* bigger = ::mremap(region.at(), kPage, 100 * kPage, MREMAP_MAYMOVE);
    need(bigger != MAP_FAILED, "mremap");
    say("moved: read %s", outcome(::read(file, bigger, 100 * kPage)).c_str());
    need(::munmap(bigger, 100 * kPage) == 0, "munmap");
    say("gone: read %s", outcome(::read(file, bigger, 8)).c_str());
    const Region locked(8 * kPage);
    say("mlock %s", outcome(::mlock(locked.at(), locked.size())).c_str());
    unsigned char in_core[8];
    say("mincore %s", outcome(::mincore(locked.at(), locked.size(), in_core)).c_str());
}

/// Far addresses: top-level entries of the page table that come while inside.
void far_addresses() {
    const Fd file = zero();
    for (int i = 1; i < 120; i += 7) {
        auto* const hint = reinterpret_cast<void*>(static_cast<unsigned long>(i) << 39);
        void* at =
            ::mmap(hint, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        need(at != MAP_FAILED, "mmap");
        need(::read(file, at, 2 * kPage) == 2 * kPage, "read");
        need(::munmap(at, 2 * kPage) == 0, "munmap");
        need(::read(file, at, 8) == -1 && errno == EFAULT, "read of what is gone");
    }
    say("read");
}

void huge_pages() {
    constexpr std::size_t kHuge = 2 << 20;
    const Region region(4 * kHuge);
    ::madvise(region.at(), region.size(), MADV_HUGEPAGE);
    const Fd file = zero();
    say("read %s", outcome(::read(file, region.at(), region.size())).c_str());
    need(::munmap(region.at(kHuge + kPage), kPage) == 0, "split");
    say("hole %s", outcome(::read(file, region.at(kHuge + kPage), kPage)).c_str());
    say("after %s", outcome(::read(file, region.at(kHuge + 2 * kPage), kPage)).c_str());
}

void deep_stack(int levels) {
    volatile char room[kPage];
    room[0] = static_cast<char>(levels);
    if (levels > 0) deep_stack(levels - 1);
    room[1] = room[0];
}

/// The kernel is the first to write below the stack's end.
void growing_stack() {
    const Fd file = zero();
    char* const far = static_cast<char*>(__builtin_frame_address(0)) - 60 * kPage;
    say("below the stack: read %s", outcome(::read(file, far, 8)).c_str());
    deep_stack(200);
    say("deep");
}

void shared_memory() {
    const Region region(4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    const pid_t pid = child([&region] {
        const Fd file = zero();
        if (::read(file, region.at(), kPage) != kPage) return 1;
        std::memcpy(region.at(), "from the child", 15);
        return 0;
    });
    say("child %d: %s", ended(pid), region.at());
    const int id = ::shmget(IPC_PRIVATE, 4 * kPage, IPC_CREAT | 0600);
    need(id >= 0, "shmget");
    char* at = static_cast<char*>(::shmat(id, nullptr, 0));
    say("read %s", outcome(::read(zero(), at, 4 * kPage)).c_str());
    need(::shmdt(at) == 0 && ::shmctl(id, IPC_RMID, nullptr) == 0, "shmdt");
    const int semaphores = ::semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    need(semaphores >= 0, "semget");
    const pid_t waiter = child([semaphores] {
        sembuf down{0, -1, 0};
        return ::semop(semaphores, &down, 1) == 0 ? 0 : 1;
    });
    pause_ms(50);
    sembuf up{0, 1, 0};
    need(::semop(semaphores, &up, 1) == 0, "semop");
    say("semaphore %d", ended(waiter));
    need(::semctl(semaphores, 0, IPC_RMID) == 0, "semctl");
}

void memory_file() {
    const Fd file(::memfd_create("sci", 0));
    need(file >= 0 && ::ftruncate(file, 8 * kPage) == 0, "memfd");
    const Region region(8 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file);
    std::memcpy(region.at(5 * kPage), "mapped", 7);
    char text[7] = "";
    say("pread %s %s", outcome(::pread(file, text, 7, 5 * kPage)).c_str(), text);
    say("pwrite %s", outcome(::pwrite(file, "written", 8, 2 * kPage)).c_str());
    say("seen %s", region.at(2 * kPage));
    // From the file to the same pages of the file.
    say("onto itself %s", outcome(::pread(file, region.at(6 * kPage), kPage, 2 * kPage)).c_str());
    say("seen %s", region.at(6 * kPage));
}

// ---- Futexes ---------------------------------------------------------------

long futex(std::atomic<unsigned>* word, int operation, unsigned value,
           const timespec* limit = nullptr) {
    return ::syscall(SYS_futex, word, operation, value, limit, nullptr, 0);
}

void ping_pong(std::atomic<unsigned>* word, unsigned mine, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        while (word->load() != mine) futex(word, FUTEX_WAIT, !mine);
        word->store(!mine);
        futex(word, FUTEX_WAKE, 1);
    }
}

void futexes() {
    const Region region(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    auto* const word = new (region.at()) std::atomic<unsigned>(0);
    const timespec soon{0, 20000000};
    say("wrong value %s", outcome(futex(word, FUTEX_WAIT, 1)).c_str());
    say("late %s", outcome(futex(word, FUTEX_WAIT, 0, &soon)).c_str());
    std::thread other([word] { ping_pong(word, 1, 300); });
    ping_pong(word, 0, 300);
    other.join();
    say("threads %u", word->load());
    const pid_t pid = child([word] {
        ping_pong(word, 1, 300);
        return 0;
    });
    ping_pong(word, 0, 300);
    say("processes %d", ended(pid));
    say("bad address %s",
        outcome(futex(reinterpret_cast<std::atomic<unsigned>*>(64), FUTEX_WAIT, 0)).c_str());
}

void robust_mutex() {
    const Region region(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    auto* const mutex = reinterpret_cast<pthread_mutex_t*>(region.at());
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    need(::pthread_mutex_init(mutex, &attributes) == 0, "mutex");
    say("owner ended %d", ended(child([mutex] { return ::pthread_mutex_lock(mutex); })));
    say("owner died %d", ::pthread_mutex_lock(mutex) == EOWNERDEAD);
    say("consistent %d", ::pthread_mutex_consistent(mutex));
    const pid_t waiter = child([mutex] { return ::pthread_mutex_lock(mutex); });
    pause_ms(50);
    say("unlocked %d", ::pthread_mutex_unlock(mutex));
    say("waiter %d", ended(waiter));
}

constexpr Step kSteps[] = {
    {"fresh_memory", fresh_memory},
    {"user_faults", user_faults},
    {"memory_changes_while_copying", memory_changes_while_copying},
    {"memory_of_another_thread", memory_of_another_thread},
    {"break_and_remap", break_and_remap},
    {"far_addresses", far_addresses},
    {"huge_pages", huge_pages},
    {"growing_stack", growing_stack},
    {"shared_memory", shared_memory},
    {"memory_file", memory_file},
    {"futexes", futexes},
    {"robust_mutex", robust_mutex},
};

}  // namespace

std::span<const Step> memory_steps() {
    return kSteps;
}
