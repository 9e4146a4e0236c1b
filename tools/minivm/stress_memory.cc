// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "stress.h"
#include "userfault.h"

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

/// Something goes now and then, seldom enough that the guest does much in between.
class BackingDisturber : public Disturber {
  public:
    BackingDisturber(StressVm& vm, bool balloon, bool pageout)
        : memory_(*vm.pieces_memory()), vm_(vm), balloon_(balloon), pageout_(pageout) {
        if (balloon) counts_["given_back"] = 0;
        if (pageout) counts_["pushed_out"] = 0;
        if (memory_.resolver() && pageout) counts_["faults_copied"] = 0;
        if (memory_.resolver() && balloon) counts_["faults_zeroed"] = 0;
    }

    void step(Random& random) override {
        const unsigned pieces = vm_.plan().pieces;
        // Either a whole huge page or a part of one, if there are smaller pages.
        const bool huge = memory_.page_size() > kPieceSize || below(random, 8) == 0;
        unsigned first = below(random, pieces);
        unsigned count = 1;
        if (huge) {
            first -= first % kPerHugePage;
            count = std::min(pieces - first, kPerHugePage);
        }
        if (balloon_ && (!pageout_ || below(random, 2)))
            give_back(first, count, random);
        else if (pageout_)
            push_out(first, count);
        std::this_thread::sleep_for(std::chrono::microseconds(below(random, 60000)));
    }

    void check_end() override {
        const FaultResolver* resolver = memory_.resolver();
        if (!resolver) return;
        if (pageout_) counts_["faults_copied"] = resolver->copied();
        if (balloon_) counts_["faults_zeroed"] = resolver->zeroed();
    }

  private:
    static constexpr unsigned kPerHugePage = kHugePageSize / kPieceSize;

    /// Of the memory behind the pieces, whose end may be no piece's.
    size_t bytes(unsigned first, unsigned count) const {
        const size_t size = count * kPieceSize;
        return memory_.page_size() > kPieceSize && first + count == vm_.plan().pieces
                   ? (size + kHugePageSize - 1) / kHugePageSize * kHugePageSize
                   : size;
    }

    void give_back(unsigned first, unsigned count, Random& random) {
        for (unsigned i = first; i < first + count; ++i)
            if (vm_.piece(i).kind() != Piece::Kind::kLossy) return;
        if (below(random, 4) > 0 || !memory_.discard_later(first * kPieceSize, bytes(first, count)))
            memory_.discard(first * kPieceSize, bytes(first, count));
        ++counts_["given_back"];
    }

    void push_out(unsigned first, unsigned count) {
        memory_.push_out(first * kPieceSize, bytes(first, count));
        ++counts_["pushed_out"];
    }

    const GuestMemory& memory_;
    StressVm& vm_;
    bool balloon_;
    bool pageout_;
};

}  // namespace

std::unique_ptr<Disturber> disturb_backing(StressVm& vm, bool balloon, bool pageout) {
    return std::make_unique<BackingDisturber>(vm, balloon, pageout);
}

std::unique_ptr<Disturber> disturb_memory(StressVm& vm, bool spoil) {
    return std::make_unique<MemoryDisturber>(vm, spoil);
}

}  // namespace asi
