// SPDX-License-Identifier: GPL-2.0-only
//
// Steps about prctl(PR_SYSCALL_ISOLATION) itself.  Run not isolated, as root.
#include <fcntl.h>
#include <grp.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>

#include "isolation.h"
#include "step.h"

namespace {

constexpr const char* kSelf = "/proc/self/exe";
constexpr uid_t kNobody = 65534;

/// The calls up to here can all be isolated; of the others some never are.
constexpr unsigned kOrdinaryCalls = 100;

bool is_in(const sci_config& config, unsigned call) {
    return (config.syscalls[call / 64] >> (call % 64) & 1) != 0;
}

/// Is @now what came of asking for @asked?
bool is_answer(const sci_config& now, const sci_config& asked) {
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call) {
        if (is_in(now, call) == is_in(asked, call)) continue;
        if (is_in(now, call) || call < kOrdinaryCalls) return false;
    }
    return now.size == asked.size && now.mode == asked.mode && now.flags == asked.flags &&
           now.pad == 0 && std::memcmp(now.profile, asked.profile, sizeof(now.profile)) == 0;
}

void is_now(const sci_config& config, const char* what) {
    need(is_answer(current_isolation(), config), what);
}

void enable(const sci_config& config) {
    need(sci(PR_SCI_ENABLE, &config) == 0, "enable");
}

void off_at_first() {
    need(current_isolation().mode == 0, "off");
    need(current_isolation().flags == 0, "no flags");
}

void enable_and_get() {
    for (const unsigned mode : {SCI_MODE_ENFORCE, SCI_MODE_LOG, SCI_MODE_LEARN}) {
        sci_config config = all_calls(mode, mode == SCI_MODE_LEARN ? "sci_calls_api" : "default");
        config.syscalls[1] = 0x10;
        enable(config);
        is_now(config, "what was asked for");
    }
    need(sci(PR_SCI_DISABLE) == 0, "disable");
    need(current_isolation().mode == 0, "off");
    need(sci(PR_SCI_DISABLE) == 0, "disable again");
}

void inherited() {
    const sci_config config = all_calls(SCI_MODE_ENFORCE);
    enable(config);
    need(ended(child([&config] { return is_answer(current_isolation(), config) ? 0 : 1; })) == 0,
         "fork");
    std::thread([&config] { is_now(config, "thread"); }).join();
    // cppcheck-suppress vforkCalled
    const pid_t pid = ::vfork();
    if (pid == 0) {
        ::execl(kSelf, "calls", "isolation", nullptr);
        ::_exit(1);
    }
    need(ended(pid) == 0, "exec");
    // A child that leaves does not take its parent along.
    need(ended(child([] {
             return sci(PR_SCI_DISABLE) == 0 && current_isolation().mode == 0 ? 0 : 1;
         })) == 0,
         "disable in the child");
    is_now(config, "the parent's");
}

void one_thread_only() {
    std::atomic<int> state = 0;
    std::atomic<unsigned> seen = 99;
    std::thread other([&state, &seen] {
        while (state == 0) std::this_thread::yield();
        seen = current_isolation().mode;
    });
    enable(all_calls(SCI_MODE_ENFORCE));
    state = 1;
    other.join();
    need(seen == 0, "the other thread is as it was");
}

void locked() {
    sci_config config = all_calls(SCI_MODE_ENFORCE);
    enable(config);
    need(sci(PR_SCI_LOCK) == 0, "lock");
    config.flags = SCI_FLAG_LOCKED;
    is_now(config, "locked");
    const auto is_refused = [&config] {
        const sci_config less = all_calls(SCI_MODE_LOG);
        if (sci(PR_SCI_ENABLE, &less) != -1 || errno != EPERM) return 1;
        if (sci(PR_SCI_DISABLE) != -1 || errno != EPERM) return 2;
        return is_answer(current_isolation(), config) ? 0 : 3;
    };
    need(is_refused() == 0, "enable and disable are refused");
    need(ended(child(is_refused)) == 0, "the child's, too");
    int result = 9;
    std::thread([&] { result = is_refused(); }).join();
    need(result == 0, "the thread's, too");
}

// ---- Wrong arguments ---------------------------------------------------------

struct Wrong {
    const char* what;
    int error;
    void (*change)(sci_config&);
};

void name(sci_config& config, std::string_view text) {
    std::memset(config.profile, 0, sizeof(config.profile));
    text.copy(config.profile, sizeof(config.profile));
}

constexpr Wrong kWrong[] = {
    {"size 0", EINVAL, [](sci_config& c) { c.size = 0; }},
    {"size less one", EINVAL, [](sci_config& c) { --c.size; }},
    {"size and one", EINVAL, [](sci_config& c) { ++c.size; }},
    {"huge size", EINVAL, [](sci_config& c) { c.size = ~0U; }},
    {"mode 0", EINVAL, [](sci_config& c) { c.mode = 0; }},
    {"mode 4", EINVAL, [](sci_config& c) { c.mode = 4; }},
    {"mode -1", EINVAL, [](sci_config& c) { c.mode = ~0U; }},
    {"flag locked", EINVAL, [](sci_config& c) { c.flags = SCI_FLAG_LOCKED; }},
    {"flag of the future", EINVAL, [](sci_config& c) { c.flags = 1U << 31; }},
    {"padding", EINVAL, [](sci_config& c) { c.pad = 1; }},
    {"only a call that is never isolated", EINVAL,
     [](sci_config& c) {
         std::memset(c.syscalls, 0, sizeof(c.syscalls));
         c.syscalls[SYS_prctl / 64] = 1ULL << (SYS_prctl % 64);
     }},
    {"learn the built-in profile", EPERM, [](sci_config& c) { c.mode = SCI_MODE_LEARN; }},
    {"no call", EINVAL, [](sci_config& c) { std::memset(c.syscalls, 0, sizeof(c.syscalls)); }},
    {"no name", EINVAL, [](sci_config& c) { name(c, ""); }},
    {"name .", EINVAL, [](sci_config& c) { name(c, "."); }},
    {"name ..", EINVAL, [](sci_config& c) { name(c, ".."); }},
    {"name with a slash", EINVAL, [](sci_config& c) { name(c, "a/b"); }},
    {"name with a space", EINVAL, [](sci_config& c) { name(c, "a b"); }},
    {"name with a line's end", EINVAL, [](sci_config& c) { name(c, "default\n"); }},
    {"name beyond ASCII", EINVAL, [](sci_config& c) { name(c, "d\xc3\xa9"); }},
    {"name without an end", EINVAL, [](sci_config& c) { name(c, std::string(32, 'a')); }},
    {"unknown profile", ENOENT, [](sci_config& c) { name(c, "sci_no_such_profile"); }},
    {"unknown profile, log", ENOENT,
     [](sci_config& c) {
         name(c, "sci_no_such_profile");
         c.mode = SCI_MODE_LOG;
     }},
    {"name of 31", ENOENT, [](sci_config& c) { name(c, std::string(31, 'a')); }},
};

void wrong_arguments_change_nothing(const char* when) {
    const sci_config before = current_isolation();
    const auto refused = [&](const char* what, int error, long result) {
        if (result != -1 || errno != error) say("%s, %s: %s", when, what, outcome(result).c_str());
        need(result == -1 && errno == error, what);
        is_now(before, what);
    };
    for (const Wrong& wrong : kWrong) {
        sci_config config = all_calls(SCI_MODE_ENFORCE);
        wrong.change(config);
        refused(wrong.what, wrong.error, sci(PR_SCI_ENABLE, &config));
    }
    refused("operation 0", EINVAL, sci(0));
    refused("operation 5", EINVAL, sci(5));
    refused("operation -1", EINVAL, sci(~0UL));
    sci_config good = all_calls(SCI_MODE_ENFORCE);
    refused("fourth argument", EINVAL, ::prctl(PR_SYSCALL_ISOLATION, PR_SCI_ENABLE, &good, 1, 0));
    refused("fifth argument", EINVAL, ::prctl(PR_SYSCALL_ISOLATION, PR_SCI_ENABLE, &good, 0, 1));
    if (before.mode == 0) refused("lock", EINVAL, sci(PR_SCI_LOCK));
    refused("enable, null", EFAULT, sci(PR_SCI_ENABLE, nullptr));
    refused("enable, kernel", EFAULT,
            sci(PR_SCI_ENABLE, reinterpret_cast<void*>(0xffff888000000000)));
    refused("get, null", EFAULT, sci(PR_SCI_GET, nullptr));
    refused("get, text", EFAULT, sci(PR_SCI_GET, reinterpret_cast<void*>(&enable)));
}

void wrong_arguments() {
    wrong_arguments_change_nothing("off");
    sci_config config = all_calls(SCI_MODE_LOG);
    config.syscalls[3] = 0;
    enable(config);
    wrong_arguments_change_nothing("on");
}

// ---- Who may -------------------------------------------------------------------

int as_nobody(const std::function<int()>& body) {
    return ended(child([&body] {
        if (::setgroups(0, nullptr) != 0) return 100;
        if (::setresgid(kNobody, kNobody, kNobody) != 0) return 101;
        if (::setresuid(kNobody, kNobody, kNobody) != 0) return 102;
        return body();
    }));
}

bool fails(const sci_config& config, int error) {
    return sci(PR_SCI_ENABLE, &config) == -1 && errno == error && current_isolation().mode == 0;
}

void let_everybody(bool may) {
    const int file = ::open("/proc/sys/kernel/unprivileged_syscall_isolation", O_WRONLY);
    need(::write(file, may ? "1" : "0", 1) == 1 && ::close(file) == 0, "the sysctl");
}

void needs_a_right() {
    const sci_config config = all_calls(SCI_MODE_ENFORCE);
    let_everybody(false);
    need(as_nobody([&] {
             if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
             return fails(config, EPERM) ? 0 : 2;
         }) == 0,
         "closed");
    let_everybody(true);
    need(as_nobody([&] { return fails(config, EACCES) ? 0 : 1; }) == 0, "without no_new_privs");
    need(as_nobody([&] {
             if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
             if (sci(PR_SCI_ENABLE, &config) != 0) return 2;
             return current_isolation().mode == SCI_MODE_ENFORCE ? 0 : 3;
         }) == 0,
         "with no_new_privs");
    need(as_nobody([&] {
             if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
             return fails(all_calls(SCI_MODE_LEARN, "sci_calls_nobody"), EPERM) ? 0 : 2;
         }) == 0,
         "learn");
    need(as_nobody([&] {
             return sci(PR_SCI_GET, nullptr) == -1 && errno == EFAULT &&
                            current_isolation().mode == 0
                        ? 0
                        : 1;
         }) == 0,
         "get");
    let_everybody(false);
}

// ---- 32-bit calls ----------------------------------------------------------------

long int80(long number) {
    long result;
    asm volatile("int $0x80" : "=a"(result) : "a"(number) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

constexpr long kGetpid32 = 20;

void calls_of_32_bits() {
    need(int80(kGetpid32) == ::getpid(), "not isolated");
    enable(all_calls(SCI_MODE_ENFORCE));
    need(int80(kGetpid32) == -ENOSYS, "isolated");
    need(::getppid() > 0, "it goes on");
    // Also when the call would not be isolated.
    sci_config config = all_calls(SCI_MODE_ENFORCE);
    std::memset(config.syscalls, 0, sizeof(config.syscalls));
    config.syscalls[0] = 1;
    enable(config);
    need(int80(kGetpid32) == -ENOSYS, "with read() isolated only");
    need(sci(PR_SCI_DISABLE) == 0, "disable");
    need(int80(kGetpid32) == ::getpid(), "not isolated again");
}

/// Only some calls are isolated, and the set changes under way.
void some_calls() {
    for (int round = 0; round < 20; ++round) {
        sci_config config = all_calls(SCI_MODE_ENFORCE);
        std::memset(config.syscalls, 0, sizeof(config.syscalls));
        config.syscalls[(SYS_getppid + round) / 64] |= 1ULL << ((SYS_getppid + round) % 64);
        enable(config);
        is_now(config, "the new set");
        need(::syscall(SYS_getppid) > 0 && ::syscall(SYS_gettid) > 0, "calls");
        Pipe pipe;
        char byte = 'x';
        need(::write(pipe.in, &byte, 1) == 1 && ::read(pipe.out, &byte, 1) == 1, "pipe");
    }
}

/// Many come and go, each isolated anew.
void crowd() {
    for (int round = 0; round < 10; ++round) {
        pid_t pids[20];
        for (pid_t& pid : pids)
            pid = child([] {
                enable(all_calls(SCI_MODE_ENFORCE));
                std::thread([] { ::syscall(SYS_gettid); }).join();
                return ended(child([] { return sci(PR_SCI_DISABLE); }));
            });
        for (const pid_t pid : pids) need(ended(pid) == 0, "child");
    }
}

constexpr Step kSteps[] = {
    {"off_at_first", off_at_first},
    {"enable_and_get", enable_and_get},
    {"inherited", inherited},
    {"one_thread_only", one_thread_only},
    {"locked", locked},
    {"wrong_arguments", wrong_arguments},
    {"needs_a_right", needs_a_right},
    {"calls_of_32_bits", calls_of_32_bits},
    {"some_calls", some_calls},
    {"isolated_crowd", crowd},
};

}  // namespace

std::span<const Step> api_steps() {
    return kSteps;
}
