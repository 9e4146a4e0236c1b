// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace asi {

int milliseconds_until(const Deadline& deadline) {
    if (!deadline) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<long>(left.count(), 0, INT_MAX));
}

Written write_output(int fd, std::string_view bytes, const Deadline& deadline, int interrupt_fd) {
    while (!bytes.empty()) {
        pollfd waits[] = {{fd, POLLOUT, 0}, {interrupt_fd, POLLIN, 0}};
        const int ready = poll(waits, 2, milliseconds_until(deadline));
        if (ready == 0) return Written::kTooLate;
        if (ready < 0 && errno != EINTR) return Written::kReaderGone;
        if (waits[1].revents) return Written::kInterrupted;
        if (!waits[0].revents) continue;
        // No more than this can be written to a ready pipe without blocking.
        const ssize_t put = write(fd, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
        if (put > 0) bytes.remove_prefix(put);
        if (put < 0 && errno != EINTR && errno != EAGAIN) return Written::kReaderGone;
    }
    return Written::kAll;
}

}  // namespace asi
