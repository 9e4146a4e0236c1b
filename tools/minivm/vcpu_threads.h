// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "kvm.h"

namespace asi {

using Vcpus = std::vector<std::unique_ptr<Vcpu>>;

/// What the end of one vCPU's body means.
enum class BodyEnd {
    kThisVcpu,  ///< the others go on
    kAllVcpus,  ///< wait() returns now
};

/// One thread per vCPU, each in `body`, which returns when Vcpu::run() says false or when its
/// work is done. Destroying or stop() ends and joins them all.
class VcpuThreads {
  public:
    using Body = std::function<BodyEnd(Vcpu&)>;

    VcpuThreads(const Vcpus& vcpus, Body body);
    VcpuThreads(const VcpuThreads&) = delete;
    VcpuThreads& operator=(const VcpuThreads&) = delete;
    ~VcpuThreads();

    /// Waits until every body has returned, one returned kAllVcpus, or one threw. False: the
    /// time was over first. No time given: waits for ever.
    bool wait(std::optional<double> seconds);

    /// Stops and joins every thread; throws what a body threw first.
    void stop();

  private:
    void run_body(Vcpu& vcpu);
    void join_all();

    const Vcpus& vcpus_;
    Body body_;
    std::mutex lock_;
    std::condition_variable changed_;
    size_t running_;
    bool all_done_ = false;
    std::exception_ptr failure_;
    std::vector<std::thread> threads_;
};

}  // namespace asi
