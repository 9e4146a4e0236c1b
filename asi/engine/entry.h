// SPDX-License-Identifier: GPL-2.0-only
// One page-table entry of x86-64: which bit means what, and nothing else.
//
//   63  62..59  58  57..52  51 ........ 12  11..10   9     8  7  6 5 4 3 2 1 0
//   NX  pkey    sw  kind    address         sw      owned  G  S  D A C T U W P
//
// S is the page-size bit of a large leaf, the PAT bit of a 4 KiB leaf; a large
// leaf has its PAT bit at 12, below its address. [SDM vol. 3, 4.5.4]
#ifndef ASI_ENGINE_ENTRY_H
#define ASI_ENGINE_ENTRY_H

#include <asi/types.h>

#include <concepts>
#include <cstdint>

namespace asi {

using u64 = std::uint64_t;
using u32 = std::uint32_t;
using u8 = std::uint8_t;

/// The bits of the long-mode paging structures [SDM vol. 3, tables 4-14 to 4-20].
struct X86Format {
    static constexpr unsigned kPageShift = 12;
    static constexpr unsigned kIndexBits = 9;
    static constexpr unsigned kMinLevels = 4;
    static constexpr unsigned kMaxLevels = 5;
    static constexpr unsigned kMaxLeafLevel = 3;

    static constexpr u64 kPresent = 1ULL << 0;
    static constexpr u64 kWrite = 1ULL << 1;
    static constexpr u64 kUser = 1ULL << 2;
    static constexpr u64 kWriteThrough = 1ULL << 3;
    static constexpr u64 kCacheDisable = 1ULL << 4;
    static constexpr u64 kAccessed = 1ULL << 5;
    static constexpr u64 kDirty = 1ULL << 6;
    static constexpr u64 kPageSize = 1ULL << 7;
    static constexpr u64 kPat = 1ULL << 7;
    static constexpr u64 kGlobal = 1ULL << 8;
    static constexpr u64 kPatLarge = 1ULL << 12;
    static constexpr u64 kAddress = ((1ULL << 52) - 1) & ~((1ULL << 12) - 1);
    static constexpr u64 kProtectionKey = 0xfULL << 59;
    static constexpr u64 kNoExecute = 1ULL << 63;

    /// Ignored by the CPU, hence ours [SDM vol. 3, 4.5.4].
    static constexpr u64 kOwned = 1ULL << 9;
    static constexpr unsigned kKindShift = 52;
    static constexpr u64 kKind = 0x3fULL << kKindShift;
    static constexpr u64 kSoftware = (7ULL << 9) | (0x7fULL << 52);
};

/// What the walk expects of an entry format.
template <typename F>
concept EntryFormat = requires {
    {
        F::kPageShift + F::kIndexBits + F::kMaxLevels + F::kMaxLeafLevel
        } -> std::convertible_to<u64>;
    {
        F::kPresent | F::kWrite | F::kNoExecute | F::kPageSize | F::kPat
        } -> std::convertible_to<u64>;
    { F::kAddress | F::kPatLarge | F::kOwned | F::kKind } -> std::convertible_to<u64>;
    // A bit has one meaning at a time.
    requires(F::kAddress & (F::kPresent | F::kWrite | F::kNoExecute | F::kPageSize)) == 0;
    requires((F::kAddress | F::kNoExecute | F::kProtectionKey) & F::kSoftware) == 0;
    requires((F::kOwned | F::kKind) & ~F::kSoftware) == 0;
    requires(F::kOwned & F::kKind) == 0;
    // Every kind of memory fits the field.
    requires ASI_NR_KINDS <= (F::kKind >> F::kKindShift) + 1;
    // The widest walk still leaves sign-extension bits.
    requires F::kPageShift + F::kIndexBits* F::kMaxLevels < 64;
    requires F::kPageShift == ASI_PAGE_SHIFT;
};

using Format = X86Format;
static_assert(EntryFormat<Format>);

constexpr unsigned kEntriesPerTable = 1U << Format::kIndexBits;

/// Bits of the address below the slots of a table on @level (1: 4 KiB slots).
constexpr unsigned slot_shift(unsigned level) {
    return Format::kPageShift + Format::kIndexBits * (level - 1);
}
constexpr u64 slot_size(unsigned level) {
    return 1ULL << slot_shift(level);
}
constexpr unsigned slot_index(u64 va, unsigned level) {
    return static_cast<unsigned>(va >> slot_shift(level)) & (kEntriesPerTable - 1);
}
/// First address that a table on @level, reached through @va, translates.
constexpr u64 table_base(u64 va, unsigned level) {
    return va & ~((slot_size(level) << Format::kIndexBits) - 1);
}
/// Are the bits above the walk copies of its highest bit? [SDM vol. 1, 3.3.7.1]
constexpr bool is_canonical(u64 va, unsigned levels) {
    const u64 high = va >> (slot_shift(levels) + Format::kIndexBits - 1);
    const u64 ones = ~0ULL >> (slot_shift(levels) + Format::kIndexBits - 1);
    return high == 0 || high == ones;
}

/// What software may do through an entry; every level must allow it
/// [SDM vol. 3, 4.6].
struct Rights {
    bool write = true;
    bool execute = true;

    constexpr Rights operator&(Rights o) const { return {write && o.write, execute && o.execute}; }
    constexpr Rights operator|(Rights o) const { return {write || o.write, execute || o.execute}; }
    constexpr bool operator==(const Rights&) const = default;
};

/// The properties of a leaf that do not depend on its size: rights, memory type
/// and protection key, in the layout of a 4 KiB entry. Never Global (a Global
/// entry would survive the switch to another address space), never User, no
/// software bits.
class Attributes {
  public:
    constexpr Attributes() = default;
    /// From the bits of a 4 KiB entry; everything else is dropped.
    constexpr explicit Attributes(u64 bits) : bits_(bits & kKept) {}

    [[nodiscard]] constexpr u64 bits() const { return bits_; }
    [[nodiscard]] constexpr Rights rights() const {
        return {(bits_ & Format::kWrite) != 0, (bits_ & Format::kNoExecute) == 0};
    }
    [[nodiscard]] constexpr Attributes with(Rights r) const {
        return Attributes((bits_ & ~(Format::kWrite | Format::kNoExecute)) |
                          (r.write ? Format::kWrite : 0) | (r.execute ? 0 : Format::kNoExecute));
    }
    constexpr bool operator==(const Attributes&) const = default;

  private:
    static constexpr u64 kKept = Format::kWrite | Format::kWriteThrough | Format::kCacheDisable |
                                 Format::kPat | Format::kProtectionKey | Format::kNoExecute;
    u64 bits_ = 0;
};

/// The value of one entry. What a set bit means depends on the level, and for
/// software bits on whose table the entry is in; the caller knows both.
class Entry {
  public:
    constexpr Entry() = default;
    constexpr explicit Entry(u64 raw) : raw_(raw) {}

    /// A leaf for a table of ours. Accessed is set, and Dirty where writing is
    /// allowed, so that no CPU ever has to write to our tables; Dirty is clear
    /// elsewhere, for without Write it would make a shadow-stack page
    /// [SDM vol. 3, 4.6.1].
    static constexpr Entry leaf(unsigned level, u64 pa, Attributes attributes, u8 kind) {
        u64 bits = attributes.bits();
        if (level > 1) {
            if (bits & Format::kPat) bits |= Format::kPatLarge;
            bits |= Format::kPageSize;
        }
        if (bits & Format::kWrite) bits |= Format::kDirty;
        return Entry(pa | bits | Format::kPresent | Format::kAccessed |
                     (static_cast<u64>(kind) << Format::kKindShift));
    }
    /// A reference to a table that this page table owns: supervisor only, and
    /// no restriction, so that rights are decided by leaves alone.
    static constexpr Entry owned_table(u64 pa) {
        return Entry(pa | Format::kPresent | Format::kWrite | Format::kAccessed | Format::kOwned);
    }
    /// A reference to a foreign table, with the restrictions met on the way.
    static constexpr Entry borrowed_table(u64 pa, Rights rights) {
        return Entry(pa | Format::kPresent | Format::kAccessed |
                     (rights.write ? Format::kWrite : 0) |
                     (rights.execute ? 0 : Format::kNoExecute));
    }

    [[nodiscard]] constexpr u64 raw() const { return raw_; }
    [[nodiscard]] constexpr bool is_present() const { return (raw_ & Format::kPresent) != 0; }
    [[nodiscard]] constexpr bool is_leaf(unsigned level) const {
        return is_present() &&
               (level == 1 || (level <= Format::kMaxLeafLevel && (raw_ & Format::kPageSize)));
    }
    [[nodiscard]] constexpr bool is_table(unsigned level) const {
        return is_present() && !is_leaf(level);
    }

    [[nodiscard]] constexpr u64 table_address() const { return raw_ & Format::kAddress; }
    [[nodiscard]] constexpr u64 leaf_address(unsigned level) const {
        return raw_ & Format::kAddress & ~(slot_size(level) - 1);
    }
    [[nodiscard]] constexpr Attributes attributes(unsigned level) const {
        if (level == 1) return Attributes(raw_);
        return Attributes((raw_ & ~Format::kPat) | ((raw_ & Format::kPatLarge) ? Format::kPat : 0));
    }
    [[nodiscard]] constexpr Rights rights() const {
        return {(raw_ & Format::kWrite) != 0, (raw_ & Format::kNoExecute) == 0};
    }

    /// Only for entries of tables of ours.
    [[nodiscard]] constexpr bool is_owned() const { return (raw_ & Format::kOwned) != 0; }
    [[nodiscard]] constexpr u8 kind() const {
        return static_cast<u8>((raw_ & Format::kKind) >> Format::kKindShift);
    }

    constexpr bool operator==(const Entry&) const = default;

  private:
    u64 raw_ = 0;
};

static_assert(sizeof(Entry) == 8);
static_assert(slot_size(1) == ASI_PAGE_SIZE && slot_size(3) == 1ULL << 30);
static_assert(slot_shift(4) == 39 && slot_shift(5) == 48);
static_assert(is_canonical(0xffff800000000000, 4) && !is_canonical(0xffff000000000000, 4));
static_assert(is_canonical(0xff00000000000000, 5) && !is_canonical(0x0100000000000000, 5));
static_assert(Entry::leaf(2, 0x200000, Attributes(Format::kPat), 0).attributes(2) ==
              Entry::leaf(1, 0x200000, Attributes(Format::kPat), 0).attributes(1));

}  // namespace asi

#endif  // ASI_ENGINE_ENTRY_H
