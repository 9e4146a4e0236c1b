// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "stress.h"

namespace asi {
namespace {

using namespace stress;

class MemoryDisturber : public Disturber {
  public:
    MemoryDisturber(StressVm& vm, bool spoil) : vm_(vm), spoil_(spoil) {
        counts_ = {{"forks", 0},     {"unmapped", 0},  {"replaced", 0},
                   {"discarded", 0}, {"protected", 0}, {"lost", 0}};
        if (vm.plan().pieces < 3) counts_.clear();
    }
    MemoryDisturber(const MemoryDisturber&) = delete;
    MemoryDisturber& operator=(const MemoryDisturber&) = delete;
    ~MemoryDisturber() override { wait_for_children(); }

    void step(Random& random) override {
        const unsigned index = below(random, vm_.plan().pieces);
        const Piece& piece = vm_.piece(index);
        switch (piece.kind()) {
            case Piece::Kind::kShared:
                return disturb_shared(piece, random);
            case Piece::Kind::kLossy:
                return lose(piece, random);
            case Piece::Kind::kPrivate:
                // The VMM itself writes here for the guest: only what it does not notice.
                if (below(random, 4) == 0) fork_child(random);
                break;
        }
    }

    void settle() override {
        wait_for_children();
        if (!spoil_) return;
        // Behind everybody's back: whoever looks next has to see it.
        const unsigned pages = vm_.plan().pieces * kPagesPerPiece;
        for (unsigned page = 0; page < pages; ++page)
            vm_.piece(page / kPagesPerPiece).memory()[page % kPagesPerPiece * kPageSize] ^= 2;
    }

  private:
    static void nap(Random& random) {
        std::this_thread::sleep_for(std::chrono::microseconds(below(random, 1500)));
    }

    void disturb_shared(const Piece& piece, Random& random) {
        switch (below(random, 4)) {
            case 0:
                piece.unmap();
                nap(random);
                piece.map();
                ++counts_["unmapped"];
                break;
            case 1:
                // Another mapping takes the place at once.
                piece.map();
                ++counts_["replaced"];
                break;
            case 2:
                piece.discard();
                ++counts_["discarded"];
                break;
            default:
                piece.protect(below(random, 2) ? PROT_READ : PROT_NONE);
                nap(random);
                piece.protect(PROT_READ | PROT_WRITE);
                ++counts_["protected"];
                break;
        }
    }

    void lose(const Piece& piece, Random& random) {
        if (below(random, 2))
            piece.discard();
        else
            piece.map();
        ++counts_["lost"];
    }

    /// From here to the end of the child each page that either side writes is copied first.
    void fork_child(Random& random) {
        const unsigned life = below(random, 3000);
        const unsigned pieces = vm_.plan().pieces;
        const pid_t child = ::fork();
        if (child < 0) throw system_error("fork", errno);
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            std::this_thread::sleep_for(std::chrono::microseconds(life));
            // Never the guest's: the child has pages of its own by the time it has written.
            for (unsigned i = 0; i < pieces; ++i) {
                const Piece& piece = vm_.piece(i);
                if (piece.kind() != Piece::Kind::kPrivate) continue;
                for (size_t at = 0; at < kPieceSize; at += kPageSize)
                    const_cast<volatile uint8_t*>(piece.view())[at] = 0xee;
            }
            ::_exit(0);
        }
        ++children_;
        ++counts_["forks"];
        while (::waitpid(-1, nullptr, children_ > 3 ? 0 : WNOHANG) > 0) --children_;
    }

    void wait_for_children() {
        while (children_ > 0 && ::waitpid(-1, nullptr, 0) > 0) --children_;
        children_ = 0;
    }

    StressVm& vm_;
    bool spoil_;
    unsigned children_ = 0;
};

}  // namespace

std::unique_ptr<Disturber> disturb_memory(StressVm& vm, bool spoil) {
    return std::make_unique<MemoryDisturber>(vm, spoil);
}

}  // namespace asi
