// SPDX-License-Identifier: GPL-2.0-only
//
// Steps: files, mappings of files, other ways to move bytes.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "step.h"

namespace {

namespace fs = std::filesystem;

/// A folder in a tmpfs, gone with its content at the end of the step.
class Folder {
  public:
    Folder() {
        char name[] = "/tmp/sci-calls-XXXXXX";
        need(::mkdtemp(name) != nullptr, "mkdtemp");
        path_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path_); }
    std::string operator/(const char* name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

Fd create(const std::string& path) {
    return Fd(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
}

std::vector<char> pattern(std::size_t size) {
    std::vector<char> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 4096);
    return bytes;
}

void read_and_write() {
    const Folder folder;
    const Fd file = create(folder / "a");
    const std::vector<char> bytes = pattern(300000);
    say("write %s", outcome(::write(file, bytes.data(), bytes.size())).c_str());
    std::vector<char> copy(bytes.size());
    say("pread %s", outcome(::pread(file, copy.data(), copy.size(), 0)).c_str());
    need(copy == bytes, "content");
    say("pread at the end %s", outcome(::pread(file, copy.data(), 100, 299990)).c_str());
    say("seek %s", outcome(::lseek(file, -10, SEEK_END)).c_str());
    say("append %s", outcome(::write(file, bytes.data(), 100)).c_str());
    const iovec parts[] = {{copy.data(), 10}, {copy.data() + 100, 4096}, {copy.data() + 8000, 1}};
    say("preadv %s", outcome(::preadv(file, parts, 3, 5)).c_str());
    say("pwritev %s", outcome(::pwritev(file, parts, 3, 100000)).c_str());
    say("fsync %s", outcome(::fsync(file)).c_str());
    say("truncate %s", outcome(::ftruncate(file, 1000)).c_str());
    say("allocate %s", outcome(::fallocate(file, 0, 0, 50000)).c_str());
    struct stat status {};
    need(::fstat(file, &status) == 0, "fstat");
    say("size %ld", static_cast<long>(status.st_size));
}

void names() {
    const Folder folder;
    create(folder / "a");
    say("rename %s", outcome(::rename((folder / "a").c_str(), (folder / "b").c_str())).c_str());
    say("link %s", outcome(::link((folder / "b").c_str(), (folder / "c").c_str())).c_str());
    say("symlink %s", outcome(::symlink("c", (folder / "d").c_str())).c_str());
    say("mkdir %s", outcome(::mkdir((folder / "e").c_str(), 0700)).c_str());
    say("fifo %s", outcome(::mkfifo((folder / "f").c_str(), 0600)).c_str());
    char target[16] = "";
    say("readlink %s %s",
        outcome(::readlink((folder / "d").c_str(), target, sizeof(target) - 1)).c_str(), target);
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder.path()))
        found.insert(entry.path().filename());
    for (const std::string& name : found) say("%s", name.c_str());
    say("unlink %s", outcome(::unlink((folder / "b").c_str())).c_str());
    say("unlink again %s", outcome(::unlink((folder / "b").c_str())).c_str());
    say("rmdir %s", outcome(::rmdir((folder / "e").c_str())).c_str());
    say("rmdir of a file %s", outcome(::rmdir((folder / "c").c_str())).c_str());
    say("chmod %s", outcome(::chmod((folder / "c").c_str(), 0640)).c_str());
    say("chown %s", outcome(::chown((folder / "c").c_str(), 1, 1)).c_str());
    say("access %s", outcome(::access((folder / "c").c_str(), R_OK)).c_str());
    const timespec times[2] = {{1000, 0}, {2000, 0}};
    say("times %s", outcome(::utimensat(AT_FDCWD, (folder / "c").c_str(), times, 0)).c_str());
    for (int i = 0; i < 300; ++i) create(folder / ("many" + std::to_string(i)).c_str());
    say("many %ld", static_cast<long>(std::distance(fs::directory_iterator(folder.path()), {})));
}

void attributes_and_locks() {
    const Folder folder;
    const Fd file = create(folder / "a");
    say("set %s", outcome(::fsetxattr(file, "trusted.sci", "value", 5, 0)).c_str());
    char value[16] = "";
    say("get %s %s", outcome(::fgetxattr(file, "trusted.sci", value, sizeof(value) - 1)).c_str(),
        value);
    say("lock %s", outcome(::flock(file, LOCK_EX)).c_str());
    say("other's %d", ended(child([&folder] {
            const Fd other = create(folder / "a");
            return ::flock(other, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK ? 0 : 1;
        })));
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_len = 10;
    say("range %s", outcome(::fcntl(file, F_SETLK, &range)).c_str());
    struct statfs status {};
    say("statfs %s", outcome(::statfs(folder.path().c_str(), &status)).c_str());
    say("dup %d", Fd(::dup(file)) > file);
    say("flags %d", ::fcntl(file, F_GETFL) & O_ACCMODE);
}

void mapped_file() {
    const Folder folder;
    const Fd file = create(folder / "a");
    const std::vector<char> bytes = pattern(64 * 4096);
    need(::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
    char* shared = static_cast<char*>(
        ::mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    need(shared != MAP_FAILED, "mmap");
    need(std::equal(bytes.begin(), bytes.end(), shared), "content");
    shared[70000] = 'm';
    say("msync %s", outcome(::msync(shared, bytes.size(), MS_SYNC)).c_str());
    char byte = 0;
    const ssize_t got = ::pread(file, &byte, 1, 70000);
    say("pread %s %c", outcome(got).c_str(), byte);
    // The kernel reads through a mapping that nobody has touched.
    char* fresh =
        static_cast<char*>(::mmap(nullptr, bytes.size(), PROT_READ, MAP_PRIVATE, file, 0));
    const Fd copy = create(folder / "b");
    say("write %s", outcome(::write(copy, fresh, bytes.size())).c_str());
    say("truncate %s", outcome(::ftruncate(file, 4096)).c_str());
    say("beyond the end %s", outcome(::write(copy, fresh + 8192, 8)).c_str());
    say("killed %d", ended(child([shared] { return shared[8192]; })));
}

void splices() {
    const Folder folder;
    const Fd file = create(folder / "a");
    const Fd other = create(folder / "b");
    const std::vector<char> bytes = pattern(40000);
    need(::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
    off_t from = 0;
    say("sendfile %s", outcome(::sendfile(other, file, &from, bytes.size())).c_str());
    from = 0;
    loff_t start = 0;
    loff_t target = 0;
    say("copy_file_range %s",
        outcome(::copy_file_range(file, &start, other, &target, bytes.size(), 0)).c_str());
    Pipe pipe;
    start = 0;
    say("splice %s", outcome(::splice(file, &start, pipe.in, nullptr, 8192, 0)).c_str());
    Pipe second;
    say("tee %s", outcome(::tee(pipe.out, second.in, 8192, 0)).c_str());
    target = 0;
    say("splice %s", outcome(::splice(pipe.out, nullptr, other, &target, 8192, 0)).c_str());
    const iovec gift{const_cast<char*>(bytes.data()), 4096};
    say("vmsplice %s", outcome(::vmsplice(pipe.in, &gift, 1, 0)).c_str());
    std::vector<char> copy(8192);
    say("read %s", outcome(::read(second.out, copy.data(), copy.size())).c_str());
    need(std::equal(copy.begin(), copy.end(), bytes.begin()), "content");
}

void watches() {
    const Folder folder;
    const Fd watch(::inotify_init1(IN_NONBLOCK));
    need(::inotify_add_watch(watch, folder.path().c_str(), IN_CREATE | IN_DELETE) > 0, "watch");
    create(folder / "a");
    ::unlink((folder / "a").c_str());
    char events[1024];
    say("events %s", outcome(::read(watch, events, sizeof(events))).c_str());
    say("no more %s", outcome(::read(watch, events, sizeof(events))).c_str());
}

/// What the kernel says of itself and of processes; the length alone differs by run.
void kernel_files() {
    for (const char* const name : {"/proc/self/status",
                                   "/proc/self/maps",
                                   "/proc/self/smaps",
                                   "/proc/self/stat",
                                   "/proc/self/environ",
                                   "/proc/self/mountinfo",
                                   "/proc/self/limits",
                                   "/proc/self/pagemap",
                                   "/proc/1/cmdline",
                                   "/proc/1/stat",
                                   "/proc/meminfo",
                                   "/proc/cpuinfo",
                                   "/proc/stat",
                                   "/proc/uptime",
                                   "/proc/modules",
                                   "/proc/interrupts",
                                   "/proc/vmstat",
                                   "/proc/slabinfo",
                                   "/proc/net/dev",
                                   "/proc/net/tcp",
                                   "/proc/sys/kernel/pid_max",
                                   "/proc/sys/kernel/random/uuid",
                                   "/sys/kernel/mm/transparent_hugepage/enabled",
                                   "/sys/devices/system/cpu/online",
                                   "/sys/kernel/notes",
                                   "/no/such/file"}) {
        const Fd file(::open(name, O_RDONLY));
        char bytes[4096];
        const ssize_t got = file >= 0 ? ::read(file, bytes, sizeof(bytes)) : -1;
        say("%s %s", name, got > 0 ? "some" : outcome(got).c_str());
    }
    const Fd random(::open("/dev/urandom", O_RDONLY));
    std::vector<char> bytes(100000);
    say("random %s", outcome(::read(random, bytes.data(), bytes.size())).c_str());
    int processes = 0;
    for (const auto& entry : fs::directory_iterator("/proc"))
        processes +=
            entry.path().filename().string().find_first_not_of("0123456789") == std::string::npos;
    say("processes %d", processes > 1);
}

void terminal() {
    const Fd master(::posix_openpt(O_RDWR | O_NOCTTY));
    if (master < 0) {
        say("no terminal %s", outcome(-1).c_str());
        return;
    }
    need(::unlockpt(master) == 0, "unlockpt");
    const char* const name = ::ptsname(master);
    const Fd slave(name != nullptr ? ::open(name, O_RDWR | O_NOCTTY) : -1);
    if (slave < 0) {
        say("no other side %s", outcome(-1).c_str());
        return;
    }
    say("typed %s", outcome(::write(master, "line\n", 5)).c_str());
    char line[16] = "";
    say("read %s", outcome(::read(slave, line, sizeof(line) - 1)).c_str());
    termios settings{};
    say("settings %s", outcome(::tcgetattr(slave, &settings)).c_str());
    ::cfmakeraw(&settings);
    say("settings %s", outcome(::tcsetattr(slave, TCSANOW, &settings)).c_str());
    say("write %s", outcome(::write(slave, "answer", 6)).c_str());
}

constexpr Step kSteps[] = {
    {"read_and_write", read_and_write},
    {"names", names},
    {"attributes_and_locks", attributes_and_locks},
    {"mapped_file", mapped_file},
    {"splices", splices},
    {"watches", watches},
    {"kernel_files", kernel_files},
    {"terminal", terminal},
};

}  // namespace

std::span<const Step> file_steps() {
    return kSteps;
}
