// SPDX-License-Identifier: GPL-2.0-only
//
// What asictl kvm top shows, as lines of text: the terminal is elsewhere.
#ifndef ASICTL_TOP_VIEW_H
#define ASICTL_TOP_VIEW_H

#include <cstddef>
#include <string>
#include <vector>

#include "interval.h"

namespace asi::ctl {

enum class TopKey { kUp, kDown, kSort, kPause, kQuit };

struct Line {
    enum class Style { kPlain, kTitle, kHead, kSelected };
    std::string text;
    Style style = Style::kPlain;
};

/// The last interval, and what the user chose to see of it.
class TopView {
  public:
    /// The selection stays with its VM; when that has ended, it goes to the one
    /// that took its place in the list.
    void show(Interval interval);

    /// kQuit is for the caller and changes nothing here.
    void press(TopKey key);

    /// The caller shows nothing new then.
    [[nodiscard]] bool paused() const { return paused_; }

    /// Null when there is no VM.
    [[nodiscard]] const VmChange* selected() const;

    /// At most @height lines, none wider than @width.
    [[nodiscard]] std::vector<Line> lines(std::size_t width, std::size_t height) const;

  private:
    [[nodiscard]] std::string title() const;

    Interval interval_;
    SortOrder order_ = SortOrder::kExits;
    bool paused_ = false;
    std::size_t selected_ = 0;
};

/// The same for a file or a pipe: every VM, with the most important of its
/// reasons and causes.
[[nodiscard]] std::string text_of_interval(const Interval& interval);

}  // namespace asi::ctl

#endif  // ASICTL_TOP_VIEW_H
