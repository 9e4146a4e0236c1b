// SPDX-License-Identifier: GPL-2.0-only
// Text into a buffer that may be too small.
#ifndef ASI_TEXT_WRITER_H
#define ASI_TEXT_WRITER_H

#include "text.h"

namespace asi {

/// Writes what fits and counts the rest.
class Writer {
  public:
    Writer(char* buffer, std::size_t capacity) : buffer_(buffer), capacity_(capacity) {}
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    Writer& put(char c);
    Writer& put(Text text);
    Writer& put(const char* string) { return put(Text(string)); }
    /// In decimal.
    Writer& put_number(unsigned n);
    /// With its 0x.
    Writer& put_hex(unsigned n);
    /// Terminates; returns the length that everything would have taken.
    std::size_t finish();

  private:
    char* buffer_;
    std::size_t capacity_;
    std::size_t size_ = 0;
};

}  // namespace asi

#endif  // ASI_TEXT_WRITER_H
