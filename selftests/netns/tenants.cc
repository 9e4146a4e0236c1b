// SPDX-License-Identifier: GPL-2.0-only
//
// Several isolated namespaces, and who may do what with whose.
//
//	tenants pass		a socket of one namespace is used by a process of another
//	tenants threads		threads of one process act for two namespaces in turn
//	tenants across		a message between UNIX sockets of two namespaces
//	tenants orphan		a namespace's processes end; its payload waits in a socket
//	tenants nested		a namespace that a tenant makes is not isolated by itself
//	tenants churn N		N namespaces, made, used and left one after the other
//	tenants exhaust		one fills its quota; says "full"; waits for a line; frees it
//
// Status 0: as it should be; 1 after a line that says what was not.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kBytes = 6000;

[[noreturn]] void fail(const std::string& what) {
    std::cout << what << ": " << std::strerror(errno) << std::endl;
    std::exit(1);
}

void demand(bool right, const std::string& what) {
    if (!right) fail(what);
}

/// Whose namespace it is says the thread that opens the file.
bool write_switch(const char* value) {
    const int fd = open("/proc/sys/net/asi/isolate", O_WRONLY);
    if (fd < 0) return false;
    const bool written = write(fd, value, 1) == 1;
    const int error = errno;
    close(fd);
    errno = error;
    return written;
}

char read_switch() {
    char value = 0;
    const int fd = open("/proc/sys/net/asi/isolate", O_RDONLY);
    demand(fd >= 0 && read(fd, &value, 1) == 1, "reading the switch");
    close(fd);
    return value;
}

void loopback_up() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request = {};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    demand(ioctl(fd, SIOCSIFFLAGS, &request) == 0, "SIOCSIFFLAGS");
    close(fd);
}

void new_namespace() {
    demand(unshare(CLONE_NEWNET) == 0, "unshare");
    loopback_up();
    demand(write_switch("1"), "isolating");
}

struct Pair {
    int from = -1, to = -1;
};

Pair udp_pair() {
    Pair pair = {socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0)};
    sockaddr_in address = {};
    socklen_t length = sizeof(address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    demand(bind(pair.to, any, length) == 0 && getsockname(pair.to, any, &length) == 0 &&
               connect(pair.from, any, length) == 0,
           "sockets of UDP");
    return pair;
}

void close_pair(const Pair& pair) {
    close(pair.from);
    close(pair.to);
}

void send_message(int fd, char what) {
    const std::string bytes(kBytes, what);
    demand(send(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(kBytes), "send");
}

void receive_message(int fd, char what) {
    std::string bytes(kBytes, 0);
    timeval limit = {5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    demand(recv(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(kBytes), "recv");
    errno = 0;
    demand(bytes == std::string(kBytes, what), "what arrived is not what was sent");
}

/// In a process of its own.
template <typename What>
int in_child(What what) {
    const pid_t child = fork();
    demand(child >= 0, "fork");
    if (child == 0) {
        what();
        std::_Exit(0);
    }
    return child;
}

void child_is_well(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    errno = 0;
    demand(status == 0, "the other process failed");
}

void pass_socket(int by, int fd) {
    char byte = 0;
    iovec part = {&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    demand(sendmsg(by, &message, 0) == 1, "passing a socket");
}

int take_socket(int by) {
    char byte = 0;
    iovec part = {&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    demand(recvmsg(by, &message, 0) == 1, "taking a socket");
    int fd = -1;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    demand(header != nullptr, "no socket came");
    std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

void pass() {
    int way[2];
    demand(socketpair(AF_UNIX, SOCK_STREAM, 0, way) == 0, "socketpair");
    const pid_t child = in_child([&] {
        new_namespace();
        const Pair pair = udp_pair();
        send_message(pair.from, 'a');
        pass_socket(way[1], pair.from);
        pass_socket(way[1], pair.to);
        char byte;
        demand(read(way[1], &byte, 1) == 1, "waiting");
        receive_message(pair.to, 'b');
    });
    new_namespace();
    const Pair theirs = {take_socket(way[0]), take_socket(way[0])};
    const Pair own = udp_pair();
    receive_message(theirs.to, 'a');
    send_message(own.from, 'c');
    send_message(theirs.from, 'b');
    demand(write(way[0], "b", 1) == 1, "telling");
    receive_message(own.to, 'c');
    child_is_well(child);
}

void threads() {
    new_namespace();
    const int first = open("/proc/thread-self/ns/net", O_RDONLY);
    const Pair pair = udp_pair();
    std::thread other([&] {
        new_namespace();
        const Pair own = udp_pair();
        for (char what = 'a'; what <= 'z'; ++what) {
            send_message(pair.from, what);
            send_message(own.from, static_cast<char>(what ^ 32));
            receive_message(own.to, static_cast<char>(what ^ 32));
        }
        demand(setns(first, CLONE_NEWNET) == 0, "setns");
        const Pair more = udp_pair();
        send_message(more.from, '1');
        receive_message(more.to, '1');
        receive_message(own.to, '2');
    });
    for (char what = 'a'; what <= 'z'; ++what) receive_message(pair.to, what);
    // The other thread's, by descriptors that the process has in common.
    for (int fd = pair.to + 1; fd < 64; ++fd) {
        sockaddr_in peer;
        socklen_t length = sizeof(peer);
        if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
        send_message(fd, '2');
        break;
    }
    other.join();
}

void across() {
    char folder[] = "/tmp/tenants.XXXXXX";
    demand(mkdtemp(folder) != nullptr, "mkdtemp");
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    new_namespace();
    const int to = socket(AF_UNIX, SOCK_DGRAM, 0);
    demand(bind(to, any, sizeof(address)) == 0, "bind");
    child_is_well(in_child([&] {
        new_namespace();
        const int from = socket(AF_UNIX, SOCK_DGRAM, 0);
        demand(connect(from, any, sizeof(address)) == 0, "connect");
        send_message(from, 'a');
    }));
    receive_message(to, 'a');
    unlink(address.sun_path);
    rmdir(folder);
}

void orphan() {
    int way[2];
    demand(socketpair(AF_UNIX, SOCK_STREAM, 0, way) == 0, "socketpair");
    child_is_well(in_child([&] {
        new_namespace();
        const Pair pair = udp_pair();
        for (char what = 'a'; what <= 'e'; ++what) send_message(pair.from, what);
        pass_socket(way[1], pair.to);
    }));
    const int to = take_socket(way[0]);
    for (char what = 'a'; what <= 'd'; ++what) receive_message(to, what);
    // The last one ends with the socket, and the namespace with it.
    close(to);
}

void nested() {
    new_namespace();
    const Pair outer = udp_pair();
    send_message(outer.from, 'a');
    demand(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0, "unshare in a namespace");
    loopback_up();
    errno = 0;
    demand(read_switch() == '0', "it is isolated without having asked");
    demand(write_switch("2"), "a tenant cannot isolate what he made");
    demand(!write_switch("0") && errno == EPERM, "a locked switch was written");
    demand(read_switch() == '2', "the lock does not show");
    const Pair inner = udp_pair();
    send_message(inner.from, 'b');
    receive_message(outer.to, 'a');
    receive_message(inner.to, 'b');
}

void churn(unsigned long n) {
    unsigned long waited = 0;
    for (unsigned long i = 0; i < n; ++i) {
        demand(unshare(CLONE_NEWNET) == 0, "unshare");
        // Those that ended give their memory back in their own time.
        while (!write_switch("1")) {
            demand(errno == ENOSPC && ++waited < 6000, "isolating");
            usleep(50000);
        }
        loopback_up();
        const Pair pair = udp_pair();
        send_message(pair.from, static_cast<char>('a' + i % 26));
        // Every other one ends with its payload in the queue.
        if (i % 2) receive_message(pair.to, static_cast<char>('a' + i % 26));
        close_pair(pair);
    }
    std::cout << n << " namespaces, " << waited << " waits for memory" << std::endl;
}

bool is_writable(int fd, int milliseconds) {
    pollfd one = {fd, POLLOUT, 0};
    return poll(&one, 1, milliseconds) == 1 && (one.revents & POLLOUT);
}

void exhaust() {
    constexpr std::size_t kMost = 4000, kLarge = 30000;
    rlimit limit = {2 * kMost + 100, 2 * kMost + 100};
    demand(setrlimit(RLIMIT_NOFILE, &limit) == 0, "RLIMIT_NOFILE");
    new_namespace();
    const std::string bytes(kLarge, 'x');
    std::vector<Pair> pairs;
    bool full = false;
    while (!full && pairs.size() < kMost) {
        int ends[2];
        demand(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "socketpair");
        pairs.push_back({ends[0], ends[1]});
        unsigned sent = 0;
        while (send(ends[0], bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) ++sent;
        // A socket that takes none is not full itself.
        full = sent == 0;
    }
    errno = 0;
    demand(full, "the quota was not reached");
    demand(!is_writable(pairs.back().from, 0), "an empty socket without memory is writable");
    std::cout << "full" << std::endl;
    std::string line;
    std::getline(std::cin, line);
    std::vector<char> buffer(kLarge);
    std::thread reader([&] {
        usleep(300000);
        for (std::size_t i = 0; i + 1 < pairs.size(); ++i)
            while (recv(pairs[i].to, buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
            }
    });
    const bool woken = is_writable(pairs.back().from, 5000);
    reader.join();
    errno = 0;
    demand(woken, "who waited for memory was not woken");
    demand(send(pairs.back().from, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0, "send");
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "pass")
        pass();
    else if (what == "threads")
        threads();
    else if (what == "across")
        across();
    else if (what == "orphan")
        orphan();
    else if (what == "nested")
        nested();
    else if (what == "churn" && argc == 3)
        churn(std::strtoul(argv[2], nullptr, 0));
    else if (what == "exhaust")
        exhaust();
    else {
        std::cerr << "usage: tenants pass|threads|across|orphan|nested|churn N|exhaust\n";
        return 2;
    }
    return 0;
}
