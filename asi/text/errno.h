// SPDX-License-Identifier: GPL-2.0-only
// Error numbers of the Linux ABI.  No errno header exists both in the kernel and on
// the host; the unit tests compare these with <cerrno>.
#ifndef ASI_TEXT_ERRNO_H
#define ASI_TEXT_ERRNO_H

namespace asi {

enum Errno : int {
    kEnoent = 2,
    kE2big = 7,
    kEnomem = 12,
    kEexist = 17,
    kEinval = 22,
    kEstale = 116,
};

}  // namespace asi

#endif  // ASI_TEXT_ERRNO_H
