// SPDX-License-Identifier: GPL-2.0-only
#include "scale_rows.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "counted.h"
#include "counters.h"
#include "tools/minivm/error.h"
#include "tools/minivm/guest_code.h"
#include "tools/minivm/snippet_vm.h"

namespace asi {
namespace {

constexpr char kScale[] = "/sys/kernel/debug/asi_scale/run";
constexpr uint64_t kGuestMemory = 1 << 30;
constexpr uint64_t kPageSize = 4096;

uint64_t cpu_nanoseconds() {
    timespec used;
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * 1'000'000'000ull + used.tv_nsec;
}

// ---- Processes ---------------------------------------------------------------

void reap(pid_t child) {
    int status;
    if (checked("waitpid", ::waitpid(child, &status, 0)) != child || status != 0)
        throw std::runtime_error("a child failed");
}

uint64_t vfork_and_exit(uint64_t count) {
    const uint64_t start = now_nanoseconds();
    for (uint64_t i = 0; i < count; ++i) {
        const pid_t child = ::vfork();
        if (child == 0) ::_exit(0);
        reap(checked("vfork", child));
    }
    return now_nanoseconds() - start;
}

uint64_t fork_and_exit(uint64_t count) {
    const uint64_t start = now_nanoseconds();
    for (uint64_t i = 0; i < count; ++i) {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(0);
        reap(checked("fork", child));
    }
    return now_nanoseconds() - start;
}

// ---- Memory of the kernel ----------------------------------------------------

TimedRun in_the_kernel(const char* what) {
    return [what](uint64_t count) {
        std::ofstream order(kScale);
        order << what << ' ' << count << std::flush;
        uint64_t nanoseconds;
        if (!order || !(std::ifstream(kScale) >> nanoseconds))
            throw std::runtime_error(std::string(kScale) + " refuses " + what);
        return nanoseconds;
    };
}

std::string read_all(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (bytes.empty()) throw std::runtime_error(path + " cannot be read");
    return bytes;
}

/// Its CPU time: unloading waits for grace periods.
TimedRun load_and_unload(const std::string& file) {
    return [image = read_all(file)](uint64_t count) {
        const uint64_t start = cpu_nanoseconds();
        for (uint64_t i = 0; i < count; ++i) {
            checked("init_module", ::syscall(SYS_init_module, image.data(), image.size(), ""));
            checked("delete_module", ::syscall(SYS_delete_module, "asi_loadme", O_NONBLOCK));
        }
        return cpu_nanoseconds() - start;
    };
}

// ---- Guests ------------------------------------------------------------------

/// A KVM_RUN in which the guest writes to a port, which user space has to do.
class Guest {
  public:
    Guest() : vm_(kvm_, Irqchip::kNone, CpuMode::kLong, 1) {
        vm_.load_code(find_operation("out").code);
        vm_.start_operation(vcpu(), 0, 0);
    }

    uint64_t run(uint64_t count) {
        const uint64_t start = now_nanoseconds();
        for (uint64_t i = 0; i < count; ++i)
            if (vcpu().enter() != 0 || vcpu().state().exit_reason != KVM_EXIT_IO)
                throw std::runtime_error("the guest lost its way");
        return now_nanoseconds() - start;
    }

  private:
    Vcpu& vcpu() const { return *vm_.vcpus().front(); }

    const Kvm kvm_;
    const SnippetVm vm_;
};

TimedRun make_kvm_run() {
    return [guest = std::make_shared<Guest>()](uint64_t count) { return guest->run(count); };
}

/// KVM reads each of these pages for the guest, and so the domain has them.
void live_and_tell(unsigned mib, int teller) {
    const uint64_t pages = (uint64_t{mib} << 20) / kPageSize;
    const Kvm kvm;
    SnippetVm vm(kvm, Irqchip::kNone, CpuMode::kLong, 1);
    vm.add_populated_memory(kGuestMemory, pages * kPageSize);
    vm.load_code(find_operation("outs").code);
    Vcpu& vcpu = *vm.vcpus().front();
    vm.start_operation(vcpu, pages, kGuestMemory);
    if (run_until_end(vcpu).end != SnippetEnd::kDebugPort || vm.operations_done(vcpu) != pages)
        throw std::runtime_error("the guest lost its way");
    const uint64_t used = cpu_nanoseconds();
    checked("write", ::write(teller, &used, sizeof(used)));
    ::_exit(0);
}

uint64_t end_of_guest(unsigned mib) {
    int ends[2];
    checked("pipe", ::pipe2(ends, O_CLOEXEC));
    const pid_t child = checked("fork", ::fork());
    if (child == 0) {
        try {
            live_and_tell(mib, ends[1]);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "guest: %s\n", error.what());
        }
        ::_exit(1);
    }
    ::close(ends[1]);
    uint64_t before = 0;
    const bool told = ::read(ends[0], &before, sizeof(before)) == sizeof(before);
    ::close(ends[0]);
    const uint64_t all = finish(child);
    if (!told) throw std::runtime_error("a guest did not tell its time");
    return all - before;
}

}  // namespace

TimedRun make_teardown(unsigned mib) {
    return [mib](uint64_t count) {
        uint64_t sum = 0;
        for (uint64_t i = 0; i < count; ++i) sum += end_of_guest(mib);
        return sum;
    };
}

std::vector<ScaleRow> scale_rows(const std::string& loadme) {
    std::vector<ScaleRow> rows = {
        {"vfork+exit", 50, 5, [] { return vfork_and_exit; }},
        {"fork+exit", 50, 5, [] { return fork_and_exit; }},
        {"vmalloc+vfree", 200, 5, [] { return in_the_kernel("vmalloc"); }},
        {"free", 2000, 5, [] { return in_the_kernel("free"); }},
        {"free mapped", 200, 5, [] { return in_the_kernel("mapped"); }},
        {"kvm_run", 200, 5, make_kvm_run},
        {"guest teardown", 1, 3, [] { return make_teardown(kSmallGuestMib); }},
    };
    // Every domain sees the text of modules.
    if (!loadme.empty())
        rows.push_back({"module load", 3, 5, [loadme] { return load_and_unload(loadme); }});
    return rows;
}

void load_scale_module(const std::string& file) {
    const std::string image = read_all(file);
    checked(file.c_str(), ::syscall(SYS_init_module, image.data(), image.size(), ""));
}

}  // namespace asi
