// SPDX-License-Identifier: GPL-2.0-only
#include "bochs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "child.h"
#include "hidden.h"
#include "initramfs.h"
#include "job.h"
#include "kernel_image.h"
#include "text.h"

namespace asi {

namespace {

namespace fs = std::filesystem;

constexpr unsigned kDefaultMemoryMib = 512;
constexpr unsigned kMostMemoryMib = 2048;
// Of the devices' time. The firmware and drivers wait by it, so less of it makes a boot
// shorter: a quarter of Bochs's real speed halves the instructions until init.
constexpr unsigned kInstructionsPerSecond = 25000000;
constexpr char kDefaultCpu[] = "tigerlake";
constexpr char kBios[] = "/usr/share/bochs/BIOS-bochs-latest";
constexpr char kVgaBios[] = "/usr/share/bochs/VGABIOS-lgpl-latest";
constexpr char kIsolinux[] = "/usr/lib/ISOLINUX/isolinux.bin";
constexpr char kLdlinux[] = "/usr/lib/syslinux/modules/bios/ldlinux.c32";

void require_packages() {
    require_program("bochs", "bochs");
    require_program("xorriso", "xorriso");
    require_program("ldd", "libc-bin");
    require_file(kBios, "bochsbios");
    require_file(kVgaBios, "vgabios");
    require_file(kIsolinux, "isolinux");
    require_file(kLdlinux, "syslinux-common");
}

Job make_job(const Options& options) {
    // The paths are those of the initramfs, which mirrors the host's.
    Job job = make_common_job(options);
    job.out_is_mounted = false;
    for (const AddedFile& file : options.added)
        if (is_hidden(file.target)) job.binds.emplace_back(file.target, file.target);
    return job;
}

std::string kernel_command_line(const Options& options) {
    // panic=0, not -1: after a reset Bochs would boot the same image again.
    std::string line = common_parameters(options.append) + " panic=0 ";
    line += kernel_parameter(kJobVariable, kJobPath) + " ";
    line += kernel_parameter(kChannelVariable, "/dev/ttyS1");
    if (!options.append.empty()) line += " " + options.append;
    check_command_line(line);
    return line;
}

void make_image(const Options& options, const RunDir& run_dir, const std::string& guest_init,
                const std::string& image) {
    const std::string root = run_dir.file("cd");
    fs::create_directory(root);
    fs::copy_file(kIsolinux, root + "/isolinux.bin");
    fs::copy_file(kLdlinux, root + "/ldlinux.c32");
    fs::copy_file(options.kernel, root + "/linux");
    write_file(root + "/initrd", make_initramfs(options, make_job(options), guest_init));
    write_file(root + "/isolinux.cfg",
               "default linux\nprompt 0\ntimeout 0\nlabel linux\n"
               "kernel /linux\ninitrd /initrd\nappend " +
                   kernel_command_line(options) + "\n");
    (void)run_helper({"xorriso", "-as", "mkisofs", "-quiet", "-o", image, "-b", "isolinux.bin",
                      "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
                      root});
    fs::remove_all(root);
}

std::string configuration(const Options& options, const RunDir& run_dir, const std::string& image,
                          const std::string& console, const std::string& channel) {
    const unsigned memory = options.memory_mib ? options.memory_mib : kDefaultMemoryMib;
    if (memory > kMostMemoryMib)
        throw RunError("Bochs takes at most " + std::to_string(kMostMemoryMib) + "M of memory");
    const std::string cpu = options.cpu.empty() ? kDefaultCpu : options.cpu;
    std::string text;
    text += "cpu: model=" + cpu + ", count=1, ips=" + std::to_string(kInstructionsPerSecond) +
            ", reset_on_triple_fault=0\n";
    text += "megs: " + std::to_string(memory) + "\n";
    text += std::string("romimage: file=") + kBios + "\n";
    text += std::string("vgaromimage: file=") + kVgaBios + "\n";
    text += "ata0: enabled=1\n";
    text += "ata0-master: type=cdrom, path=" + image + ", status=inserted\n";
    text += "boot: cdrom\n";
    // A fixed date, so that a run repeats to the instruction.
    text += "clock: sync=none, time0=1700000000\n";
    text += "sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy\n";
    text += "com1: enabled=1, mode=file, dev=" + console + "\n";
    text += "com2: enabled=1, mode=file, dev=" + channel + "\n";
    // The one display that needs neither a screen nor another package; nobody watches it.
    text += "display_library: rfb, options=\"timeout=0\"\n";
    text += "log: " + run_dir.file("bochs.log") + "\n";
    text += "panic: action=fatal\nerror: action=report\ninfo: action=report\n";
    return text;
}

/// A FIFO instead of a file: nothing to poll, and output appears as it is made.
int make_fifo(const std::string& path) {
    if (mkfifo(path.c_str(), 0600) != 0) throw system_error(path, errno);
    // Open for both, so that Bochs neither blocks nor ends the stream.
    const int fd = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) throw system_error(path, errno);
    return fd;
}

}  // namespace

Machine start_bochs(const Options& options, const RunDir& run_dir, const std::string& guest_init) {
    require_packages();
    const std::string image = run_dir.file("boot.iso");
    const std::string console = run_dir.file("console.fifo");
    const std::string channel = run_dir.file("channel.fifo");
    const std::string settings = run_dir.file("bochsrc");
    const std::string debugger = run_dir.file("debugger");
    make_image(options, run_dir, guest_init, image);
    write_file(settings, configuration(options, run_dir, image, console, channel));
    // Debian's Bochs is the debugger build and waits for a command.
    write_file(debugger, "c\n");

    Machine machine;
    machine.console_fd = make_fifo(console);
    machine.channel_fd = make_fifo(channel);
    machine.survives_reset = true;
    machine.log_path = run_dir.file("emulator.log");
    const int log = open(machine.log_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (log < 0) throw system_error(machine.log_path, errno);
    machine.emulator = std::make_unique<Child>(
        std::vector<std::string>{"bochs", "-q", "-f", settings, "-rc", debugger},
        std::vector<int>{}, ChildOutput{.fd = log, .is_isolated = true});
    close(log);
    return machine;
}

}  // namespace asi
