// SPDX-License-Identifier: GPL-2.0-only
//
// The init program of the guests that `minivm boot` runs: a small, always equal workload, or the
// command that stands behind "--" on the kernel command line.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

constexpr char kChildName[] = "guest-child";
constexpr int kForks = 20;
constexpr int kSystemCalls = 10000;
constexpr int kSleeps = 5;
constexpr long kSleepNanoseconds = 2000000;
constexpr size_t kFileSize = 1 << 20;
constexpr size_t kBlockSize = 4096;

bool failed = false;

void expect(bool condition, const char* what) {
    if (condition) return;
    std::printf("guest: FAILED: %s\n", what);
    failed = true;
}

void mount_all() {
    expect(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "mount /proc");
    expect(::mount("sysfs", "/sys", "sysfs", 0, nullptr) == 0, "mount /sys");
    // A kernel may have done this itself.
    (void)::mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
    expect(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0, "mount /tmp");
}

/// Runs `argv` and returns its exit status; 127 if it can't be run, 255 after a signal.
int run(const char* path, char* const argv[]) {
    const pid_t child = ::fork();
    if (child < 0) return 127;
    if (child == 0) {
        ::execv(path, argv);
        ::_exit(127);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 255;
    return WEXITSTATUS(status);
}

void run_children() {
    char name[sizeof(kChildName)];
    std::memcpy(name, kChildName, sizeof(name));
    for (int i = 0; i < kForks; ++i) {
        char number[8];
        std::snprintf(number, sizeof(number), "%d", i);
        char* const argv[] = {name, number, nullptr};
        expect(run("/proc/self/exe", argv) == i, "fork and exec");
    }
}

void call_kernel() {
    for (int i = 0; i < kSystemCalls; ++i)
        if (::syscall(SYS_getpid) != ::getpid()) return expect(false, "getpid");
}

unsigned char pattern_byte(size_t block, size_t offset) {
    return block * 131 + offset * 7;
}

void use_file() {
    const int fd = ::open("/tmp/file", O_RDWR | O_CREAT, 0600);
    unsigned char block[kBlockSize];
    for (size_t i = 0; i < kFileSize / kBlockSize; ++i) {
        for (size_t j = 0; j < kBlockSize; ++j) block[j] = pattern_byte(i, j);
        if (::write(fd, block, kBlockSize) != kBlockSize) return expect(false, "write a file");
    }
    expect(::lseek(fd, 0, SEEK_SET) == 0, "seek in a file");
    for (size_t i = 0; i < kFileSize / kBlockSize; ++i) {
        if (::read(fd, block, kBlockSize) != kBlockSize) return expect(false, "read a file");
        for (size_t j = 0; j < kBlockSize; ++j)
            if (block[j] != pattern_byte(i, j)) return expect(false, "a file's content");
    }
    ::close(fd);
}

void sleep_shortly() {
    for (int i = 0; i < kSleeps; ++i) {
        const timespec time{0, kSleepNanoseconds};
        expect(::nanosleep(&time, nullptr) == 0, "nanosleep");
    }
}

[[noreturn]] void end() {
    std::printf(failed ? "guest: failed\n" : "guest: done\n");
    std::fflush(stdout);
    ::fsync(STDOUT_FILENO);
    ::sync();
    // Without ACPI a power-off would only halt the CPUs.
    const bool acpi = ::access("/sys/firmware/acpi", F_OK) == 0;
    ::reboot(acpi ? RB_POWER_OFF : RB_AUTOBOOT);
    for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
    if (std::strcmp(argv[0], kChildName) == 0) return argc > 1 ? std::atoi(argv[1]) : 1;

    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    mount_all();
    utsname name{};
    ::uname(&name);
    std::printf("guest: user space reached, %ld cpus, Linux %s\n", ::sysconf(_SC_NPROCESSORS_ONLN),
                name.release);
    if (argc > 1) {
        const int status = run(argv[1], argv + 1);
        std::printf("guest: command status %d\n", status);
        end();
    }
    run_children();
    call_kernel();
    use_file();
    sleep_shortly();
    end();
}
