// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "kvm.h"

namespace asi {

/// Threads that run vCPUs, and give them to each other. From the third vCPU on there is one thread
/// less than vCPUs if `sharing`: then somebody has to call swap() again and again.
class VcpuPool {
  public:
    /// Runs a vCPU until it is kicked (false) or has ended (true).
    using Body = std::function<bool(Vcpu&)>;

    VcpuPool(Body body, bool sharing);
    VcpuPool(const VcpuPool&) = delete;
    VcpuPool& operator=(const VcpuPool&) = delete;
    ~VcpuPool();

    void add(Vcpu& vcpu);

    /// Some thread gives its vCPU back and takes the one that has waited longest. With `replace`
    /// the thread ends, and a new one comes.
    void swap(unsigned which, bool replace);

    /// Returns when no vCPU runs; none does until resume().
    void pause();
    void resume();

    /// True: all vCPUs have ended.
    bool wait_for_end(double seconds);

    /// Throws what a body threw first.
    void check();

  private:
    struct Worker {
        std::thread thread;
        Vcpu* current = nullptr;
        bool leave = false;
        bool gone = false;
    };

    void start_worker();
    void work(Worker& worker);
    static void kick(Worker& worker);

    Body body_;
    bool sharing_;
    std::mutex lock_;
    std::condition_variable changed_;
    std::list<Worker> workers_;
    std::deque<Vcpu*> waiting_;
    unsigned vcpus_ = 0;
    unsigned ended_ = 0;
    unsigned running_ = 0;
    unsigned paused_ = 0;
    bool stopping_ = false;
    std::exception_ptr failure_;
};

}  // namespace asi
