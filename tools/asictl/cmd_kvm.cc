// SPDX-License-Identifier: GPL-2.0-only
//
// asictl kvm report, top
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ostream>

#include "commands.h"
#include "failure.h"
#include "interval.h"
#include "order.h"
#include "parse.h"
#include "render_json.h"
#include "render_text.h"
#include "screen.h"
#include "top_view.h"

namespace asi::ctl {

namespace {

using Clock = Screen::Clock;

void require_kvm(const Context& context) {
    const Status status = context.kernel.require_on();
    if (status.kvm == false) {
        throw Failure(ExitCode::kAsiOff,
                      "isolation of virtual machines is off; boot with kvm_asi=on to use this");
    }
    if (!context.kernel.has_debugfs("kvm")) {
        throw Failure(ExitCode::kAsiOff, "no " + context.kernel.debugfs_path("kvm") +
                                             ": kvm is not loaded or has no isolation");
    }
}

std::vector<Vm> read_vms(const Context& context) {
    return parse_vms(context.kernel.read_debugfs("kvm"));
}

Sample take_sample(const Context& context) {
    std::vector<Vm> vms = read_vms(context);
    return {std::chrono::duration<double>(Clock::now().time_since_epoch()).count(), std::move(vms)};
}

Clock::time_point end_of_interval(const KvmTopOptions& options) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                              std::chrono::duration<double>(options.interval_seconds));
}

/// Earlier when nobody reads standard output any more: the next write then
/// finds out.
void wait_until(Clock::time_point deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return;
        pollfd out{STDOUT_FILENO, 0, 0};
        if (poll(&out, 1, static_cast<int>(left.count())) > 0) return;
    }
}

void write_intervals(const Context& context, const KvmTopOptions& options) {
    Sample before = take_sample(context);
    const std::uint64_t iterations = options.iterations.value_or(1);
    for (std::uint64_t i = 0; i < iterations; ++i) {
        wait_until(end_of_interval(options));
        Sample now = take_sample(context);
        const Interval interval = difference(before, now);
        if (context.json) {
            context.out << json_of_interval(interval);
        } else {
            context.out << (i == 0 ? "" : "\n") << text_of_interval(interval);
        }
        if (!context.out.flush()) throw Failure(ExitCode::kRuntime, "cannot write the output");
        before = std::move(now);
    }
}

/// The signal that ended it, or 0.
int show_intervals(const Context& context, const KvmTopOptions& options) {
    // Before the terminal is taken over: what is wrong can still be seen.
    Sample before = take_sample(context);
    TopView view;
    view.show(difference(before, before));
    Screen screen;
    std::uint64_t shown = 0;
    Clock::time_point deadline = end_of_interval(options);
    for (;;) {
        screen.draw(view);
        const Screen::Event event = screen.wait(deadline);
        switch (event.kind) {
            case Screen::Event::Kind::kSignal:
                return event.signal;
            case Screen::Event::Kind::kHangUp:
                return 0;
            case Screen::Event::Kind::kRedraw:
                break;
            case Screen::Event::Kind::kKey:
                if (event.key == TopKey::kQuit) return 0;
                view.press(event.key);
                break;
            case Screen::Event::Kind::kTimeout: {
                // The last one is to be seen as long as the others.
                if (options.iterations && shown == *options.iterations) return 0;
                Sample now = take_sample(context);
                deadline = end_of_interval(options);
                if (!view.paused()) {
                    view.show(difference(before, now));
                    ++shown;
                }
                before = std::move(now);
                break;
            }
        }
    }
}

}  // namespace

void run_kvm_report(const Context& context) {
    require_kvm(context);
    std::vector<Vm> vms = read_vms(context);
    sort_by_importance(vms);
    context.out << (context.json ? json_of_vms(vms) : text_of_vms(vms));
}

void run_kvm_top(const Context& context, const KvmTopOptions& options) {
    require_kvm(context);
    if (context.json || context.out_kind != OutputKind::kTerminal)
        return write_intervals(context, options);
    if (const int signal = show_intervals(context, options)) {
        // With the terminal as it was: who started this sees what ended it.
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
}

}  // namespace asi::ctl
