// SPDX-License-Identifier: GPL-2.0-only
#include "termination.h"

#include <pthread.h>

#include <ctime>

namespace asi {

Termination::Termination() {
    ::sigemptyset(&signals_);
    ::sigaddset(&signals_, SIGTERM);
    ::sigaddset(&signals_, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

bool Termination::came_within(std::chrono::nanoseconds time) const {
    using namespace std::chrono_literals;
    const timespec limit = {time / 1s, (time % 1s).count()};
    return ::sigtimedwait(&signals_, nullptr, &limit) > 0;
}

void Termination::wait() const {
    int signal = 0;
    ::sigwait(&signals_, &signal);
}

}  // namespace asi
