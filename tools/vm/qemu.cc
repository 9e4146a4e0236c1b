// SPDX-License-Identifier: GPL-2.0-only
#include "qemu.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "hidden.h"
#include "job.h"
#include "kernel_image.h"
#include "text.h"
#include "tsc.h"

namespace asi {

namespace {

constexpr unsigned kDefaultMemoryMib = 2048;
constexpr unsigned kDefaultProcessors = 2;
constexpr char kRootTag[] = "asi_root";

struct SocketPair {
    int host;
    int emulator;

    SocketPair() {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            throw system_error("socketpair", errno);
        host = ends[0];
        emulator = ends[1];
        fcntl(host, F_SETFL, O_NONBLOCK);
    }
};

unsigned processors_of(const Options& options) {
    if (options.processors) return options.processors;
    return options.icount ? 1 : kDefaultProcessors;
}

bool has_a_thread_for_each_processor(const Options& options) {
    return options.acceleration == Acceleration::kTcg && !options.icount && !options.tcg_single &&
           processors_of(options) > 1;
}

/// While it boots a kernel patches much of its code, which QEMU before 8.1 gets wrong now and
/// then with several threads: the other processors are started afterwards.
bool starts_processors_late(const Options& options) {
    for (const char* parameter : {"maxcpus=", "nr_cpus=", "nosmp"})
        if (options.append.find(parameter) != std::string::npos) return false;
    return has_a_thread_for_each_processor(options);
}

Job make_job(const Options& options) {
    Job job = make_common_job(options);
    job.start_processors = starts_processors_late(options);
    for (size_t i = 1; i < options.command.size(); i++)
        if (options.command[i].starts_with('/')) bind_if_hidden(job, options.command[i]);
    for (const std::string& assignment : options.environment) {
        const std::string value = assignment.substr(assignment.find('=') + 1);
        if (value.starts_with('/')) bind_if_hidden(job, value);
    }
    for (const AddedFile& file : options.added)
        if (file.source != file.target || is_hidden(file.target))
            job.binds.emplace_back(file.source, file.target);
    return job;
}

/// A kernel that measures the TSC while the host is busy may be wrong by a factor of ten, and
/// every time limit with it. With --icount time and TSC are one.
std::string tsc_speed(const Options& options) {
    const unsigned khz = options.icount ? 0 : tsc_khz();
    return khz == 0 ? "" : " tsc_early_khz=" + std::to_string(khz);
}

std::string kernel_command_line(const Options& options, const std::string& job_file,
                                const std::string& guest_init) {
    std::string line = common_parameters(options.append) + " panic=-1 ro ";
    line += std::string("root=") + kRootTag + " rootfstype=9p ";
    line += "rootflags=trans=virtio,version=9p2000.L,msize=512000,cache=loose ";
    line += kernel_parameter("init", guest_init) + " ";
    line += kernel_parameter(kJobVariable, job_file);
    if (starts_processors_late(options)) line += " maxcpus=1";
    // TCG's processors read one clock. On a busy host the watchdog doubts it all the same
    // and turns it off: patched code and slow reads of the HPET in the middle of a test.
    if (options.acceleration == Acceleration::kTcg) line += " tsc=reliable" + tsc_speed(options);
    if (!options.append.empty()) line += " " + options.append;
    check_command_line(line);
    return line;
}

/// In a QEMU option value, a comma is written twice.
std::string quoted(const std::string& text) {
    std::string result;
    for (const char character : text) result.append(character == ',' ? 2 : 1, character);
    return result;
}

std::vector<std::string> acceleration_arguments(const Options& options) {
    if (options.acceleration == Acceleration::kKvm) return {"-accel", "kvm"};
    if (options.icount) return {"-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"};
    return {"-accel",
            has_a_thread_for_each_processor(options) ? "tcg,thread=multi" : "tcg,thread=single"};
}

std::string default_cpu(Acceleration acceleration) {
    // With paravirtual TLB flushes isolation stays off.
    return acceleration == Acceleration::kKvm ? "host,kvm-pv-tlb-flush=off" : "max,la57=off";
}

std::vector<std::string> make_arguments(const Options& options, const std::string& command_line,
                                        int console, int channel) {
    const unsigned processors = processors_of(options);
    const unsigned memory = options.memory_mib ? options.memory_mib : kDefaultMemoryMib;
    std::vector<std::string> arguments = {
        kQemu,
        "-machine",
        "q35",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-cpu",
        options.cpu.empty() ? default_cpu(options.acceleration) : options.cpu,
        "-m",
        std::to_string(memory),
        "-smp",
        std::to_string(processors),
        "-kernel",
        options.kernel,
        "-append",
        command_line,
        "-chardev",
        "socket,id=console,fd=" + std::to_string(console),
        "-serial",
        "chardev:console",
        "-chardev",
        "socket,id=channel,fd=" + std::to_string(channel),
        // Without ioeventfd a write reaches the host before the guest goes on.
        "-device",
        "virtio-serial-pci,max_ports=2,ioeventfd=off",
        "-device",
        std::string("virtserialport,chardev=channel,name=") + kPortName,
        "-fsdev",
        "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device",
        std::string("virtio-9p-pci,fsdev=root,mount_tag=") + kRootTag,
    };
    if (!options.out_directory.empty()) {
        arguments.insert(arguments.end(),
                         {"-fsdev",
                          "local,id=out,security_model=none,multidevs=remap,path=" +
                              quoted(options.out_directory),
                          "-device", std::string("virtio-9p-pci,fsdev=out,mount_tag=") + kOutTag});
    }
    for (const std::string& argument : acceleration_arguments(options))
        arguments.push_back(argument);
    for (const std::string& argument : options.qemu_arguments) arguments.push_back(argument);
    return arguments;
}

}  // namespace

Machine start_qemu(const Options& options, const RunDir& run_dir, const std::string& guest_init) {
    require_program(kQemu, kQemuPackage);
    const std::string job_file = run_dir.file("job");
    write_file(job_file, make_job(options).encode());
    const std::string command_line = kernel_command_line(options, job_file, guest_init);

    const SocketPair console, channel;
    Machine machine;
    machine.log_path = run_dir.file("emulator.log");
    const int log = open(machine.log_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (log < 0) throw system_error(machine.log_path, errno);
    machine.emulator = std::make_unique<Child>(
        make_arguments(options, command_line, console.emulator, channel.emulator),
        std::vector<int>{console.emulator, channel.emulator}, ChildOutput{.fd = log});
    close(log);
    close(console.emulator);
    close(channel.emulator);
    machine.console_fd = console.host;
    machine.channel_fd = channel.host;
    machine.wants_acknowledgement = true;
    return machine;
}

}  // namespace asi
