// SPDX-License-Identifier: GPL-2.0-only
//
// Watch the whole system while a command runs: with BPF programs of several types, or
// with samples of what runs, with call chains.
//
// usage: tracing bpf|perf COUNTS COMMAND...
//
// COUNTS becomes a file of lines "NAME N": how often each program ran, and how many
// samples there were.  The exit status is the command's.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr unsigned max_programs = 64;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::string first_word(const std::string& path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

// ---- Events ---------------------------------------------------------------

int open_event(perf_event_attr attr, int cpu) {
    attr.size = sizeof(attr);
    return static_cast<int>(
        ::syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

perf_event_attr tracepoint(const std::string& name) {
    perf_event_attr attr{};
    attr.type = PERF_TYPE_TRACEPOINT;
    std::string id = first_word("/sys/kernel/tracing/events/" + name + "/id");
    if (id.empty()) fail(name);
    attr.config = std::stoull(id);
    attr.sample_period = 1;
    return attr;
}

perf_event_attr probe(const char* function, bool is_return) {
    perf_event_attr attr{};
    attr.type =
        static_cast<__u32>(std::stoul(first_word("/sys/bus/event_source/devices/kprobe/type")));
    attr.config = is_return ? 1 : 0;
    attr.config1 = reinterpret_cast<std::uintptr_t>(function);
    return attr;
}

perf_event_attr clock_event() {
    perf_event_attr attr{};
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_CPU_CLOCK;
    attr.sample_period = 1000000;
    return attr;
}

unsigned processors() {
    return static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
}

// ---- BPF ------------------------------------------------------------------

long bpf(bpf_cmd command, bpf_attr& attr) {
    return ::syscall(SYS_bpf, command, &attr, sizeof(attr));
}

class Counters {
  public:
    Counters() {
        bpf_attr attr{};
        attr.map_type = BPF_MAP_TYPE_ARRAY;
        attr.key_size = 4;
        attr.value_size = 8;
        attr.max_entries = max_programs;
        map_ = static_cast<int>(bpf(BPF_MAP_CREATE, attr));
        if (map_ < 0) fail("map");
    }
    int map() const { return map_; }
    std::uint64_t at(std::uint32_t key) const {
        std::uint64_t value = 0;
        bpf_attr attr{};
        attr.map_fd = static_cast<__u32>(map_);
        attr.key = reinterpret_cast<std::uintptr_t>(&key);
        attr.value = reinterpret_cast<std::uintptr_t>(&value);
        if (bpf(BPF_MAP_LOOKUP_ELEM, attr) != 0) fail("lookup");
        return value;
    }

  private:
    int map_;
};

constexpr bpf_insn instruction(unsigned code, unsigned to, unsigned from, int offset, int value) {
    return {static_cast<__u8>(code), static_cast<__u8>(to & 15), static_cast<__u8>(from & 15),
            static_cast<__s16>(offset), value};
}

/// A program that adds one to its counter and returns @result.
int load(bpf_prog_type type, bpf_attach_type expected, int map, int counter, int result) {
    const bpf_insn program[] = {
        instruction(BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, -4, counter),
        instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
        instruction(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
        instruction(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
        instruction(0, 0, 0, 0, 0),
        instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
        instruction(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
        instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
        instruction(BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
        instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, result),
        instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    static char log[1 << 16];
    bpf_attr attr{};
    attr.prog_type = type;
    attr.expected_attach_type = expected;
    attr.insns = reinterpret_cast<std::uintptr_t>(program);
    attr.insn_cnt = sizeof(program) / sizeof(program[0]);
    attr.license = reinterpret_cast<std::uintptr_t>("GPL");
    attr.log_level = 1;
    attr.log_buf = reinterpret_cast<std::uintptr_t>(log);
    attr.log_size = sizeof(log);
    int fd = static_cast<int>(bpf(BPF_PROG_LOAD, attr));
    if (fd < 0) fail(std::string("program: ") + log);
    return fd;
}

class Programs {
  public:
    void on_event(const std::string& name, bpf_prog_type type, const perf_event_attr& event,
                  unsigned cpus = 1) {
        int program = load(type, BPF_CGROUP_INET_INGRESS, counters_.map(), next(name), 0);
        for (unsigned cpu = 0; cpu < cpus; cpu++) {
            int fd = open_event(event, static_cast<int>(cpu));
            if (fd < 0 || ::ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) != 0 ||
                ::ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) != 0)
                fail(name);
        }
    }
    void on_raw_tracepoint(const char* name) {
        bpf_attr attr{};
        attr.raw_tracepoint.name = reinterpret_cast<std::uintptr_t>(name);
        attr.raw_tracepoint.prog_fd =
            static_cast<__u32>(load(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_CGROUP_INET_INGRESS,
                                    counters_.map(), next(std::string("raw:") + name), 0));
        if (bpf(BPF_RAW_TRACEPOINT_OPEN, attr) < 0) fail(name);
    }
    void on_group(const std::string& name, int group, bpf_prog_type type, bpf_attach_type where) {
        bpf_attr attr{};
        attr.target_fd = static_cast<__u32>(group);
        attr.attach_bpf_fd = static_cast<__u32>(load(type, where, counters_.map(), next(name), 1));
        attr.attach_type = where;
        if (bpf(BPF_PROG_ATTACH, attr) != 0) fail(name);
        attached_.push_back(attr);
    }
    void detach() {
        for (bpf_attr& attr : attached_) bpf(BPF_PROG_DETACH, attr);
    }
    void print(std::FILE* out) const {
        for (std::uint32_t i = 0; i < names_.size(); i++)
            std::fprintf(out, "%s %llu\n", names_[i].c_str(),
                         static_cast<unsigned long long>(counters_.at(i)));
    }

  private:
    int next(const std::string& name) {
        names_.push_back(name);
        if (names_.size() > max_programs) throw std::runtime_error("too many programs");
        return static_cast<int>(names_.size()) - 1;
    }
    Counters counters_;
    std::vector<std::string> names_;
    std::vector<bpf_attr> attached_;
};

/// The top of the control groups, mounted where only we see it.
int open_groups() {
    std::string where = "/tmp/tracing-XXXXXX";
    if (!::mkdtemp(where.data())) fail("mkdtemp");
    if (::mount("none", where.c_str(), "cgroup2", 0, nullptr) != 0) fail("cgroup2");
    int fd = ::open(where.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) fail(where);
    ::umount2(where.c_str(), MNT_DETACH);
    ::rmdir(where.c_str());
    return fd;
}

void attach(Programs& programs) {
    for (const char* function : {"vfs_read", "vfs_write", "do_sys_openat2", "tcp_sendmsg"}) {
        programs.on_event(std::string("kprobe:") + function, BPF_PROG_TYPE_KPROBE,
                          probe(function, false));
        programs.on_event(std::string("kretprobe:") + function, BPF_PROG_TYPE_KPROBE,
                          probe(function, true));
    }
    for (const char* name : {"syscalls/sys_enter_read", "syscalls/sys_exit_write",
                             "sched/sched_switch", "kmem/kmem_cache_alloc"})
        programs.on_event(name, BPF_PROG_TYPE_TRACEPOINT, tracepoint(name));
    for (const char* name : {"sys_enter", "sched_wakeup", "kfree"})
        programs.on_raw_tracepoint(name);
    programs.on_event("perf_event", BPF_PROG_TYPE_PERF_EVENT, clock_event(), processors());
    int group = open_groups();
    programs.on_group("cgroup:egress", group, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
    programs.on_group("cgroup:ingress", group, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS);
    programs.on_group("cgroup:socket", group, BPF_PROG_TYPE_CGROUP_SOCK,
                      BPF_CGROUP_INET_SOCK_CREATE);
    programs.on_group("cgroup:connect", group, BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
                      BPF_CGROUP_INET4_CONNECT);
}

// ---- Samples --------------------------------------------------------------

constexpr std::size_t ring_pages = 64;

/// One event on one processor; what is in its ring is counted and thrown away.
class Samples {
  public:
    Samples(perf_event_attr attr, unsigned cpu) {
        attr.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN;
        attr.wakeup_events = 1000;
        fd_ = open_event(attr, static_cast<int>(cpu));
        if (fd_ < 0) fail("event");
        std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        size_ = ring_pages * page;
        void* memory = ::mmap(nullptr, size_ + page, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
        if (memory == MAP_FAILED) fail("ring");
        ring_ = static_cast<perf_event_mmap_page*>(memory);
        data_ = static_cast<const char*>(memory) + page;
    }
    unsigned long take() {
        std::uint64_t head = __atomic_load_n(&ring_->data_head, __ATOMIC_ACQUIRE);
        std::uint64_t tail = ring_->data_tail;
        while (tail < head) {
            perf_event_header header;
            std::memcpy(&header, data_ + tail % size_, sizeof(header));
            if (header.size == 0) break;
            taken_ += header.type == PERF_RECORD_SAMPLE;
            tail += header.size;
        }
        __atomic_store_n(&ring_->data_tail, tail, __ATOMIC_RELEASE);
        return taken_;
    }

  private:
    int fd_;
    std::size_t size_;
    perf_event_mmap_page* ring_;
    const char* data_;
    unsigned long taken_ = 0;
};

// ---- The command ----------------------------------------------------------

int status_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t start(char** command) {
    pid_t pid = ::fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
        ::execvp(command[0], command);
        std::perror(command[0]);
        ::_exit(127);
    }
    return pid;
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) fail("wait");
    }
    return status_of(status);
}

int with_bpf(std::FILE* counts, char** command) {
    Programs programs;
    attach(programs);
    int status = wait_for(start(command));
    programs.detach();
    programs.print(counts);
    return status;
}

int with_samples(std::FILE* counts, char** command) {
    const std::pair<const char*, perf_event_attr> events[] = {
        {"clock", clock_event()},
        {"sched/sched_switch", tracepoint("sched/sched_switch")},
        {"kmem/kmalloc", tracepoint("kmem/kmalloc")},
        {"syscalls/sys_enter_openat", tracepoint("syscalls/sys_enter_openat")},
    };
    std::vector<std::vector<Samples>> samples;
    for (const auto& [name, attr] : events) {
        samples.emplace_back();
        for (unsigned cpu = 0; cpu < processors(); cpu++) samples.back().emplace_back(attr, cpu);
    }
    pid_t pid = start(command);
    int status = 0;
    for (;;) {
        pid_t done = ::waitpid(pid, &status, WNOHANG);
        for (auto& event : samples)
            for (auto& on_cpu : event) on_cpu.take();
        if (done == pid) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    for (std::size_t i = 0; i < samples.size(); i++) {
        unsigned long n = 0;
        for (auto& on_cpu : samples[i]) n += on_cpu.take();
        std::fprintf(counts, "%s %lu\n", events[i].first, n);
    }
    return status_of(status);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 4) throw std::runtime_error("usage: tracing bpf|perf COUNTS COMMAND...");
    std::FILE* counts = std::fopen(argv[2], "we");
    if (!counts) fail(argv[2]);
    std::string how = argv[1];
    int status = how == "bpf" ? with_bpf(counts, argv + 3) : with_samples(counts, argv + 3);
    std::fclose(counts);
    return status;
} catch (const std::exception& error) {
    std::fprintf(stderr, "tracing: %s\n", error.what());
    return 125;
}
