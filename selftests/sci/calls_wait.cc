// SPDX-License-Identifier: GPL-2.0-only
//
// Steps: what sleeps and is woken: pipes, sockets, events, timers, rings.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "step.h"

namespace {

void sleep() {
    const double begin = seconds_now();
    const timespec some{0, 30000000};
    say("nanosleep %s", outcome(::nanosleep(&some, nullptr)).c_str());
    timespec until{};
    need(::clock_gettime(CLOCK_MONOTONIC, &until) == 0, "clock_gettime");
    until.tv_nsec += 30000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        ++until.tv_sec;
    }
    say("until %d", ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr));
    need(seconds_now() - begin >= 0.059, "time");
    say("poll %s", outcome(::poll(nullptr, 0, 20)).c_str());
    timeval limit{0, 20000};
    say("select %s", outcome(::select(0, nullptr, nullptr, nullptr, &limit)).c_str());
}

unsigned long sum(const std::vector<char>& bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0UL, [](unsigned long so_far, char byte) {
        return so_far * 31 + static_cast<unsigned char>(byte);
    });
}

std::vector<char> pattern(std::size_t size) {
    std::vector<char> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 11 + i / 1000);
    return bytes;
}

bool write_all(int fd, const std::vector<char>& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t put = ::write(fd, bytes.data() + at, bytes.size() - at);
        if (put <= 0) return false;
        at += static_cast<std::size_t>(put);
    }
    return true;
}

std::vector<char> read_all(int fd, std::size_t size) {
    std::vector<char> bytes(size);
    std::size_t at = 0;
    while (at < size) {
        const ssize_t got = ::read(fd, bytes.data() + at, size - at);
        if (got <= 0) break;
        at += static_cast<std::size_t>(got);
    }
    bytes.resize(at);
    return bytes;
}

void pipes() {
    constexpr std::size_t kSize = 1 << 20;
    Pipe pipe;
    const std::vector<char> bytes = pattern(kSize);
    const pid_t writer = child([&] { return write_all(pipe.in, bytes) ? 0 : 1; });
    need(sum(read_all(pipe.out, kSize)) == sum(bytes), "content");
    say("writer %d", ended(writer));
    pipe.in.close();
    char byte;
    say("end %s", outcome(::read(pipe.out, &byte, 1)).c_str());
    Pipe there;
    Pipe back;
    const pid_t echo = child([&] {
        there.in.close();
        char c;
        while (::read(there.out, &c, 1) == 1)
            if (::write(back.in, &c, 1) != 1) return 1;
        return 0;
    });
    for (int i = 0; i < 1000; ++i)
        need(::write(there.in, "x", 1) == 1 && ::read(back.out, &byte, 1) == 1, "echo");
    there.in.close();
    say("echo %d", ended(echo));
}

/// Many sleep in one queue, each woken by somebody else.
void crowd() {
    Pipe pipe;
    std::vector<pid_t> readers;
    for (int i = 0; i < 16; ++i)
        readers.push_back(child([&pipe] {
            char byte;
            return ::read(pipe.out, &byte, 1) == 1 ? 0 : 1;
        }));
    for (int i = 0; i < 16; ++i) {
        pause_ms(5);
        need(::write(pipe.in, "x", 1) == 1, "write");
    }
    int wrong = 0;
    for (const pid_t pid : readers) wrong += ended(pid);
    say("wrong %d", wrong);
}

void unix_sockets() {
    int pair[2];
    need(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    Fd mine(pair[0]);
    Fd other(pair[1]);
    const std::vector<char> bytes = pattern(300000);
    const pid_t pid = child([&] {
        const std::vector<char> got = read_all(other, bytes.size());
        return write_all(other, got) ? 0 : 1;
    });
    need(write_all(mine, bytes), "write");
    need(sum(read_all(mine, bytes.size())) == sum(bytes), "content");
    say("echo %d", ended(pid));

    // An open file goes to the other side.
    Pipe pipe;
    char control[CMSG_SPACE(sizeof(int))] = {};
    char byte = 'f';
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int sent = pipe.in;
    std::memcpy(CMSG_DATA(header), &sent, sizeof(sent));
    say("sendmsg %s", outcome(::sendmsg(mine, &message, 0)).c_str());
    std::memset(control, 0, sizeof(control));
    message.msg_controllen = sizeof(control);
    say("recvmsg %s", outcome(::recvmsg(other, &message, 0)).c_str());
    int received = -1;
    std::memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(received));
    const Fd passed(received);
    say("through it %s", outcome(::write(passed, "x", 1)).c_str());

    const Fd server(::socket(AF_UNIX, SOCK_DGRAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "sci-calls-" + std::to_string(::getpid());
    name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
    const auto* const at = reinterpret_cast<const sockaddr*>(&address);
    say("bind %s", outcome(::bind(server, at, sizeof(address))).c_str());
    const Fd client(::socket(AF_UNIX, SOCK_DGRAM, 0));
    say("sendto %s", outcome(::sendto(client, "hello", 5, 0, at, sizeof(address))).c_str());
    char text[16];
    say("recv %s", outcome(::recv(server, text, sizeof(text), 0)).c_str());
    say("twice %s", outcome(::bind(client, at, sizeof(address))).c_str());
}

sockaddr_in loopback() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    return address;
}

void tcp() {
    sockaddr_in address = loopback();
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    const Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
    need(::bind(listener, at, size) == 0 && ::listen(listener, 5) == 0, "listen");
    need(::getsockname(listener, at, &size) == 0, "getsockname");
    const std::vector<char> bytes = pattern(500000);
    const pid_t server = child([&] {
        for (int i = 0; i < 3; ++i) {
            const Fd peer(::accept(listener, nullptr, nullptr));
            const std::vector<char> got = read_all(peer, bytes.size());
            if (!write_all(peer, got)) return 1;
        }
        return 0;
    });
    for (int i = 0; i < 3; ++i) {
        const Fd client(::socket(AF_INET, SOCK_STREAM, 0));
        say("connect %s", outcome(::connect(client, at, size)).c_str());
        std::thread writer([&] { need(write_all(client, bytes), "write"); });
        need(sum(read_all(client, bytes.size())) == sum(bytes), "content");
        writer.join();
    }
    say("server %d", ended(server));
    const int port = address.sin_port;
    address.sin_port = ::htons(1);
    const Fd refused(::socket(AF_INET, SOCK_STREAM, 0));
    say("nobody there %s %d", outcome(::connect(refused, at, size)).c_str(), port != 0);
}

void udp() {
    sockaddr_in address = loopback();
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    const Fd server(::socket(AF_INET, SOCK_DGRAM, 0));
    need(::bind(server, at, size) == 0 && ::getsockname(server, at, &size) == 0, "bind");
    const Fd client(::socket(AF_INET, SOCK_DGRAM, 0));
    const std::vector<char> bytes = pattern(9000);
    for (int i = 0; i < 50; ++i) {
        need(::sendto(client, bytes.data(), bytes.size(), 0, at, size) == 9000, "sendto");
        std::vector<char> got(10000);
        need(::recv(server, got.data(), got.size(), 0) == 9000, "recv");
    }
    const timeval limit{0, 20000};
    need(::setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0, "timeout");
    char byte;
    say("nothing more %s", outcome(::recv(server, &byte, 1, 0)).c_str());
}

/// A filter is code that the kernel makes at run time.
void socket_filter() {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'd', 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 100),
    };
    const sock_fprog program{std::size(code), code};
    int pair[2];
    need(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
    const Fd mine(pair[0]);
    const Fd other(pair[1]);
    say("attach %s",
        outcome(::setsockopt(other, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
            .c_str());
    ::send(mine, "dropped", 7, 0);
    ::send(mine, "kept", 4, 0);
    char text[16];
    say("first %s", outcome(::recv(other, text, sizeof(text), 0)).c_str());
    say("second %s", outcome(::recv(other, text, sizeof(text), 0)).c_str());
}

void events() {
    const Fd queue(::epoll_create1(0));
    Fd counter(::eventfd(0, 0));
    const Fd timer(::timerfd_create(CLOCK_MONOTONIC, 0));
    Pipe pipe;
    const auto add = [&queue](int fd, unsigned number) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = number;
        need(::epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    };
    const auto next = [&queue](int limit) {
        epoll_event event{};
        const int got = ::epoll_wait(queue, &event, 1, limit);
        return got == 1 ? static_cast<int>(event.data.u32) : -got - 1;
    };
    add(counter, 1);
    add(timer, 2);
    add(pipe.out, 3);
    say("nothing %d", next(20));
    const pid_t pid = child([&] {
        pause_ms(30);
        const std::uint64_t two = 2;
        return ::write(counter, &two, sizeof(two)) == sizeof(two) ? 0 : 1;
    });
    say("event %d", next(10000));
    std::uint64_t value = 0;
    need(::read(counter, &value, sizeof(value)) == sizeof(value), "read");
    say("value %lu", static_cast<unsigned long>(value));
    say("child %d", ended(pid));
    const itimerspec soon{{0, 0}, {0, 20000000}};
    need(::timerfd_settime(timer, 0, &soon, nullptr) == 0, "timerfd_settime");
    say("event %d", next(10000));
    need(::read(timer, &value, sizeof(value)) == sizeof(value), "read");
    say("value %lu", static_cast<unsigned long>(value));
    std::thread writer([&pipe] {
        pause_ms(30);
        need(::write(pipe.in, "x", 1) == 1, "write");
    });
    say("event %d", next(10000));
    writer.join();
    pollfd polled[] = {{pipe.out, POLLIN, 0}, {counter, POLLIN, 0}};
    need(::poll(polled, 2, 1000) == 1, "poll");
    say("poll %d %d", polled[0].revents, polled[1].revents);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe.out, &set);
    timeval limit{1, 0};
    say("select %s", outcome(::select(pipe.out + 1, &set, nullptr, nullptr, &limit)).c_str());
    say("remove %s", outcome(::epoll_ctl(queue, EPOLL_CTL_DEL, counter, nullptr)).c_str());
}

void timers() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGRTMIN);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    timer_t timer;
    need(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
    const itimerspec often{{0, 5000000}, {0, 5000000}};
    need(::timer_settime(timer, 0, &often, nullptr) == 0, "timer_settime");
    for (int i = 0; i < 10; ++i) need(::sigwaitinfo(&set, nullptr) == SIGRTMIN, "signal");
    say("delete %s", outcome(::timer_delete(timer)).c_str());
    timespec now{};
    say("clock %s", outcome(::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now)).c_str());
    say("cpu clock %s", outcome(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)).c_str());
}

void message_queue() {
    struct Message {
        long type;
        char text[64];
    };
    const int id = ::msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    need(id >= 0, "msgget");
    const pid_t pid = child([id] {
        Message message{};
        return ::msgrcv(id, &message, sizeof(message.text), 2, 0) == 5 ? 0 : 1;
    });
    pause_ms(30);
    Message message{1, "first"};
    say("send %s", outcome(::msgsnd(id, &message, 5, 0)).c_str());
    message.type = 2;
    say("send %s", outcome(::msgsnd(id, &message, 5, 0)).c_str());
    say("receiver %d", ended(pid));
    say("remove %s", outcome(::msgctl(id, IPC_RMID, nullptr)).c_str());
}

void pid_fd() {
    const pid_t pid = child([] {
        ::pause();
        return 0;
    });
    const Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    need(fd >= 0, "pidfd_open");
    pollfd polled{fd, POLLIN, 0};
    say("alive %s", outcome(::poll(&polled, 1, 20)).c_str());
    say("send %s",
        outcome(::syscall(SYS_pidfd_send_signal, static_cast<int>(fd), SIGTERM, nullptr, 0))
            .c_str());
    say("ended %s", outcome(::poll(&polled, 1, 10000)).c_str());
    say("by %d", ended(pid));
}

// ---- io_uring ----------------------------------------------------------------

class Ring {
  public:
    explicit Ring(unsigned flags) {
        io_uring_params parameters{};
        parameters.flags = flags;
        // cppcheck-suppress useInitializationList
        fd_ = Fd(static_cast<int>(::syscall(SYS_io_uring_setup, 8, &parameters)));
        if (fd_ < 0) return;
        need((parameters.features & IORING_FEAT_SINGLE_MMAP) != 0, "one mapping");
        const std::size_t size = std::max<std::size_t>(
            parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned),
            parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe));
        ring_ = map(size, IORING_OFF_SQ_RING);
        entries_ = reinterpret_cast<io_uring_sqe*>(
            map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
        parameters_ = parameters;
    }
    bool is_there() const { return fd_ >= 0; }

    /// One operation from its submission to its result.
    int run(const io_uring_sqe& entry) {
        auto* const tail = word(parameters_.sq_off.tail);
        const unsigned slot = tail->load() & (parameters_.sq_entries - 1);
        entries_[slot] = entry;
        reinterpret_cast<unsigned*>(ring_ + parameters_.sq_off.array)[slot] = slot;
        tail->fetch_add(1);
        const bool polls = (parameters_.flags & IORING_SETUP_SQPOLL) != 0;
        unsigned flags = IORING_ENTER_GETEVENTS;
        if (polls) flags |= IORING_ENTER_SQ_WAKEUP;
        need(::syscall(SYS_io_uring_enter, static_cast<int>(fd_), 1, 1, flags, nullptr, 0) == 1,
             "io_uring_enter");
        auto* const head = word(parameters_.cq_off.head);
        need(word(parameters_.cq_off.tail)->load() == head->load() + 1, "completion");
        const auto* const done =
            reinterpret_cast<const io_uring_cqe*>(ring_ + parameters_.cq_off.cqes);
        const int result = done[head->load() & (parameters_.cq_entries - 1)].res;
        head->fetch_add(1);
        return result;
    }

  private:
    char* map(std::size_t size, off_t offset) {
        void* at =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, offset);
        need(at != MAP_FAILED, "mmap");
        return static_cast<char*>(at);
    }
    std::atomic<unsigned>* word(unsigned offset) const {
        return reinterpret_cast<std::atomic<unsigned>*>(ring_ + offset);
    }

    Fd fd_;
    char* ring_ = nullptr;
    io_uring_sqe* entries_ = nullptr;
    io_uring_params parameters_{};
};

void use_ring(unsigned setup) {
    Ring ring(setup);
    if (!ring.is_there()) {
        say("no ring %s", outcome(-1).c_str());
        return;
    }
    io_uring_sqe nop{};
    nop.opcode = IORING_OP_NOP;
    for (int i = 0; i < 100; ++i) need(ring.run(nop) == 0, "nop");
    char bytes[100] = "";
    const Fd zero(::open("/dev/zero", O_RDONLY));
    Pipe pipe;
    io_uring_sqe transfer{};
    transfer.opcode = IORING_OP_READ;
    transfer.fd = zero;
    transfer.addr = reinterpret_cast<std::uintptr_t>(bytes);
    transfer.len = sizeof(bytes);
    say("read %d", ring.run(transfer));
    transfer.flags = IOSQE_ASYNC;
    say("read by a worker %d", ring.run(transfer));
    transfer.opcode = IORING_OP_WRITE;
    transfer.fd = pipe.in;
    say("write by a worker %d", ring.run(transfer));
    timespec soon{0, 20000000};
    io_uring_sqe timeout{};
    timeout.opcode = IORING_OP_TIMEOUT;
    timeout.addr = reinterpret_cast<std::uintptr_t>(&soon);
    timeout.len = 1;
    say("timeout %d", ring.run(timeout));
    transfer.opcode = IORING_OP_READ;
    transfer.flags = 0;
    transfer.addr = 8;
    transfer.fd = zero;
    say("bad address %d", ring.run(transfer));
}

void ring() {
    use_ring(0);
}
/// A thread of the kernel takes the submissions.
void polled_ring() {
    use_ring(IORING_SETUP_SQPOLL);
}

constexpr Step kSteps[] = {
    {"sleep", sleep},
    {"pipes", pipes},
    {"crowd", crowd},
    {"unix_sockets", unix_sockets},
    {"tcp", tcp},
    {"udp", udp},
    {"socket_filter", socket_filter},
    {"events", events},
    {"timers", timers},
    {"message_queue", message_queue},
    {"pid_fd", pid_fd},
    {"ring", ring},
    {"polled_ring", polled_ring},
};

}  // namespace

std::span<const Step> wait_steps() {
    return kSteps;
}
