// SPDX-License-Identifier: GPL-2.0-only
//
// Traffic inside one network namespace, made for the occasion.
//
//	traffic hold tcp|unix|udp COMPLEMENT SWITCH
//		Send 8000 bytes of a word, whose complement that is, to the other end; wipe
//		them here; say "held"; obey lines of standard input; receive them again.
//	traffic stream tcp|unix BYTES SWITCH
//		Send that many bytes in sizes that differ, and compare what arrives.
//
// SWITCH is written to net.asi.isolate before the sockets are made; "-": nothing is.
// Lines of input go to debugfs asi_test/payload, after FD was replaced by the number of
// the receiving socket; "end" ends the wait.  Status 0: all bytes arrived.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kHeldBytes = 8000;

[[noreturn]] void die(const std::string& what) {
    std::perror(what.c_str());
    std::exit(2);
}

void write_file(const std::string& path, const std::string& text) {
    const int fd = open(path.c_str(), O_WRONLY);
    if (fd < 0) die(path);
    if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        die("write " + path);
    close(fd);
}

void loopback_up() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request = {};
    std::strcpy(request.ifr_name, "lo");
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) die("SIOCGIFFLAGS");
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) die("SIOCSIFFLAGS");
    close(fd);
}

void enter_namespace(const std::string& isolate) {
    if (unshare(CLONE_NEWNET) != 0) die("unshare");
    loopback_up();
    if (isolate != "-") write_file("/proc/sys/net/asi/isolate", isolate);
}

struct Pair {
    int from, to;
};

Pair inet_pair(int type) {
    const int first = socket(AF_INET, type, 0);
    sockaddr_in address = {};
    socklen_t length = sizeof(address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (bind(first, any, length) != 0) die("bind");
    if (type == SOCK_STREAM && listen(first, 1) != 0) die("listen");
    if (getsockname(first, any, &length) != 0) die("getsockname");
    const int from = socket(AF_INET, type, 0);
    if (connect(from, any, length) != 0) die("connect");
    if (type == SOCK_DGRAM) return {from, first};
    const int to = accept(first, nullptr, nullptr);
    if (to < 0) die("accept");
    close(first);
    return {from, to};
}

Pair make_pair(const std::string& kind) {
    if (kind == "tcp") return inet_pair(SOCK_STREAM);
    if (kind == "udp") return inet_pair(SOCK_DGRAM);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) die("socketpair");
    return {ends[0], ends[1]};
}

/// Obeys lines until "end".
void obey(int receiver) {
    std::string line;
    while (std::getline(std::cin, line) && line != "end") {
        if (const auto at = line.find("FD"); at != std::string::npos)
            line.replace(at, 2, std::to_string(receiver));
        write_file("/sys/kernel/debug/asi_test/payload", line);
        std::cout << "done" << std::endl;
    }
}

int hold(const std::string& kind, std::uint64_t complement) {
    const Pair pair = make_pair(kind);
    std::vector<std::uint64_t> words(kHeldBytes / 8, ~complement);
    auto* bytes = reinterpret_cast<char*>(words.data());
    for (std::size_t sent = 0; sent < kHeldBytes;) {
        const ssize_t n = write(pair.from, bytes + sent, kHeldBytes - sent);
        if (n < 0) die("write");
        sent += n;
    }
    explicit_bzero(bytes, kHeldBytes);
    usleep(200000);
    std::cout << "held" << std::endl;
    obey(pair.to);
    for (std::size_t got = 0; got < kHeldBytes;) {
        const ssize_t n = read(pair.to, bytes + got, kHeldBytes - got);
        if (n <= 0) die("read");
        got += n;
    }
    for (const std::uint64_t word : words)
        if (word != ~complement) return 1;
    return 0;
}

/// What byte stands at a place of the stream.
unsigned char byte_at(std::uint64_t at) {
    return static_cast<unsigned char>((at * 0x9e3779b97f4a7c15ULL) >> 56);
}

void send_stream(int fd, std::uint64_t total) {
    std::vector<char> buffer(1 << 17);
    for (std::uint64_t at = 0; at < total;) {
        // From one byte to the whole buffer, by no pattern that fits pages.
        std::size_t size = 1 + (at * 2654435761U >> 7) % buffer.size();
        if (size > total - at) size = total - at;
        for (std::size_t i = 0; i < size; ++i) buffer[i] = static_cast<char>(byte_at(at + i));
        for (std::size_t sent = 0; sent < size;) {
            const ssize_t n = write(fd, buffer.data() + sent, size - sent);
            if (n < 0) die("write");
            sent += n;
        }
        at += size;
    }
    shutdown(fd, SHUT_WR);
}

int stream(const std::string& kind, std::uint64_t total) {
    const Pair pair = make_pair(kind);
    std::thread sender(send_stream, pair.from, total);
    std::vector<char> buffer(1 << 16);
    std::uint64_t at = 0, wrong = 0;
    for (ssize_t n; (n = read(pair.to, buffer.data(), buffer.size())) > 0;)
        for (ssize_t i = 0; i < n; ++i, ++at)
            wrong += static_cast<unsigned char>(buffer[i]) != byte_at(at);
    sender.join();
    std::cout << "bytes " << at << " wrong " << wrong << std::endl;
    return at == total && wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "usage: traffic hold KIND COMPLEMENT SWITCH | stream KIND BYTES SWITCH\n";
        return 2;
    }
    enter_namespace(argv[4]);
    if (!std::strcmp(argv[1], "hold")) return hold(argv[2], std::strtoull(argv[3], nullptr, 16));
    return stream(argv[2], std::strtoull(argv[3], nullptr, 0));
}
