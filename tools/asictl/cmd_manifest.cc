// SPDX-License-Identifier: GPL-2.0-only
//
// asictl manifest build, check
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "commands.h"
#include "failure.h"
#include "guard/engine/compare.h"
#include "guard/manifest/build.h"
#include "guard/manifest/build_error.h"
#include "guard/manifest/memory_image.h"
#include "mapped_file.h"

namespace asi::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, guard::kSiteKinds> kSiteNames = {
    "jump label", "static call", "ftrace", "ftrace call", "SMP lock",         "alternative",
    "retpoline",  "return",      "endbr",  "call thunk",  "runtime constant", "several"};
constexpr std::array<const char*, guard::kRangeKinds> kRangeNames = {"text", "rodata", "frozen"};

std::vector<guard::u8> read_all(const std::string& file) {
    const MappedFile map(file);
    return {map.bytes().begin(), map.bytes().end()};
}

guard::KernelImage read_kernel(const std::string& file) {
    return {file, read_all(file)};
}

guard::Manifest open_manifest(const std::string& file, const MappedFile& map) {
    guard::Manifest manifest;
    const guard::ManifestError error = manifest.open(map.bytes().data(), map.bytes().size());
    if (error != guard::ManifestError::kNone)
        throw Failure(ExitCode::kRuntime, file + ": " + guard::to_string(error));
    return manifest;
}

struct Unexplained {
    guard::u32 offset;
    guard::u8 found, expected;
    const guard::Site* site;
};

/// By symbol, as far as they are known.
struct Group {
    std::string symbol, range, site;
    unsigned bytes = 0;
    Unexplained first{};
};

std::string text_of(const Group& group) {
    std::array<char, 96> bytes{};
    std::snprintf(bytes.data(), bytes.size(), "first at 0x%x: 0x%02x, not 0x%02x",
                  group.first.offset, group.first.found, group.first.expected);
    return std::to_string(group.bytes) + " in " + group.range + ", " + group.symbol +
           (group.site.empty() ? "" : " (" + group.site + ")") + ", " + bytes.data() + "\n";
}

class Check {
  public:
    Check(const guard::Manifest& manifest, const ManifestCheckOptions& options)
        : manifest_(manifest) {
        if (options.kernel) kernel_.emplace(read_kernel(*options.kernel));
    }

    void run(std::span<const guard::u8> memory, const guard::KernelPlace& place) {
        for (guard::u32 i = 0; i < manifest_.range_count(); i++) {
            range_ = &manifest_.range(i);
            const auto counts = guard::compare_range(
                manifest_, *range_, memory.data() + place.position + range_->offset, place.delta,
                note, this);
            total_.equal += counts.equal;
            total_.explained += counts.explained;
            total_.breakpoints += counts.breakpoints;
            total_.constants += counts.constants;
            total_.frozen += counts.frozen;
            total_.unexplained += counts.unexplained;
        }
    }

    [[nodiscard]] const guard::CompareCounts& total() const { return total_; }
    [[nodiscard]] std::vector<Group> groups() const {
        std::vector<Group> result;
        for (const auto& [key, group] : groups_) result.push_back(group);
        std::stable_sort(result.begin(), result.end(),
                         [](const Group& a, const Group& b) { return a.bytes > b.bytes; });
        return result;
    }

  private:
    static void note(void* context, guard::u32 offset, guard::u8 found, guard::u8 expected,
                     const guard::Site* site) {
        static_cast<Check*>(context)->add({offset, found, expected, site});
    }

    void add(const Unexplained& byte) {
        std::string symbol = "no symbol";
        if (kernel_) {
            symbol = kernel_->describe(manifest_.base() + byte.offset);
            symbol.resize(symbol.rfind('+'));
        }
        const std::string site =
            byte.site ? kSiteNames.at(static_cast<std::size_t>(byte.site->kind)) : "";
        Group& group = groups_[symbol + '\n' + site];
        if (group.bytes++ == 0) {
            group.symbol = symbol;
            group.range = kRangeNames.at(static_cast<std::size_t>(range_->kind));
            group.site = site;
            group.first = byte;
        }
    }

    const guard::Manifest& manifest_;
    std::optional<guard::KernelImage> kernel_;
    const guard::Range* range_ = nullptr;
    guard::CompareCounts total_;
    std::map<std::string, Group> groups_;
};

Json json_of(const guard::CompareCounts& counts) {
    return {{"equal", counts.equal},
            {"explained", counts.explained},
            {"breakpoints", counts.breakpoints},
            {"constants", counts.constants},
            {"frozen", counts.frozen},
            {"unexplained", counts.unexplained}};
}

void show(const Context& context, const guard::KernelPlace& place, const Check& check) {
    const guard::CompareCounts& counts = check.total();
    if (context.json) {
        Json json = json_of(counts);
        json["position"] = place.position;
        json["moved"] = place.delta;
        json["symbols"] = Json::array();
        for (const Group& group : check.groups())
            json["symbols"].push_back({{"symbol", group.symbol},
                                       {"range", group.range},
                                       {"site", group.site},
                                       {"bytes", group.bytes},
                                       {"offset", group.first.offset}});
        context.out << json.dump() << "\n";
        return;
    }
    context.out << "kernel at 0x" << std::hex << place.position << ", moved by 0x" << place.delta
                << std::dec << "\n"
                << counts.equal << " bytes as built, " << counts.explained << " of sites, "
                << counts.breakpoints << " breakpoints, " << counts.constants
                << " of runtime constants, " << counts.frozen << " frozen, " << counts.unexplained
                << " unexplained\n";
    for (const Group& group : check.groups()) context.out << "unexplained: " << text_of(group);
}

}  // namespace

void run_manifest_build(const Context& context, const ManifestBuildOptions& options) {
    try {
        guard::KernelImage kernel = read_kernel(options.kernel);
        // Where the kernel's build puts it.
        const std::string relocations =
            options.relocations.value_or(std::filesystem::path(options.kernel).parent_path() /
                                         "arch/x86/boot/compressed/vmlinux.relocs");
        kernel.read_relocations(relocations, read_all(relocations));
        const std::vector<guard::u8> bytes = guard::build_manifest(kernel);
        guard::Manifest manifest;
        (void)manifest.open(bytes.data(), bytes.size());
        write_user_file(options.output,
                        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        if (context.json) {
            context.out << Json{{"file", options.output},
                                {"bytes", bytes.size()},
                                {"sites", manifest.site_count()},
                                {"relocations", manifest.relocation_count()}}
                               .dump()
                        << "\n";
        } else {
            context.out << options.output << ": " << bytes.size() << " bytes, "
                        << manifest.site_count() << " sites, " << manifest.relocation_count()
                        << " relocations\n";
        }
    } catch (const guard::BuildError& error) {
        throw Failure(ExitCode::kRuntime, error.what());
    }
}

ExitCode run_manifest_check(const Context& context, const ManifestCheckOptions& options) {
    try {
        const MappedFile map(options.manifest), memory(options.memory);
        const guard::Manifest manifest = open_manifest(options.manifest, map);
        const guard::KernelPlace place =
            guard::find_kernel(manifest, memory.bytes(), options.memory);
        Check check(manifest, options);
        check.run(memory.bytes(), place);
        show(context, place, check);
        return check.total().unexplained == 0 ? ExitCode::kSuccess : ExitCode::kRuntime;
    } catch (const guard::BuildError& error) {
        throw Failure(ExitCode::kRuntime, error.what());
    }
}

}  // namespace asi::ctl
