// SPDX-License-Identifier: GPL-2.0-only
//
// Traffic inside one network namespace, made for the occasion.
//
//	traffic hold KIND COMPLEMENT SWITCH
//		Send 8000 bytes of a word, whose complement that is, to the other end; wipe
//		them here; say "held"; obey lines of standard input; receive them again.
//	traffic stream KIND BYTES SWITCH
//		Send that many bytes in sizes that differ, and compare what arrives.  With
//		SWITCH 1: at least 95 % of what the namespace sent has to be private.
//
// KIND: tcp; unix; dgram, of UNIX sockets; udp; udpfrag, in fragments of 1500 bytes; udpcork,
// in several calls each; raw; rawicmp; rawhdr, whose sender writes the header of IP; packet.
//
// SWITCH is written to net.asi.isolate before the sockets are made; "-": nothing is.
// Lines of input go to debugfs asi_test/payload, after FD was replaced by the number of
// the receiving socket and AT by where in its buffers the eighth byte sent or a later one is,
// with which a word begins; "end" ends the wait.  Status 0: all bytes arrived.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
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

void mtu(int bytes) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request = {};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_mtu = bytes;
    if (ioctl(fd, SIOCSIFMTU, &request) != 0) die("SIOCSIFMTU");
    close(fd);
}

/// What is sent goes from one socket to the other.
struct Pair {
    int from, to;
    std::size_t before_sent = 0;      ///< bytes that a sender writes before each message
    std::size_t before_received = 0;  ///< bytes that a receiver finds there
    std::size_t at = 0;               ///< where in a waiting buffer a private word begins
    std::size_t largest = 0;          ///< message; 0: a stream
};

constexpr int kProtocol = 253;      // for experiments, RFC 3692
constexpr int kEtherType = 0x88b5;  // the same of IEEE 802
constexpr int kIcmpType = 253;      // the same of RFC 4727
constexpr std::size_t kIcmpHeader = 8;
constexpr std::size_t kLargest = 30000;

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
    if (type == SOCK_DGRAM) return {from, first, 0, 0, 8, kLargest};
    const int to = accept(first, nullptr, nullptr);
    if (to < 0) die("accept");
    close(first);
    return {from, to};
}

/// A receiver finds the header of IP; @p header: the sender writes so many bytes of headers.
Pair raw_pair(int protocol, std::size_t header) {
    const int to = socket(AF_INET, SOCK_RAW, protocol);
    const bool own = header >= sizeof(ip);
    const int from = socket(AF_INET, SOCK_RAW, own ? IPPROTO_RAW : protocol);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (to < 0 || from < 0) die("socket");
    if (connect(from, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) die("connect");
    // With its own header of IP the next eight bytes may be one of ICMP.
    const std::size_t before = sizeof(ip) + (own ? 0 : header);
    return {from, to, header, before, before + (own ? 8 : 0), kLargest};
}

Pair packet_pair() {
    const int to = socket(AF_PACKET, SOCK_DGRAM, htons(kEtherType));
    const int from = socket(AF_PACKET, SOCK_DGRAM, 0);
    sockaddr_ll address = {};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kEtherType);
    address.sll_ifindex = static_cast<int>(if_nametoindex("lo"));
    address.sll_halen = ETH_ALEN;
    if (to < 0 || from < 0) die("socket");
    if (bind(to, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) die("bind");
    // Receives nothing, and sends there: a socket without a type hears nobody.
    if (bind(from, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) die("bind");
    shutdown(from, SHUT_RD);
    return {from, to, 0, 0, 16, kLargest};
}

Pair make_pair(const std::string& kind) {
    if (kind == "tcp") return inet_pair(SOCK_STREAM);
    if (kind == "udpfrag") mtu(1500);
    if (kind.rfind("udp", 0) == 0) return inet_pair(SOCK_DGRAM);
    if (kind == "raw") return raw_pair(kProtocol, 0);
    if (kind == "rawicmp") return raw_pair(IPPROTO_ICMP, kIcmpHeader);
    if (kind == "rawhdr") return raw_pair(kProtocol, sizeof(ip));
    if (kind == "packet") return packet_pair();
    int ends[2];
    const bool stream = kind == "unix";
    if (!stream && kind != "dgram") die("no kind " + kind);
    if (socketpair(AF_UNIX, stream ? SOCK_STREAM : SOCK_DGRAM, 0, ends) != 0) die("socketpair");
    return {ends[0], ends[1], 0, 0, 0, stream ? 0 : kLargest};
}

/// The headers that senders of the kinds rawicmp and rawhdr write.
void write_header(char* to, std::size_t size) {
    if (size == kIcmpHeader) {
        to[0] = static_cast<char>(kIcmpType);
        return;
    }
    // The kernel fills in the rest.
    ip header = {};
    header.ip_v = 4;
    header.ip_hl = sizeof(header) / 4;
    header.ip_ttl = 64;
    header.ip_p = kProtocol;
    header.ip_src.s_addr = header.ip_dst.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(to, &header, sizeof(header));
}

/// One message, or a part of a stream; @p parts calls.
void send_all(const Pair& pair, const char* bytes, std::size_t size, unsigned parts = 1) {
    std::vector<char> message(pair.before_sent);
    if (pair.before_sent) write_header(message.data(), pair.before_sent);
    message.insert(message.end(), bytes, bytes + size);
    for (std::size_t at = 0; at < message.size();) {
        const std::size_t part = parts > 1
                                     ? std::min(message.size() / parts + 1, message.size() - at)
                                     : message.size() - at;
        const bool more = at + part < message.size();
        const ssize_t n = send(pair.from, message.data() + at, part, more ? MSG_MORE : 0);
        if (n < 0) die("send");
        at += static_cast<std::size_t>(n);
    }
    explicit_bzero(message.data(), message.size());
}

/// As much as one call gives; 0: the end, or a header that is not the sender's.
std::size_t receive_some(const Pair& pair, char* bytes, std::size_t size) {
    std::vector<char> message(pair.before_received + size);
    const ssize_t n = recv(pair.to, message.data(), message.size(), 0);
    if (n < static_cast<ssize_t>(pair.before_received)) {
        if (n == 0) return 0;
        die("recv");
    }
    const bool icmp = pair.before_sent == kIcmpHeader;
    if (icmp && static_cast<unsigned char>(message[sizeof(ip)]) != kIcmpType) return 0;
    std::memcpy(bytes, message.data() + pair.before_received,
                static_cast<std::size_t>(n) - pair.before_received);
    return static_cast<std::size_t>(n) - pair.before_received;
}

/// Obeys lines until "end".
void obey(const Pair& pair) {
    std::string line;
    while (std::getline(std::cin, line) && line != "end") {
        for (const auto& [word, number] :
             {std::pair<std::string, std::size_t>{"FD", static_cast<std::size_t>(pair.to)},
              {"AT", pair.at}})
            if (const auto at = line.find(word); at != std::string::npos)
                line.replace(at, word.size(), std::to_string(number));
        write_file("/sys/kernel/debug/asi_test/payload", line);
        std::cout << "done" << std::endl;
    }
}

int hold(const std::string& kind, std::uint64_t complement) {
    const Pair pair = make_pair(kind);
    std::vector<std::uint64_t> words(kHeldBytes / 8, ~complement);
    auto* bytes = reinterpret_cast<char*>(words.data());
    send_all(pair, bytes, kHeldBytes, kind == "udpcork" ? 3 : 1);
    explicit_bzero(bytes, kHeldBytes);
    usleep(200000);
    std::cout << "held" << std::endl;
    obey(pair);
    for (std::size_t got = 0; got < kHeldBytes;) {
        const std::size_t n = receive_some(pair, bytes + got, kHeldBytes - got);
        if (n == 0) return 1;
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

std::uint64_t count_wrong(const char* bytes, std::size_t size, std::uint64_t at) {
    std::uint64_t wrong = 0;
    for (std::size_t i = 0; i < size; ++i)
        wrong += static_cast<unsigned char>(bytes[i]) != byte_at(at + i);
    return wrong;
}

/// From one byte to the whole buffer, by no pattern that fits pages.
std::size_t size_at(std::uint64_t at, std::uint64_t total, std::size_t largest) {
    return std::min<std::uint64_t>(1 + (at * 2654435761U >> 7) % largest, total - at);
}

void send_stream(const Pair& pair, std::uint64_t total) {
    std::vector<char> buffer(1 << 17);
    for (std::uint64_t at = 0; at < total;) {
        const std::size_t size = size_at(at, total, buffer.size());
        for (std::size_t i = 0; i < size; ++i) buffer[i] = static_cast<char>(byte_at(at + i));
        send_all(pair, buffer.data(), size);
        at += size;
    }
    shutdown(pair.from, SHUT_WR);
}

struct Arrived {
    std::uint64_t bytes = 0, wrong = 0;
};

Arrived stream_bytes(const Pair& pair, std::uint64_t total) {
    std::thread sender(send_stream, pair, total);
    std::vector<char> buffer(1 << 16);
    Arrived arrived;
    while (const std::size_t n = receive_some(pair, buffer.data(), buffer.size())) {
        arrived.wrong += count_wrong(buffer.data(), n, arrived.bytes);
        arrived.bytes += n;
    }
    sender.join();
    return arrived;
}

/// A message is received before the next one is sent: none is lost.
Arrived stream_messages(const Pair& pair, std::uint64_t total, unsigned parts) {
    std::vector<char> buffer(1 << 16);
    Arrived arrived;
    while (arrived.bytes < total) {
        const std::size_t size = size_at(arrived.bytes, total, pair.largest);
        for (std::size_t i = 0; i < size; ++i)
            buffer[i] = static_cast<char>(byte_at(arrived.bytes + i));
        send_all(pair, buffer.data(), size, parts);
        explicit_bzero(buffer.data(), buffer.size());
        if (receive_some(pair, buffer.data(), buffer.size()) != size) {
            ++arrived.wrong;
            break;
        }
        arrived.wrong += count_wrong(buffer.data(), size, arrived.bytes);
        arrived.bytes += size;
    }
    return arrived;
}

/// Of this namespace: are at least 95 % of what was sent private?
bool is_mostly_private() {
    struct stat info;
    if (stat("/proc/self/ns/net", &info) != 0) die("stat");
    std::ifstream file("/sys/kernel/debug/asi/netns/namespaces");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string key;
        std::uint64_t value = 0, inum = 0, made = 0, spilled = 0;
        while (words >> key >> value) {
            if (key == "namespace") inum = value;
            // Control messages of netlink are no payload.
            if (key.rfind("other_", 0) == 0) continue;
            if (key.find("_private_bytes") != std::string::npos) made += value;
            if (key.find("_spilled_bytes") != std::string::npos) spilled += value;
        }
        if (inum != info.st_ino) continue;
        std::cout << "private " << made << " spilled " << spilled << std::endl;
        return made > 0 && spilled * 19 <= made;
    }
    std::cout << "the namespace is not listed" << std::endl;
    return false;
}

int stream(const std::string& kind, std::uint64_t total, bool isolated) {
    const Pair pair = make_pair(kind);
    const Arrived arrived = pair.largest ? stream_messages(pair, total, kind == "udpcork" ? 3 : 1)
                                         : stream_bytes(pair, total);
    std::cout << "bytes " << arrived.bytes << " wrong " << arrived.wrong << std::endl;
    if (arrived.bytes != total || arrived.wrong != 0) return 1;
    return isolated && !is_mostly_private() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "usage: traffic hold KIND COMPLEMENT SWITCH | stream KIND BYTES SWITCH\n";
        return 2;
    }
    enter_namespace(argv[4]);
    if (!std::strcmp(argv[1], "hold")) return hold(argv[2], std::strtoull(argv[3], nullptr, 16));
    return stream(argv[2], std::strtoull(argv[3], nullptr, 0), !std::strcmp(argv[4], "1"));
}
