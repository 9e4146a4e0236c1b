// SPDX-License-Identifier: GPL-2.0-only
// The manifest: what each byte of a kernel's text and constants may be.
//
//   header │ ranges │ sites │ relocations │ blob
//             │         │         │           ▲
//             └─image───┴─values──┴─positions─┘
//
// A flat file in the byte order of x86. Addresses are offsets from the kernel's first
// byte. The blob holds the image of each range, as the build made it, and the values
// of each site. Where an address that moves with the kernel stands in the blob, a
// relocation names its position.
#ifndef GUARD_ENGINE_MANIFEST_H
#define GUARD_ENGINE_MANIFEST_H

#include <cstddef>
#include <cstdint>

namespace guard {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

inline constexpr u64 kManifestMagic = 0x46494e414d445247;  // "GRDMANIF"
inline constexpr u32 kManifestVersion = 1;
/// A kernel and its place are smaller than this.
inline constexpr u32 kMaxImage = 1U << 30;
/// No site is longer.
inline constexpr u32 kMaxSite = 255;
/// No string of starts: INT3 is allowed nowhere in the range.
inline constexpr u32 kNoStarts = ~0U;

struct ManifestHeader {
    u64 magic;
    u32 version;
    u32 size;  ///< of the whole file
    u64 base;  ///< link address of offset 0
    u32 ranges;
    u32 sites;
    u32 relocations;
    u32 blob;  ///< bytes
};

enum class RangeKind : u32 {
    kText,
    kRodata,
    kFrozen,  ///< written until the end of boot: any value, which then stays
};
inline constexpr u32 kRangeKinds = 3;

struct Range {
    u32 offset;
    u32 length;
    RangeKind kind;
    u32 image;   ///< position in the blob; of a frozen range 0
    u32 starts;  ///< position of a bit for each byte: an INT3 may replace it; or kNoStarts
    u32 reserved;

    [[nodiscard]] u32 end() const { return offset + length; }
};

enum class SiteKind : u8 {
    kJumpLabel,
    kStaticCall,
    kFtrace,
    kFtraceCall,
    kSmpLock,
    kAlternative,
    kRetpoline,
    kReturn,
    kEndbr,
    kCallThunk,
    kRuntimeConstant,  ///< any value, which then stays
    kSeveral,          ///< sites of different kinds overlap
};
inline constexpr u8 kSiteKinds = 12;

/// Bytes that have a list of values. Sites do not overlap.
struct Site {
    u32 offset;
    u32 values;  ///< position of the first; one lies behind the other
    u16 count;   ///< of values; 0: any
    u16 live;    ///< the first so many are those that a patch may make
    u8 length;
    SiteKind kind;
    u16 reserved;

    [[nodiscard]] u32 end() const { return offset + length; }
};

enum class RelocationKind : u32 {
    kAdd32 = 1,       ///< an absolute address
    kSubtract32 = 2,  ///< a distance to something that does not move
    kAdd64 = 3,
};

/// Sorted by position in the blob.
class Relocation {
  public:
    constexpr Relocation() = default;
    constexpr Relocation(u32 position, RelocationKind kind)
        : raw_(position | static_cast<u32>(kind) << 30) {}

    [[nodiscard]] constexpr u32 position() const { return raw_ & (kMaxImage - 1); }
    [[nodiscard]] constexpr RelocationKind kind() const {
        return static_cast<RelocationKind>(raw_ >> 30);
    }
    [[nodiscard]] constexpr u32 length() const { return kind() == RelocationKind::kAdd64 ? 8 : 4; }

  private:
    u32 raw_ = 0;
};

static_assert(sizeof(ManifestHeader) == 40 && sizeof(Range) == 24 && sizeof(Site) == 16 &&
              sizeof(Relocation) == 4);

/// Why a file is no manifest.
enum class [[nodiscard]] ManifestError : u8{
    kNone,
    kShort,        ///< shorter than it says
    kMagic,        ///< another kind of file
    kVersion,      ///< of another version
    kAlignment,    ///< the memory is not aligned to 8 bytes
    kRange,        ///< a range overlaps, is not sorted, or has no image
    kSite,         ///< a site overlaps, is not sorted, or lies in no range
    kValues,       ///< values of a site lie outside of the blob, or a live one begins with INT3
    kRelocations,  ///< a relocation is not sorted, or leaves the blob
};
[[nodiscard]] const char* to_string(ManifestError error);

/// A manifest in memory that somebody else keeps. Only open() looks at memory that is
/// not known to be valid.
class Manifest {
  public:
    /// @data: aligned to 8 bytes.
    ManifestError open(const void* data, std::size_t size);

    [[nodiscard]] u64 base() const { return header_->base; }
    [[nodiscard]] u32 range_count() const { return header_->ranges; }
    [[nodiscard]] const Range& range(u32 i) const { return ranges_[i]; }
    [[nodiscard]] u32 site_count() const { return header_->sites; }
    [[nodiscard]] const Site& site(u32 i) const { return sites_[i]; }
    [[nodiscard]] u32 blob_size() const { return header_->blob; }
    [[nodiscard]] u32 relocation_count() const { return header_->relocations; }
    [[nodiscard]] Relocation relocation(u32 i) const { return relocations_[i]; }

    /// The range that has @offset, or nullptr.
    [[nodiscard]] const Range* find_range(u32 offset) const;
    /// Index of the first site that ends behind @offset.
    [[nodiscard]] u32 first_site(u32 offset) const;
    /// The site that has @offset, or nullptr.
    [[nodiscard]] const Site* find_site(u32 offset) const;
    /// May an INT3 replace the byte? False inside of sites.
    [[nodiscard]] bool is_start(const Range& range, u32 offset) const;

    /// Copies @length bytes of the blob for a kernel that is loaded @delta above its
    /// link address. Bytes of an address that only in part lies there are right, too.
    void read(u32 position, u32 length, u64 delta, u8* out) const;
    /// The byte that the build made.
    [[nodiscard]] u8 image_byte(const Range& range, u32 offset, u64 delta) const;

  private:
    ManifestError check_ranges() const;
    ManifestError check_sites() const;
    ManifestError check_relocations() const;
    [[nodiscard]] bool is_in_blob(u32 position, u64 length) const {
        return position <= header_->blob && length <= header_->blob - position;
    }

    const ManifestHeader* header_ = nullptr;
    const Range* ranges_ = nullptr;
    const Site* sites_ = nullptr;
    const Relocation* relocations_ = nullptr;
    const u8* blob_ = nullptr;
};

}  // namespace guard

#endif  // GUARD_ENGINE_MANIFEST_H
