// SPDX-License-Identifier: GPL-2.0-only
//
// Boots a kernel, runs one command in it, returns its status.
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "bochs.h"
#include "kernel_image.h"
#include "kvm_probe.h"
#include "options.h"
#include "qemu.h"
#include "run_dir.h"
#include "supervise.h"
#include "text.h"

namespace asi {

namespace {

namespace fs = std::filesystem;

constexpr size_t kTailLines = 60;

bool is_ignored(int number) {
    struct sigaction action {};
    return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Signals that interrupt a run come through this descriptor, so that the
/// emulator is ended and the run's files removed in the ordinary way.  One that whoever
/// started the program had ignored (nohup) stays ignored: the descriptor would report it.
int take_signals() {
    signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        if (!is_ignored(number)) sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (fd < 0) throw system_error("signalfd", errno);
    return fd;
}

Machine start(Options& options, const RunDir& run_dir, const std::string& guest_init) {
    if (options.acceleration == Acceleration::kBochs)
        return start_bochs(options, run_dir, guest_init);
    if (options.acceleration == Acceleration::kAuto)
        options.acceleration = !options.icount && !options.tcg_single && kvm_works(run_dir)
                                   ? Acceleration::kKvm
                                   : Acceleration::kTcg;
    return start_qemu(options, run_dir, guest_init);
}

void report_failure(const Outcome& outcome, const Console& console) {
    const std::string tail = console.tail(kTailLines);
    if (!tail.empty()) std::fprintf(stderr, "run: the console's end:\n%s", tail.c_str());
    std::fprintf(stderr, "run: %s\nrun: console log: %s\n", outcome.failure.c_str(),
                 console.log_path().c_str());
}

int run(Options options, const fs::path& programs) {
    const int signals = take_signals();
    check_kernel_image(options.kernel);
    Deadline deadline;
    if (options.timeout_seconds)
        deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.timeout_seconds);

    RunDir run_dir;
    Console console(options.log.empty() ? run_dir.file("console.log") : options.log,
                    options.verbose);
    Machine machine = start(options, run_dir, programs / "guest_init");
    const Outcome outcome =
        supervise(machine, console, deadline, signals, options.out_directory, options.verbose);
    if (outcome.signal) return 128 + outcome.signal;
    if (outcome.status) return *outcome.status;
    run_dir.keep_logs();
    report_failure(outcome, console);
    return kNoAnswerStatus;
}

}  // namespace

}  // namespace asi

int main(int argc, char** argv) {
    try {
        // host/vm, in the build folder.
        const std::filesystem::path programs =
            std::filesystem::read_symlink("/proc/self/exe").parent_path();
        const auto options = asi::parse_options(argc, argv, programs.parent_path().parent_path());
        return options ? asi::run(*options, programs) : 0;
    } catch (const asi::UsageError& error) {
        std::fprintf(stderr, "run: %s (--help tells more)\n", error.what());
        return asi::kUsageStatus;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "run: %s\n", error.what());
        return asi::kNoAnswerStatus;
    }
}
