#include "tests/chaos/small_disk.h"

#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace millrace::chaos {

namespace fs = std::filesystem;

std::unique_ptr<SmallDisk> SmallDisk::mount(std::size_t bytes) {
    auto directory = process::TemporaryDirectory::make("millrace-disk-").value();
    fs::permissions(directory.path(), fs::perms(0755));
    const auto disk = directory.path() / "disk";
    fs::create_directory(disk);
    const auto options = fmt::format("size={},mode=0777", bytes);
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, options.c_str()) != 0) return nullptr;
    return std::unique_ptr<SmallDisk>(new SmallDisk(std::move(directory)));
}

SmallDisk::~SmallDisk() {
    ::umount2(path().c_str(), MNT_DETACH);
}

void SmallDisk::fill() {
    std::ofstream ballast(path() / "ballast", std::ios::app);
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{4096}}) {
        ballast.clear();
        const std::string bytes(piece, '\0');
        while (ballast.write(bytes.data(), static_cast<std::streamsize>(piece)).flush()) {
        }
    }
}

void SmallDisk::free() {
    fs::remove(path() / "ballast");
}

}  // namespace millrace::chaos
