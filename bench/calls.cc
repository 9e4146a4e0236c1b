// SPDX-License-Identifier: GPL-2.0-only
//
// One system call, many times, in the ways that programs usually make it.
//
//   calls NAME
//
// Only the call itself is named; what has to be there for it is made beforehand, and
// what goes with it (close, munmap, wait) is left to run as it will.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <system_error>

namespace {

constexpr unsigned kTimes = 500;
constexpr std::size_t kBlock = 4096;
constexpr std::size_t kFileSize = 16 * kBlock;

template <typename T>
T checked(T result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

/// A file with something in it, gone from its folder's list when it is closed.
class File {
  public:
    File() : fd_(checked(::mkstemp(path_.data()), "mkstemp")) {
        checked(::ftruncate(fd_, kFileSize), "ftruncate");
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        ::close(fd_);
        ::unlink(path());
    }

    int fd() const { return fd_; }
    const char* path() const { return path_.data(); }

  private:
    std::array<char, 32> path_ = {"/tmp/calls.XXXXXX"};
    int fd_;
};

struct Pipe {
    Pipe() { checked(::pipe(ends.data()), "pipe"); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        for (int fd : ends) ::close(fd);
    }

    int out() const { return ends[0]; }
    int in() const { return ends[1]; }

    std::array<int, 2> ends;
};

void getpid_many() {
    for (unsigned i = 0; i < kTimes; ++i) ::syscall(SYS_getpid);
}

// A regular file and a pipe.
void transfer_many(bool reading) {
    static std::array<char, kBlock> block;
    const File file;
    const Pipe pipe;
    for (unsigned i = 0; i < kTimes; ++i) {
        if (i % (kFileSize / kBlock) == 0) checked(::lseek(file.fd(), 0, SEEK_SET), "lseek");
        if (reading)
            checked(::read(file.fd(), block.data(), block.size()), "read");
        else
            checked(::write(file.fd(), block.data(), block.size()), "write");
        checked(::write(pipe.in(), "x", 1), "write");
        checked(::read(pipe.out(), block.data(), 1), "read");
    }
}

void read_many() {
    transfer_many(true);
}

void write_many() {
    transfer_many(false);
}

void openat_many() {
    const File file;
    for (unsigned i = 0; i < kTimes; ++i)
        ::close(checked(::openat(AT_FDCWD, file.path(), O_RDONLY | O_CLOEXEC), "openat"));
}

/// UDP over loopback: a socket that listens, and one connected to it.
class UdpPair {
  public:
    UdpPair()
        : there_(checked(::socket(AF_INET, SOCK_DGRAM, 0), "socket")),
          here_(checked(::socket(AF_INET, SOCK_DGRAM, 0), "socket")) {
        sockaddr_in address{};
        socklen_t size = sizeof(address);
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        checked(::bind(there_, generic, size), "bind");
        checked(::getsockname(there_, generic, &size), "getsockname");
        checked(::connect(here_, generic, size), "connect");
    }
    UdpPair(const UdpPair&) = delete;
    UdpPair& operator=(const UdpPair&) = delete;
    ~UdpPair() {
        ::close(there_);
        ::close(here_);
    }

    int there() const { return there_; }
    int here() const { return here_; }

  private:
    int there_, here_;
};

void sendto_many() {
    const UdpPair udp;
    std::array<int, 2> local;
    std::array<char, 64> message{};
    checked(::socketpair(AF_UNIX, SOCK_STREAM, 0, local.data()), "socketpair");
    for (unsigned i = 0; i < kTimes; ++i) {
        checked(::sendto(udp.here(), message.data(), message.size(), 0, nullptr, 0), "sendto");
        checked(::recv(udp.there(), message.data(), message.size(), 0), "recv");
        checked(::sendto(local[0], message.data(), message.size(), 0, nullptr, 0), "sendto");
        checked(::recv(local[1], message.data(), message.size(), 0), "recv");
    }
    for (int fd : local) ::close(fd);
}

// With an event, without one, and with none until a timeout.
void epoll_wait_many() {
    const Pipe pipe;
    epoll_event event{};
    event.events = EPOLLIN;
    char byte;
    const int epoll = checked(::epoll_create1(0), "epoll_create1");
    checked(::epoll_ctl(epoll, EPOLL_CTL_ADD, pipe.out(), &event), "epoll_ctl");
    for (unsigned i = 0; i < kTimes; ++i) {
        checked(::syscall(SYS_epoll_wait, epoll, &event, 1, 0), "epoll_wait");
        if (i % 10 == 0) checked(::syscall(SYS_epoll_wait, epoll, &event, 1, 1), "epoll_wait");
        checked(::write(pipe.in(), "x", 1), "write");
        checked(::syscall(SYS_epoll_wait, epoll, &event, 1, -1), "epoll_wait");
        checked(::read(pipe.out(), &byte, 1), "read");
    }
    ::close(epoll);
}

// Anonymous memory and a file, touched and given back.
void mmap_many() {
    const File file;
    const auto touch = [](int flags, int fd) {
        void* memory = ::mmap(nullptr, kFileSize, PROT_READ | PROT_WRITE, flags, fd, 0);
        if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
        std::memset(memory, 1, kFileSize);
        checked(::munmap(memory, kFileSize), "munmap");
    };
    for (unsigned i = 0; i < kTimes; ++i) {
        touch(MAP_PRIVATE | MAP_ANONYMOUS, -1);
        touch(MAP_SHARED, file.fd());
    }
}

void fork_many() {
    for (unsigned i = 0; i < kTimes / 10; ++i) {
        const pid_t child = checked(::fork(), "fork");
        if (child == 0) ::_exit(0);
        checked(::waitpid(child, nullptr, 0), "waitpid");
    }
}

struct Call {
    const char* name;
    void (*many)();
};

constexpr std::array kCalls = {
    Call{"getpid", getpid_many},         Call{"read", read_many},     Call{"write", write_many},
    Call{"openat", openat_many},         Call{"sendto", sendto_many}, Call{"mmap", mmap_many},
    Call{"epoll_wait", epoll_wait_many}, Call{"fork", fork_many},
};

}  // namespace

int main(int argc, char** argv) {
    for (const Call& call : kCalls) {
        if (argc != 2 || std::strcmp(argv[1], call.name) != 0) continue;
        try {
            call.many();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "calls: %s\n", error.what());
            return 1;
        }
        return 0;
    }
    std::fputs("usage: calls", stderr);
    for (const Call& call : kCalls)
        std::fprintf(stderr, "%s%s", &call == &kCalls.front() ? " " : "|", call.name);
    std::fputc('\n', stderr);
    return 2;
}
