// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

namespace asi {

namespace {

constexpr char kMagic0 = 'A';
constexpr char kMagic1 = 'F';
constexpr std::string_view kTypes = "hoefdsx";

size_t payload_length(std::string_view header) {
    size_t length = 0;
    for (int i = 3; i >= 0; i--) length = length << 8 | static_cast<uint8_t>(header[4 + i]);
    return length;
}

bool is_header(std::string_view bytes) {
    return bytes[0] == kMagic0 && bytes[1] == kMagic1 &&
           kTypes.find(bytes[2]) != std::string_view::npos && bytes[3] == 0 &&
           payload_length(bytes) <= kMaxFramePayload;
}

}  // namespace

std::array<char, kFrameHeaderSize> frame_header(FrameType type, size_t length) {
    std::array<char, kFrameHeaderSize> header{kMagic0, kMagic1, static_cast<char>(type), 0};
    for (int i = 0; i < 4; i++) header[4 + i] = static_cast<char>(length >> (8 * i));
    return header;
}

std::optional<Frame> FrameReader::next() {
    size_t start = 0;
    while (pending_.size() - start >= kFrameHeaderSize &&
           !is_header(std::string_view(pending_).substr(start)))
        start++;
    skipped_ += start;
    pending_.erase(0, start);
    if (pending_.size() < kFrameHeaderSize) return std::nullopt;
    const size_t length = payload_length(pending_);
    if (pending_.size() < kFrameHeaderSize + length) return std::nullopt;
    Frame frame{static_cast<FrameType>(pending_[2]), pending_.substr(kFrameHeaderSize, length)};
    pending_.erase(0, kFrameHeaderSize + length);
    return frame;
}

}  // namespace asi
