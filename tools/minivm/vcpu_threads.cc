// SPDX-License-Identifier: GPL-2.0-only
#include "vcpu_threads.h"

#include <signal.h>

#include <chrono>
#include <utility>

namespace asi {

VcpuThreads::VcpuThreads(const Vcpus& vcpus, Body body)
    : vcpus_(vcpus), body_(std::move(body)), running_(vcpus.size()) {
    install_kick_handler();
    try {
        for (const auto& vcpu : vcpus_)
            threads_.emplace_back([this, target = vcpu.get()] { run_body(*target); });
    } catch (...) {
        join_all();
        throw;
    }
}

VcpuThreads::~VcpuThreads() {
    join_all();
}

void VcpuThreads::run_body(Vcpu& vcpu) {
    BodyEnd end = BodyEnd::kAllVcpus;
    std::exception_ptr failure;
    try {
        end = body_(vcpu);
    } catch (...) {
        failure = std::current_exception();
    }
    const std::lock_guard guard(lock_);
    if (failure && !failure_) failure_ = failure;
    if (end == BodyEnd::kAllVcpus) all_done_ = true;
    --running_;
    changed_.notify_all();
}

bool VcpuThreads::wait(std::optional<double> seconds) {
    std::unique_lock guard(lock_);
    const auto over = [this] { return all_done_ || running_ == 0; };
    if (!seconds) {
        changed_.wait(guard, over);
        return true;
    }
    return changed_.wait_for(guard, std::chrono::duration<double>(*seconds), over);
}

void VcpuThreads::join_all() {
    for (size_t i = 0; i < threads_.size(); ++i) {
        vcpus_[i]->request_stop();
        ::pthread_kill(threads_[i].native_handle(), kick_signal());
    }
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

void VcpuThreads::stop() {
    join_all();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace asi
