// SPDX-License-Identifier: GPL-2.0-only
#include "kvm_probe.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "child.h"
#include "qemu.h"
#include "text.h"

extern "C" const char asi_kvm_boot_sector[];

namespace asi {

namespace {

namespace fs = std::filesystem;

constexpr size_t kSectorBytes = 512;
constexpr int kProbeLimitMs = 10000;
// isa-debug-exit ends QEMU with twice the value written, plus one.
constexpr int kProbeStatus = 0x2a * 2 + 1;

bool run_probe(const RunDir& run_dir) {
    const std::string disk = run_dir.file("kvm-probe.img");
    write_file(disk, std::string_view(asi_kvm_boot_sector, kSectorBytes));
    Child probe(
        {kQemu, "-accel", "kvm", "-cpu", "host", "-machine", "pc", "-nodefaults", "-no-user-config",
         "-display", "none", "-no-reboot", "-m", "512", "-drive", "if=ide,format=raw,file=" + disk,
         "-device", "isa-debug-exit,iobase=0xf4,iosize=4"},
        {}, {});
    const bool has_ended = probe.wait(kProbeLimitMs);
    probe.end();
    return has_ended && probe.status() == kProbeStatus;
}

fs::path cache_file() {
    const char* cache = getenv("XDG_CACHE_HOME");
    if (cache && *cache) return fs::path(cache) / "asi/kvm-probe";
    const char* home = getenv("HOME");
    return home && *home ? fs::path(home) / ".cache/asi/kvm-probe" : fs::path();
}

}  // namespace

bool kvm_works(const RunDir& run_dir) {
    if (access("/dev/kvm", R_OK | W_OK) != 0) return false;
    const std::string boot = read_file("/proc/sys/kernel/random/boot_id");
    const fs::path cache = cache_file();
    try {
        const std::string kept = read_file(cache);
        if (kept == boot + "works\n") return true;
        if (kept == boot + "broken\n") return false;
    } catch (const RunError&) {
        // No answer is kept yet.
    }
    const bool works = run_probe(run_dir);
    try {
        std::error_code error;
        fs::create_directories(cache.parent_path(), error);
        write_file(cache, boot + (works ? "works\n" : "broken\n"));
    } catch (const RunError&) {
        // Nowhere to keep it: the next run probes again.
    }
    return works;
}

}  // namespace asi
