// SPDX-License-Identifier: GPL-2.0-only
#include "micro.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <functional>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "counters.h"

namespace asi {
namespace {

/// A round is shorter than the time between two timer ticks, so that most rounds, and with them
/// the median, have none.
constexpr unsigned kRounds = 31;

class Operation {
  public:
    virtual ~Operation() = default;
    virtual void run(uint64_t count) = 0;
};

int checked(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

class Getppid : public Operation {
  public:
    void run(uint64_t count) override {
        for (uint64_t i = 0; i < count; ++i) ::syscall(SYS_getppid);
    }
};

class WriteNull : public Operation {
  public:
    ~WriteNull() override { ::close(null_); }

    void run(uint64_t count) override {
        for (uint64_t i = 0; i < count; ++i) checked(::write(null_, "", 1), "write");
    }

  private:
    const int null_ = checked(::open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null");
};

/// A byte to another process and back: two switches of the address space.
class PipePingPong : public Operation {
  public:
    PipePingPong() {
        checked(::pipe(there_.data()), "pipe");
        checked(::pipe(back_.data()), "pipe");
        child_ = checked(::fork(), "fork");
        if (child_ == 0) answer_for_ever();
    }

    ~PipePingPong() override {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        for (int fd : {there_[0], there_[1], back_[0], back_[1]}) ::close(fd);
    }

    void run(uint64_t count) override {
        char byte = 0;
        for (uint64_t i = 0; i < count; ++i) {
            checked(::write(there_[1], &byte, 1), "write");
            checked(::read(back_[0], &byte, 1), "read");
        }
    }

  private:
    [[noreturn]] void answer_for_ever() {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        char byte;
        while (::read(there_[0], &byte, 1) == 1 && ::write(back_[1], &byte, 1) == 1) {
        }
        ::_exit(1);
    }

    std::array<int, 2> there_, back_;
    pid_t child_;
};

/// KVM_RUN that comes back before it enters the guest: the ioctl's own cost.
class KvmRunReturns : public Operation {
  public:
    KvmRunReturns() {
        kvm_ = checked(::open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
        vm_ = checked(::ioctl(kvm_, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
        vcpu_ = checked(::ioctl(vm_, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
        size_ = checked(::ioctl(kvm_, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
        void* state = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_, 0);
        if (state == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
        state_ = static_cast<kvm_run*>(state);
        state_->immediate_exit = 1;
    }

    ~KvmRunReturns() override {
        ::munmap(state_, size_);
        for (int fd : {vcpu_, vm_, kvm_}) ::close(fd);
    }

    void run(uint64_t count) override {
        for (uint64_t i = 0; i < count; ++i)
            if (::ioctl(vcpu_, KVM_RUN, 0) != -1 || errno != EINTR)
                throw std::runtime_error("KVM_RUN entered the guest");
    }

  private:
    int kvm_, vm_, vcpu_, size_;
    kvm_run* state_;
};

struct Description {
    const char* name;
    /// Operations in the short round, and how many more there are in the long one. Few enough for
    /// a long round to fit between two timer ticks.
    uint64_t base;
    uint64_t more;
    std::function<std::unique_ptr<Operation>()> make;
};

template <typename T>
std::unique_ptr<Operation> make() {
    return std::make_unique<T>();
}

const std::vector<Description>& descriptions() {
    static const std::vector<Description> all = {
        {"getppid", 100, 1000, make<Getppid>},
        {"write", 100, 1000, make<WriteNull>},
        {"pipe", 10, 100, make<PipePingPong>},
        {"kvm_run", 50, 500, make<KvmRunReturns>},
    };
    return all;
}

uint64_t time_round(Operation& operation, uint64_t count) {
    const uint64_t start = now_nanoseconds();
    operation.run(count);
    return now_nanoseconds() - start;
}

using Times = std::array<uint64_t, kRounds>;

uint64_t median(Times times) {
    std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
    return times[kRounds / 2];
}

/// The clock rounds its two readings, so equal rounds may differ by two.
unsigned rounds_like_the_median(const Times& times) {
    const uint64_t middle = median(times);
    return std::count_if(times.begin(), times.end(),
                         [=](uint64_t time) { return time <= middle + 2 && time + 2 >= middle; });
}

}  // namespace

std::vector<std::string> operation_names() {
    std::vector<std::string> names;
    for (const Description& description : descriptions()) names.push_back(description.name);
    return names;
}

void measure_operation(const std::string& name) {
    const auto& all = descriptions();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    if (found == all.end()) throw std::runtime_error("unknown operation '" + name + "'");

    const std::unique_ptr<Operation> operation = found->make();
    operation->run(found->base + found->more);

    Times base, long_run;
    const Counters before = read_isolation_counters();
    for (unsigned i = 0; i < kRounds; ++i) {
        base[i] = time_round(*operation, found->base);
        long_run[i] = time_round(*operation, found->base + found->more);
    }
    const Counters after = read_isolation_counters();

    // Signed: a noisy operation must not come out as a huge number.
    const auto nanoseconds = static_cast<int64_t>(median(long_run) - median(base));
    const uint64_t counted = kRounds * (2 * found->base + found->more);
    std::printf("{\"op\": \"%s\", \"ops\": %" PRIu64 ", \"ns\": %" PRId64
                ", \"rounds\": %u, \"agree\": %u, \"counted_ops\": %" PRIu64
                ", \"counters\": %s}\n",
                name.c_str(), found->more, nanoseconds, kRounds,
                std::min(rounds_like_the_median(base), rounds_like_the_median(long_run)), counted,
                json_difference(before, after).c_str());
}

}  // namespace asi
