// SPDX-License-Identifier: GPL-2.0-only
#include "crowd.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <random>
#include <span>
#include <thread>

#include "stress_vm.h"

namespace asi {
namespace {

using namespace stress;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Generous: the clock of an emulated machine may be wrong by far.
constexpr auto kStandstill = 300s;
constexpr unsigned kLongestPause = 600;  // ms, until somebody is killed
constexpr double kLongest = 15;
constexpr unsigned kPieces = 6;
constexpr unsigned kExitsPerDisturbance = 64;
constexpr uint32_t kCrowdOperations =
    ((1u << kOperations) - 1) & ~(operation_bit(kBroadcast) | operation_bit(kDoorbell) |
                                  operation_bit(kPit) | operation_bit(kClock));

/// One place in the crowd, in memory that parent and child share.
struct Place {
    std::atomic<uint64_t> exits;  ///< to user space, of the guest that is there now
};

struct Shared {
    std::atomic<bool> ending;
    Place places[kMaxGuests];
};

/// Its pages are touched for the first time again, now and then.
void lose_memory(const StressVm& vm, uint64_t exits) {
    if (exits % kExitsPerDisturbance != 0) return;
    const Piece& piece = vm.piece(exits / kExitsPerDisturbance % kPieces);
    if (piece.kind() != Piece::Kind::kPrivate) piece.discard();
}

/// Operations until a guest ends by itself. Most are there to stay; some end so early that it
/// happens on a slow machine, too.
uint64_t life(uint64_t seed) {
    const uint64_t random = mix(seed);
    return random % 8 == 0 ? 4 + (random >> 3) % 32 : 300 + (random >> 3) % 3000;
}

/// Behind those that are still being made, or a full crowd would take long to replace them.
void step_back(uint64_t exits) {
    if (exits == 1) ::setpriority(PRIO_PROCESS, 0, 19);
}

void live(const Shared& shared, Place& place, uint64_t seed) {
    const Kvm kvm;
    StressPlan plan;
    plan.seed = seed;
    plan.limit = life(seed);
    plan.operations = kCrowdOperations;
    plan.x2apic = seed & 1;
    plan.pieces = kPieces;
    StressVm vm(kvm, plan);
    for (unsigned i = 0; i < kPieces; ++i) {
        kvm_userspace_memory_region region{};
        region.slot = 1 + i;
        region.guest_phys_addr = StressVm::piece_address(i, false);
        region.memory_size = kPieceSize;
        region.userspace_addr = reinterpret_cast<uint64_t>(vm.piece(i).view());
        vm.vm().set_slot(region);
    }
    vm.set_exit_hook([&] {
        const uint64_t exits = ++place.exits;
        step_back(exits);
        lose_memory(vm, exits);
        if (shared.ending) vm.request_end();
    });
    Vcpu& vcpu = vm.add_vcpu();
    while (vm.run(vcpu) != StressVm::RunEnd::kEnded) {
    }
    vm.check_memory();
}

class Crowd {
  public:
    explicit Crowd(const CrowdOptions& options)
        : options_(options), random_(options.seed), guests_(options.guests) {
        void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw system_error("mapping what the crowd shares", errno);
        shared_ = static_cast<Shared*>(memory);
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    ~Crowd() {
        for (const Guest& guest : guests_)
            if (guest.pid > 0) ::kill(guest.pid, SIGKILL);
        for (const Guest& guest : guests_)
            if (guest.pid > 0) ::waitpid(guest.pid, nullptr, 0);
        ::munmap(shared_, sizeof(Shared));
    }

    void run() {
        for (unsigned i = 0; i < guests_.size(); ++i) start(i);
        await_all();
        const auto start = Clock::now();
        const std::chrono::duration<double> seconds(options_.seconds);
        const auto is_enough = [&] {
            const auto now = Clock::now();
            return now > start + seconds * kLongest ||
                   (now > start + seconds && killed_ > 0 && ended_ > 0);
        };
        while (!is_enough()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(random_() % kLongestPause));
            kill_one(guests_[random_() % guests_.size()]);
            look();
        }
        await_all();
        finish();
        std::printf("seed=%" PRIu64 " guests=%zu started=%" PRIu64 " ended=%" PRIu64
                    " killed=%" PRIu64 "\n",
                    options_.seed, guests_.size(), started_, ended_, killed_);
    }

  private:
    /// Who is at a place.
    struct Guest {
        pid_t pid = -1;
        bool killed = false;
        bool seen = false;  ///< somebody ran here since the last one was killed
        uint64_t exits = 0;
        Clock::time_point since;
    };

    void start(unsigned index) {
        const uint64_t seed = options_.seed * 1000003 + started_++;
        Place& place = shared_->places[index];
        place.exits = 0;
        const pid_t child = ::fork();
        if (child < 0) throw system_error("fork", errno);
        if (child == 0) {
            int status = 0;
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            try {
                live(*shared_, place, seed);
            } catch (const std::exception& error) {
                std::fprintf(stderr, "guest %u with seed %" PRIu64 ": %s\n", index, seed,
                             error.what());
                status = 1;
            }
            ::_exit(status);
        }
        Guest& guest = guests_[index];
        guest = {child, false, guest.seen, 0, Clock::now()};
    }

    /// `status`: what waitpid() gave.
    void book_end(Guest& guest, int status) {
        guest.pid = -1;
        if (guest.killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            ++killed_;
        else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            ++ended_;
        else
            throw Error(ExitStatus::kGuestFailed,
                        "seed " + std::to_string(options_.seed) + ": a guest failed");
    }

    /// Machines take their time to go; look() puts another one there then.
    static void kill_one(Guest& guest) {
        guest.killed = true;
        guest.seen = false;
        ::kill(guest.pid, SIGKILL);
    }

    /// Replaces who has ended; throws when somebody failed or stands still.
    void look() {
        const auto now = Clock::now();
        for (unsigned i = 0; i < guests_.size(); ++i) {
            Guest& guest = guests_[i];
            int status = 0;
            if (::waitpid(guest.pid, &status, WNOHANG) == guest.pid) {
                guest.seen = !guest.killed;
                book_end(guest, status);
                start(i);
                continue;
            }
            const uint64_t exits = shared_->places[i].exits;
            if (exits != guest.exits) {
                guest.seen = !guest.killed;
                guest.exits = exits;
                guest.since = now;
            } else if (now - guest.since > kStandstill) {
                throw Error(ExitStatus::kGuestFailed,
                            "seed " + std::to_string(options_.seed) + ": a guest stands still");
            }
        }
    }

    /// Until somebody has been seen running at each place.
    void await_all() {
        for (;;) {
            look();
            if (std::all_of(guests_.begin(), guests_.end(), [](const Guest& g) { return g.seen; }))
                return;
            std::this_thread::sleep_for(20ms);
        }
    }

    void finish() {
        shared_->ending = true;
        const auto limit = Clock::now() + kStandstill;
        for (Guest& guest : guests_) {
            int status = 0;
            while (::waitpid(guest.pid, &status, WNOHANG) == 0) {
                if (Clock::now() > limit)
                    throw Error(ExitStatus::kGuestFailed,
                                "seed " + std::to_string(options_.seed) + ": a guest does not end");
                std::this_thread::sleep_for(5ms);
            }
            book_end(guest, status);
        }
    }

    const CrowdOptions options_;
    std::mt19937_64 random_;
    std::vector<Guest> guests_;
    Shared* shared_ = nullptr;
    uint64_t started_ = 0;
    uint64_t ended_ = 0;
    uint64_t killed_ = 0;
};

}  // namespace

ExitStatus run_crowd(const CrowdOptions& options) {
    Crowd(options).run();
    return ExitStatus::kOk;
}

}  // namespace asi
