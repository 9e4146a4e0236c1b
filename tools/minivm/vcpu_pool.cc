// SPDX-License-Identifier: GPL-2.0-only
#include "vcpu_pool.h"

#include <signal.h>

#include <chrono>
#include <iterator>
#include <utility>

namespace asi {

VcpuPool::VcpuPool(Body body, bool sharing) : body_(std::move(body)), sharing_(sharing) {
    install_kick_handler();
}

VcpuPool::~VcpuPool() {
    {
        const std::lock_guard guard(lock_);
        stopping_ = true;
        for (Worker& worker : workers_) kick(worker);
        changed_.notify_all();
    }
    for (Worker& worker : workers_) worker.thread.join();
}

void VcpuPool::kick(Worker& worker) {
    if (worker.current == nullptr) return;
    worker.current->state().immediate_exit = 1;
    ::pthread_kill(worker.thread.native_handle(), kick_signal());
}

void VcpuPool::start_worker() {
    Worker& worker = workers_.emplace_back();
    worker.thread = std::thread([this, &worker] { work(worker); });
}

void VcpuPool::work(Worker& worker) {
    std::unique_lock guard(lock_);
    for (;;) {
        changed_.wait(guard, [&] {
            return stopping_ || worker.leave || (paused_ == 0 && !waiting_.empty());
        });
        if (stopping_ || worker.leave) break;
        Vcpu* vcpu = waiting_.front();
        waiting_.pop_front();
        vcpu->state().immediate_exit = 0;
        worker.current = vcpu;
        ++running_;
        guard.unlock();
        bool ended = true;
        std::exception_ptr failure;
        try {
            ended = body_(*vcpu);
        } catch (...) {
            failure = std::current_exception();
        }
        guard.lock();
        if (failure && !failure_) failure_ = failure;
        worker.current = nullptr;
        --running_;
        if (ended)
            ++ended_;
        else
            waiting_.push_back(vcpu);
        changed_.notify_all();
    }
    worker.gone = true;
}

void VcpuPool::add(Vcpu& vcpu) {
    const std::lock_guard guard(lock_);
    waiting_.push_back(&vcpu);
    ++vcpus_;
    if (!sharing_ || vcpus_ != 3) start_worker();
    changed_.notify_all();
}

void VcpuPool::swap(unsigned which, bool replace) {
    std::list<Worker> gone;
    {
        const std::lock_guard guard(lock_);
        for (auto worker = workers_.begin(); worker != workers_.end();) {
            const auto next = std::next(worker);
            if (worker->gone) gone.splice(gone.end(), workers_, worker);
            worker = next;
        }
        if (workers_.empty()) return;
        Worker& worker = *std::next(workers_.begin(), which % workers_.size());
        if (replace && !worker.leave) {
            worker.leave = true;
            start_worker();
        }
        kick(worker);
        changed_.notify_all();
    }
    for (Worker& worker : gone) worker.thread.join();
}

void VcpuPool::pause() {
    std::unique_lock guard(lock_);
    ++paused_;
    for (Worker& worker : workers_) kick(worker);
    changed_.wait(guard, [this] { return running_ == 0; });
}

void VcpuPool::resume() {
    const std::lock_guard guard(lock_);
    --paused_;
    changed_.notify_all();
}

bool VcpuPool::wait_for_end(double seconds) {
    std::unique_lock guard(lock_);
    return changed_.wait_for(guard, std::chrono::duration<double>(seconds),
                             [this] { return ended_ == vcpus_ || failure_; });
}

void VcpuPool::check() {
    const std::lock_guard guard(lock_);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace asi
