// SPDX-License-Identifier: GPL-2.0-only
#include <sys/ioctl.h>

#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "stress.h"

namespace asi {
namespace {

using namespace stress;

constexpr unsigned kAllPages = (1u << kPagesPerPiece) - 1;

/// Slot 0 is the low memory, which stays.
constexpr uint32_t slot_number(unsigned piece) {
    return 1 + piece;
}

struct Slot {
    bool there = false;
    bool alias = false;
    uint32_t flags = 0;
};

void set_slot(const StressVm& vm, unsigned piece, const Slot& slot) {
    kvm_userspace_memory_region region{};
    region.slot = slot_number(piece);
    region.flags = slot.flags;
    region.guest_phys_addr = StressVm::piece_address(piece, slot.alias);
    region.memory_size = slot.there ? kPieceSize : 0;
    region.userspace_addr = reinterpret_cast<uint64_t>(vm.piece(piece).view());
    vm.vm().set_slot(region);
}

/// A piece that is copied while the guest writes to it, as a live migration does: all of it once,
/// then what the log says, and at last, with the vCPUs stopped, the rest.
struct Migration {
    unsigned piece;
    unsigned rounds;
    std::array<uint8_t, kPieceSize> copy;
};

class SlotDisturber : public Disturber {
  public:
    SlotDisturber(StressVm& vm, VcpuPool& pool, bool spoil)
        : vm_(vm), pool_(pool), spoil_(spoil), slots_(vm.plan().pieces) {
        counts_ = {{"created", 0}, {"deleted", 0},  {"moved", 0},      {"flagged", 0},
                   {"logs", 0},    {"migrated", 0}, {"made_again", 0}, {"pages_copied", 0}};
        // Half of the machines clear the log by a call of its own.
        clears_ = vm.plan().seed % 2;
        if (clears_) {
            counts_["cleared"] = 0;
            kvm_enable_cap capability{};
            capability.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2;
            capability.args[0] = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
            if (vm.plan().seed % 4 == 3) capability.args[0] |= KVM_DIRTY_LOG_INITIALLY_SET;
            checked("KVM_ENABLE_CAP", ::ioctl(vm.vm().fd(), KVM_ENABLE_CAP, &capability));
        }
        for (unsigned i = 0; i < slots_.size(); ++i) change(i, {true, false, 0});
    }

    void step(Random& random) override {
        if (migration_ && below(random, 4) == 0) return migrate_on();
        const unsigned piece = below(random, slots_.size());
        if (migration_ && migration_->piece == piece) return;
        Slot slot = slots_[piece];
        if (!slot.there) return create(piece, random);
        switch (below(random, 8)) {
            case 0:
            case 1:
                slot.there = false;
                change(piece, slot);
                ++counts_["deleted"];
                break;
            case 2:
            case 3:
                slot.alias = !slot.alias;
                change(piece, slot);
                ++counts_["moved"];
                break;
            case 4:
                slot.flags ^= KVM_MEM_LOG_DIRTY_PAGES;
                change(piece, slot);
                ++counts_["flagged"];
                break;
            case 5:
                // Read-only is for life.
                slot.there = false;
                change(piece, slot);
                slot.there = true;
                slot.flags ^= KVM_MEM_READONLY;
                change(piece, slot);
                ++counts_["made_again"];
                break;
            case 6:
                slot.flags |= KVM_MEM_LOG_DIRTY_PAGES;
                change(piece, slot);
                take_log(piece);
                ++counts_["logs"];
                break;
            default:
                if (!migration_) migrate(piece, random);
                break;
        }
    }

    void settle() override {
        while (migration_) migrate_on();
    }

  private:
    void change(unsigned piece, const Slot& slot) {
        set_slot(vm_, piece, slot);
        slots_[piece] = slot;
    }

    void create(unsigned piece, Random& random) {
        Slot slot{true, below(random, 2) == 1, 0};
        if (below(random, 4) == 0) slot.flags |= KVM_MEM_LOG_DIRTY_PAGES;
        if (below(random, 4) == 0) slot.flags |= KVM_MEM_READONLY;
        change(piece, slot);
        ++counts_["created"];
    }

    /// The pages written since the last time, which are logged again from now on.
    unsigned take_log(unsigned piece) {
        uint64_t bitmap = 0;
        kvm_dirty_log log{};
        log.slot = slot_number(piece);
        log.dirty_bitmap = &bitmap;
        checked("KVM_GET_DIRTY_LOG", ::ioctl(vm_.vm().fd(), KVM_GET_DIRTY_LOG, &log));
        if (bitmap & ~uint64_t{kAllPages})
            throw Error(ExitStatus::kGuestFailed, "the dirty log has pages the slot has not");
        if (!clears_ || bitmap == 0) return bitmap;
        kvm_clear_dirty_log clear{};
        clear.slot = slot_number(piece);
        clear.num_pages = kPagesPerPiece;
        clear.dirty_bitmap = &bitmap;
        checked("KVM_CLEAR_DIRTY_LOG", ::ioctl(vm_.vm().fd(), KVM_CLEAR_DIRTY_LOG, &clear));
        ++counts_["cleared"];
        return bitmap;
    }

    void migrate(unsigned piece, Random& random) {
        Piece& source = vm_.piece(piece);
        // What is lost is not logged.
        if (source.kind() == Piece::Kind::kLossy) return;
        Slot slot = slots_[piece];
        slot.flags |= KVM_MEM_LOG_DIRTY_PAGES;
        change(piece, slot);
        source.take_written();
        migration_.emplace(Migration{piece, below(random, 6), {}});
        std::memcpy(migration_->copy.data(), source.memory(), kPieceSize);
    }

    void copy_dirty() {
        Piece& source = vm_.piece(migration_->piece);
        unsigned dirty = take_log(migration_->piece) | source.take_written();
        if (spoil_) dirty = 0;
        for (unsigned page = 0; page < kPagesPerPiece; ++page)
            if (dirty >> page & 1)
                std::memcpy(migration_->copy.data() + page * kPageSize,
                            source.memory() + page * kPageSize, kPageSize);
        counts_["pages_copied"] += std::popcount(dirty);
    }

    void migrate_on() {
        if (migration_->rounds-- > 0) return copy_dirty();
        pool_.pause();
        copy_dirty();
        const Piece& source = vm_.piece(migration_->piece);
        const bool same = std::memcmp(migration_->copy.data(), source.memory(), kPieceSize) == 0;
        pool_.resume();
        if (!same)
            throw Error(ExitStatus::kGuestFailed,
                        "wrong: the dirty log of slot " +
                            std::to_string(slot_number(migration_->piece)) +
                            " does not have a page that was written");
        migration_.reset();
        ++counts_["migrated"];
    }

    StressVm& vm_;
    VcpuPool& pool_;
    bool spoil_;
    bool clears_;
    std::vector<Slot> slots_;
    std::optional<Migration> migration_;
};

}  // namespace

std::unique_ptr<Disturber> disturb_slots(StressVm& vm, VcpuPool& pool, bool spoil) {
    return std::make_unique<SlotDisturber>(vm, pool, spoil);
}

void add_all_slots(const StressVm& vm) {
    if (const GuestMemory* all = vm.pieces_memory()) {
        for (const bool alias : {false, true}) {
            kvm_userspace_memory_region region{};
            region.slot = slot_number(alias);
            region.guest_phys_addr = StressVm::piece_address(0, alias);
            region.memory_size = all->size();
            region.userspace_addr = reinterpret_cast<uint64_t>(all->host_address());
            vm.vm().set_slot(region);
        }
        return;
    }
    for (unsigned i = 0; i < vm.plan().pieces; ++i) set_slot(vm, i, {true, false, 0});
}

}  // namespace asi
