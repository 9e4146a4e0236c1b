// SPDX-License-Identifier: GPL-2.0-only
#include "build.h"

#include <algorithm>
#include <cstring>

#include "../engine/opcode.h"
#include "build_error.h"
#include "patches.h"
#include "starts.h"

namespace guard {
namespace {

/// Patches that overlap, in the order in which they are applied.
struct Cluster {
    u64 begin, end;
    std::vector<const Patch*> patches;
};

std::vector<Cluster> find_clusters(const std::vector<Patch>& patches) {
    std::vector<const Patch*> sorted;
    for (const Patch& patch : patches) sorted.push_back(&patch);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Patch* a, const Patch* b) { return a->address < b->address; });
    std::vector<Cluster> clusters;
    for (const Patch* patch : sorted) {
        if (clusters.empty() || clusters.back().end <= patch->address)
            clusters.push_back({patch->address, patch->end(), {}});
        clusters.back().end = std::max(clusters.back().end, patch->end());
        clusters.back().patches.push_back(patch);
    }
    for (Cluster& cluster : clusters) {
        // All are elements of one array, which is in the order of application.
        std::sort(cluster.patches.begin(), cluster.patches.end());
        // What an absolute one covers as a whole is gone.
        for (std::size_t i = cluster.patches.size(); i-- > 0;) {
            const Patch& patch = *cluster.patches[i];
            if (!patch.is_absolute || patch.address != cluster.begin || patch.end() != cluster.end)
                continue;
            cluster.patches.erase(cluster.patches.begin(),
                                  cluster.patches.begin() + static_cast<std::ptrdiff_t>(i));
            break;
        }
    }
    return clusters;
}

class Builder {
  public:
    explicit Builder(const KernelImage& image)
        : image_(image), nops_(image), targets_(image), base_(image.address_of("_text")) {}

    std::vector<u8> run() {
        const u64 rodata = image_.address_of("__start_rodata");
        const u64 frozen = image_.address_of("__start_ro_after_init");
        const u64 frozen_end = image_.address_of("__end_ro_after_init");
        const u64 text_end = image_.address_of("_etext");
        add_range(base_, text_end, RangeKind::kText);
        add_range(rodata, frozen, RangeKind::kRodata);
        add_range(frozen, frozen_end, RangeKind::kFrozen);
        const u64 rodata_end = image_.address_of("__end_rodata");
        const u64 filled_end = end_of_sections(frozen_end, rodata_end);
        add_range(frozen_end, filled_end, RangeKind::kRodata);
        // Behind the last section of its segment the boot loader leaves what was there.
        add_range(filled_end, rodata_end, RangeKind::kFrozen);
        ranges_[0].starts = static_cast<u32>(blob_.size());
        const std::vector<u8> starts = find_starts(image_, base_, text_end);
        blob_.insert(blob_.end(), starts.begin(), starts.end());

        const PatchList list = collect_patches(image_, nops_, targets_);
        for (const Cluster& cluster : find_clusters(list.patches)) add_site(cluster);
        return write();
    }

  private:
    [[noreturn]] void fail(u64 address, const std::string& what) const {
        throw BuildError(image_.describe(address) + ": " + what);
    }

    u32 append(const Code& code) {
        const auto position = static_cast<u32>(blob_.size());
        for (u32 i = 0; i < code.size(); i++)
            if (code.marks[i])
                relocations_.emplace_back(position + i, static_cast<RelocationKind>(code.marks[i]));
        blob_.insert(blob_.end(), code.bytes.begin(), code.bytes.end());
        return position;
    }

    [[nodiscard]] u64 end_of_sections(u64 begin, u64 end) const {
        u64 last = begin;
        for (const Section& section : image_.sections())
            if (section.address < end)
                last = std::max(last, std::min(end, section.address + section.bytes.size()));
        return last;
    }

    /// A gap between sections holds zeros.
    void add_range(u64 begin, u64 end, RangeKind kind) {
        Range range{
            static_cast<u32>(begin - base_), static_cast<u32>(end - begin), kind, 0, kNoStarts, 0};
        if (kind != RangeKind::kFrozen) {
            Code code(std::vector<u8>(end - begin));
            for (const Section& section : image_.sections()) {
                const u64 from = std::max(begin, section.address);
                const u64 to = std::min(end, section.address + section.bytes.size());
                if (from < to) code.put(from - begin, code_at(image_, from, to - from));
            }
            range.image = append(code);
        }
        if (range.length) ranges_.push_back(range);
    }

    void add_site(const Cluster& cluster) {
        const u64 length = cluster.end - cluster.begin;
        if (length > kMaxSite) fail(cluster.begin, "a site of more than 255 bytes");
        Site site{static_cast<u32>(cluster.begin - base_), 0, 0, 0, static_cast<u8>(length),
                  cluster.patches.front()->kind,           0};
        const bool is_constant = site.kind == SiteKind::kRuntimeConstant;
        for (const Patch* patch : cluster.patches)
            if (patch->kind != site.kind) site.kind = SiteKind::kSeveral;
        if (is_constant) {
            if (cluster.patches.size() > 1) fail(cluster.begin, "something overlaps a constant");
            sites_.push_back(site);
            return;
        }
        const Variants values = values_of(cluster);
        site.count = static_cast<u16>(values.size());
        // Where sites overlap, one must not be a way to change the other.
        const bool is_live = site.kind != SiteKind::kSeveral && cluster.patches.front()->live;
        site.live = is_live ? site.count : 0;
        for (const Code& value : values) {
            if (site.live && value.bytes[0] == kInt3)
                fail(cluster.begin, "a value begins with a breakpoint");
            const u32 position = append(value);
            if (&value == &*values.begin()) site.values = position;
        }
        sites_.push_back(site);
    }

    Variants values_of(const Cluster& cluster) const {
        Variants values{code_at(image_, cluster.begin, cluster.end - cluster.begin)};
        for (const Patch* patch : cluster.patches) {
            const u64 at = patch->address - cluster.begin;
            Variants next;
            for (const Code& value : values)
                for (const Code& part : patch->apply(value.part(at, patch->length))) {
                    Code changed = value;
                    changed.put(at, part);
                    next.insert(std::move(changed));
                }
            if (next.size() > 0xffff) fail(cluster.begin, "more than 65535 values");
            values = std::move(next);
        }
        return values;
    }

    template <typename T>
    static void put(std::vector<u8>& out, const std::vector<T>& values) {
        const auto* bytes = reinterpret_cast<const u8*>(values.data());
        out.insert(out.end(), bytes, bytes + values.size() * sizeof(T));
    }

    std::vector<u8> write() const {
        const std::size_t size = sizeof(ManifestHeader) + ranges_.size() * sizeof(Range) +
                                 sites_.size() * sizeof(Site) +
                                 relocations_.size() * sizeof(Relocation) + blob_.size();
        const std::vector<ManifestHeader> header{
            {kManifestMagic, kManifestVersion, static_cast<u32>(size), base_,
             static_cast<u32>(ranges_.size()), static_cast<u32>(sites_.size()),
             static_cast<u32>(relocations_.size()), static_cast<u32>(blob_.size())}};
        std::vector<u8> out;
        out.reserve(size);
        put(out, header);
        put(out, ranges_);
        put(out, sites_);
        put(out, relocations_);
        put(out, blob_);
        return out;
    }

    const KernelImage& image_;
    const Nops nops_;
    const StaticCallTargets targets_;
    const u64 base_;
    std::vector<Range> ranges_;
    std::vector<Site> sites_;
    std::vector<Relocation> relocations_;
    std::vector<u8> blob_;
};

}  // namespace

std::vector<u8> build_manifest(const KernelImage& image) {
    std::vector<u8> manifest = Builder(image).run();
    // The engine's word counts, not the builder's.
    Manifest check;
    if (const ManifestError error = check.open(manifest.data(), manifest.size());
        error != ManifestError::kNone)
        throw BuildError(std::string("the manifest is wrong: ") + to_string(error));
    return manifest;
}

}  // namespace guard
