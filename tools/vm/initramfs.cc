// SPDX-License-Identifier: GPL-2.0-only
#include "initramfs.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "../lib/cpio.h"
#include "child.h"
#include "elf_closure.h"
#include "text.h"

namespace asi {

namespace {

namespace fs = std::filesystem;

constexpr char kBusybox[] = "/bin/busybox";
constexpr int kMostLinks = 40;

/// Copies the host's layout link by link, so that every path that works there
/// (/lib64 being usr/lib64, libc.so.6 being a link) works in the guest.
class Tree {
  public:
    /// Makes every folder of @p directory, and the links on the way. Returns
    /// where it really is.
    fs::path add_directories(const fs::path& directory) {
        const fs::path real = add_path(directory);
        // The host need not have it.
        archive_.add_directory(real);
        return real;
    }

    /// Adds a host file, and what it needs, at its own path.
    void add_with_needs(const fs::path& file) {
        const fs::path real = add_path(file);
        if (archive_.contains(real)) return;
        add_contents(real, real);
        for (const std::string& needed : needed_files(real)) add_with_needs(needed);
    }

    /// Adds a host file, and what it needs, at another path.
    void add_as(const fs::path& file, const fs::path& target) {
        const fs::path directory = add_directories(target.parent_path());
        add_contents(file, directory / target.filename());
        for (const std::string& needed : needed_files(file)) add_with_needs(needed);
    }

    CpioArchive& archive() { return archive_; }

  private:
    void add_contents(const fs::path& file, const fs::path& target) {
        archive_.add_file(target, read_file(file), access(file.c_str(), X_OK) == 0 ? 0755 : 0644);
    }

    /// Resolves @p path as the host does. Adds every folder and link met; a
    /// last part that is no folder on the host is only resolved.
    fs::path add_path(fs::path path) {
        fs::path done = "/";
        int links = 0;
        for (auto part = path.begin(); part != path.end();) {
            if (*part == "/" || *part == "." || part->empty()) {
                ++part;
                continue;
            }
            if (*part == "..") {
                done = done.parent_path();
                ++part;
                continue;
            }
            const fs::path here = done / *part;
            fs::path rest;
            for (auto later = std::next(part); later != path.end(); ++later) rest /= *later;
            if (fs::is_symlink(here)) {
                if (++links > kMostLinks) throw RunError(here.string() + ": too many links");
                const fs::path target = fs::read_symlink(here);
                archive_.add_symlink(here, target);
                if (target.is_absolute()) done = "/";
                path = rest.empty() ? target : target / rest;
                part = path.begin();
                continue;
            }
            if (!rest.empty() || fs::is_directory(here)) archive_.add_directory(here);
            done = here;
            ++part;
        }
        return done;
    }

    CpioArchive archive_;
};

void add_command(Tree& tree, const std::string& command) {
    const std::string found = find_program(command);
    // Not on the host: busybox may have it, or the guest reports status 127.
    if (!found.empty()) tree.add_with_needs(fs::absolute(found).lexically_normal());
}

/// Every name busybox answers to, where the host's own program is not present.
void add_busybox(Tree& tree) {
    if (access(kBusybox, X_OK) != 0) return;
    tree.add_with_needs(kBusybox);
    for (const std::string& name : split(run_helper({kBusybox, "--list-full"}), '\n')) {
        const fs::path path = "/" / fs::path(name);
        const fs::path directory = tree.add_directories(path.parent_path());
        tree.archive().add_symlink(directory / path.filename(), kBusybox);
    }
    tree.archive().add_symlink(tree.add_directories("/bin") / "sh", kBusybox);
}

}  // namespace

std::string make_initramfs(const Options& options, const Job& job, const std::string& guest_init) {
    Tree tree;
    for (const char* directory : {"/dev", "/proc", "/sys", "/tmp", "/run", "/root"})
        tree.archive().add_directory(directory);
    // The kernel opens the console before init can mount anything.
    tree.archive().add_character_device("/dev/console", 5, 1);
    tree.archive().add_file("/init", read_file(guest_init), 0755);
    tree.archive().add_file(kJobPath, job.encode(), 0644);
    tree.add_directories(job.working_directory);
    add_command(tree, options.command[0]);
    for (const AddedFile& file : options.added) tree.add_as(file.source, file.target);
    add_busybox(tree);
    return tree.archive().finish();
}

}  // namespace asi
