// SPDX-License-Identifier: GPL-2.0-only
#include "top_view.h"

#include <gtest/gtest.h>

#include <fstream>

#include "parse.h"

namespace asi::ctl {
namespace {

Sample sample_from_file(double seconds, const std::string& name) {
    std::ifstream file(ASICTL_TESTDATA "/samples/" + name);
    return {seconds, parse_vms(std::string{std::istreambuf_iterator<char>(file), {}})};
}

Interval two_seconds() {
    return difference(sample_from_file(100, "first"), sample_from_file(102, "second"));
}

Interval with_vms(const std::vector<int>& ids) {
    std::string text;
    for (const int id : ids) {
        text += "vm " + std::to_string(id) + " pid " + std::to_string(100 + id) + "\n";
        text += "exits inside " + std::to_string(1000 - id) + " left 0\n";
        text += "reason msr code 0x7c inside " + std::to_string(1000 - id) + " left 0\n";
    }
    return difference({1, {}}, {2, parse_vms(text)});
}

std::string text_of(const std::vector<Line>& lines) {
    std::string out;
    for (const Line& line : lines)
        out += (line.style == Line::Style::kSelected ? ">" : "") + line.text + '\n';
    return out;
}

std::uint64_t selected_id(const TopView& view) {
    return view.selected() ? view.selected()->vm.id.value_or(0) : 0;
}

TEST(TopView, shows_rates_and_what_the_selected_vm_does) {
    TopView view;
    view.show(two_seconds());
    view.press(TopKey::kDown);
    EXPECT_EQ(text_of(view.lines(80, 24)),
              "kvm top: 3 VMs, 2 new, 2 ended, by exits, 2.00 s\n"
              "VM  PID  COMM    VCPUS  EXITS/S  INSIDE%  LEFT/S  USER/S  FLUSH/S  AVOID/S\n"
              " 5  300  reused      1    40004  >99.99%     4.0       0      4.0    40000\n"
              "> 3  123  minivm      2     1005   95.00%    50.0     5.0      106     1895\n"
              " 6  126  new         1     25.0   25.00%    15.0     2.0     18.0      5.0\n"
              "\n"
              "VM 3 (minivm), flushes/s done+avoided: l1d 5.0+995, buffers 100+900, ibpb 1.0+0\n"
              "  EXIT REASON  EXITS/S  INSIDE%  LEFT/S  USER/S  1ST TOUCH/S\n"
              "  npf              505  100.00%       0     5.0            0\n"
              "  msr              450  100.00%       0       0            0\n"
              "  cpuid           50.0    0.00%    50.0       0            0\n"
              "\n"
              "  COUNT/S  LEFT BY  DURING  KIND             ACCESS  WHERE\n"
              "     30.0  fault    cpuid   slab:kmalloc-1k  r       bar+0x1/0x2\n"
              "     20.0  fault    npf     slab:kmalloc-1k  r       bar+0x1/0x2\n"
              "\n\n\n\n\n\n\n\n"
              "q quit  up/down select  s sort  p pause\n");
}

TEST(TopView, narrow_terminals_lose_the_least_important_columns) {
    TopView view;
    view.show(two_seconds());
    const std::pair<std::size_t, const char*> heads[] = {
        {74, "VM  PID  COMM    VCPUS  EXITS/S  INSIDE%  LEFT/S  USER/S  FLUSH/S  AVOID/S"},
        {73, "VM  PID  COMM    EXITS/S  INSIDE%  LEFT/S  USER/S  FLUSH/S  AVOID/S"},
        {60, "VM  PID  COMM    EXITS/S  INSIDE%  LEFT/S  FLUSH/S  AVOID/S"},
        {58, "VM  PID  COMM    EXITS/S  INSIDE%  LEFT/S  FLUSH/S"},
        {41, "VM  PID  COMM    EXITS/S  INSIDE%  LEFT/S"},
        {40, "VM  PID  EXITS/S  INSIDE%  LEFT/S"},
        {30, "VM  PID  EXITS/S  INSIDE%"},
        {20, "VM  EXITS/S  INSIDE%"},
        {11, "VM  EXITS/S"},
        {5, "VM  E"},
        {1, "V"},
    };
    for (const auto& [width, head] : heads)
        EXPECT_EQ(view.lines(width, 24).at(1).text, head) << width;
}

TEST(TopView, fits_into_every_terminal_and_always_shows_the_selected_vm) {
    TopView empty, few, many;
    few.show(two_seconds());
    std::vector<int> ids(100);
    for (int i = 0; i < 100; ++i) ids[static_cast<std::size_t>(i)] = i + 1;
    many.show(with_vms(ids));
    for (int i = 0; i < 57; ++i) many.press(TopKey::kDown);
    for (const TopView* view : {&empty, &few, &many}) {
        for (std::size_t width = 0; width < 100; ++width) {
            for (std::size_t height = 0; height < 40; ++height) {
                const std::vector<Line> lines = view->lines(width, height);
                ASSERT_LE(lines.size(), height);
                if (width == 0 || height == 0) continue;
                std::size_t selected = 0;
                for (const Line& line : lines) {
                    ASSERT_LE(line.text.size(), width);
                    if (line.style == Line::Style::kSelected) ++selected;
                }
                ASSERT_EQ(selected, view == &empty ? 0u : 1u) << width << 'x' << height;
            }
        }
    }
}

TEST(TopView, small_terminals_keep_what_matters) {
    TopView view;
    view.show(two_seconds());
    EXPECT_EQ(text_of(view.lines(80, 1)),
              "> 5  300  reused      1    40004  >99.99%     4.0       0      4.0    40000\n");
    EXPECT_EQ(text_of(view.lines(20, 2)),
              "VM  EXITS/S  INSIDE%\n"
              "> 5    40004  >99.99%\n");
    EXPECT_EQ(text_of(view.lines(20, 3)),
              "kvm top: 3 VMs, 2 ne\n"
              "VM  EXITS/S  INSIDE%\n"
              "> 5    40004  >99.99%\n");
    // From eight lines on also the keys and, where there is room, the details.
    EXPECT_EQ(text_of(view.lines(40, 8)),
              "kvm top: 3 VMs, 2 new, 2 ended, by exits\n"
              "VM  PID  EXITS/S  INSIDE%  LEFT/S\n"
              "> 5  300    40004  >99.99%     4.0\n"
              " 3  123     1005   95.00%    50.0\n"
              " 6  126     25.0   25.00%    15.0\n"
              "\n\n"
              "q quit  up/down select  s sort  p pause\n");
}

TEST(TopView, reasons_and_causes_share_what_room_there_is) {
    TopView view;
    view.show(two_seconds());
    view.press(TopKey::kDown);
    EXPECT_EQ(text_of(view.lines(60, 13)),
              "kvm top: 3 VMs, 2 new, 2 ended, by exits, 2.00 s\n"
              "VM  PID  COMM    EXITS/S  INSIDE%  LEFT/S  FLUSH/S  AVOID/S\n"
              " 5  300  reused    40004  >99.99%     4.0      4.0    40000\n"
              "> 3  123  minivm     1005   95.00%    50.0      106     1895\n"
              " 6  126  new        25.0   25.00%    15.0     18.0      5.0\n"
              "\n"
              "VM 3 (minivm), flushes/s done+avoided: l1d 5.0+995, buffers \n"
              "  EXIT REASON  EXITS/S  INSIDE%  LEFT/S  USER/S  1ST TOUCH/S\n"
              "  npf              505  100.00%       0     5.0            0\n"
              "  msr              450  100.00%       0       0            0\n"
              "  cpuid           50.0    0.00%    50.0       0            0\n"
              "\n"
              "q quit  up/down select  s sort  p pause\n");
}

TEST(TopView, the_list_scrolls_to_the_selected_vm) {
    TopView view;
    view.show(with_vms({1, 2, 3, 4, 5, 6, 7, 8, 9}));
    for (int i = 0; i < 5; ++i) view.press(TopKey::kDown);
    EXPECT_EQ(text_of(view.lines(11, 5)),
              "kvm top: 9 \n"
              "VM  EXITS/S\n"
              " 4      996\n"
              " 5      995\n"
              "> 6      994\n");
}

TEST(TopView, says_when_there_is_nothing) {
    TopView view;
    EXPECT_EQ(text_of(view.lines(80, 3)), "kvm top: 0 VMs, by exits, measuring\n");
    EXPECT_EQ(view.selected(), nullptr);
    for (const TopKey key : {TopKey::kUp, TopKey::kDown, TopKey::kSort, TopKey::kPause})
        view.press(key);
    EXPECT_EQ(text_of(view.lines(80, 3)), "kvm top: 0 VMs, by left, measuring, paused\n");

    const Sample sample = sample_from_file(100, "first");
    TopView first;
    first.show(difference(sample, sample));
    const std::string text = text_of(first.lines(80, 24));
    EXPECT_NE(text.find("> 3  123  minivm         2        -        -"), std::string::npos) << text;
    EXPECT_NE(text.find("  measuring\n"), std::string::npos) << text;
}

TEST(TopView, the_selection_stays_with_its_vm) {
    TopView view;
    view.show(with_vms({1, 2, 3}));
    EXPECT_EQ(selected_id(view), 1u);
    view.press(TopKey::kDown);
    EXPECT_EQ(selected_id(view), 2u);
    view.show(with_vms({0, 1, 2, 3}));
    EXPECT_EQ(selected_id(view), 2u);
    view.press(TopKey::kUp);
    EXPECT_EQ(selected_id(view), 1u);
}

TEST(TopView, the_selection_goes_to_the_neighbour_of_a_vm_that_ended) {
    TopView view;
    view.show(with_vms({1, 2, 3, 4}));
    view.press(TopKey::kDown);
    view.show(with_vms({1, 3, 4}));
    EXPECT_EQ(selected_id(view), 3u);
    view.press(TopKey::kDown);
    EXPECT_EQ(selected_id(view), 4u);
    view.show(with_vms({1, 3}));
    EXPECT_EQ(selected_id(view), 3u);
    view.show(with_vms({}));
    EXPECT_EQ(view.selected(), nullptr);
    view.show(with_vms({7}));
    EXPECT_EQ(selected_id(view), 7u);
}

TEST(TopView, the_selection_stops_at_the_ends_and_stays_when_sorted) {
    TopView view;
    view.show(two_seconds());
    view.press(TopKey::kUp);
    EXPECT_EQ(selected_id(view), 5u);
    for (int i = 0; i < 9; ++i) view.press(TopKey::kDown);
    EXPECT_EQ(selected_id(view), 6u);
    view.press(TopKey::kSort);
    view.press(TopKey::kSort);
    EXPECT_EQ(selected_id(view), 6u);
    EXPECT_EQ(view.lines(80, 24).at(2).style, Line::Style::kSelected);
    EXPECT_NE(view.lines(80, 24).at(0).text.find("by inside"), std::string::npos);
}

TEST(TopView, pause_is_on_and_off) {
    TopView view;
    EXPECT_FALSE(view.paused());
    view.press(TopKey::kPause);
    EXPECT_TRUE(view.paused());
    view.press(TopKey::kPause);
    EXPECT_FALSE(view.paused());
}

TEST(TopView, names_from_processes_send_no_escape_codes) {
    Sample sample;
    sample.seconds = 1;
    sample.vms = parse_vms("vm 1 pid 1 comm a\x1b[2J\xff\nexits inside 1\nflush \x1b[1m done 1\n");
    TopView view;
    view.show(difference({}, sample));
    EXPECT_EQ(text_of(view.lines(80, 24)).find('\x1b'), std::string::npos);
    EXPECT_EQ(text_of_interval(difference({}, sample)).find('\x1b'), std::string::npos);
}

TEST(TextOfInterval, shows_every_vm_with_what_it_did) {
    EXPECT_EQ(text_of_interval(two_seconds()),
              "2.00 s: 3 VMs, 2 new, 2 ended\n"
              "VM  PID  COMM    VCPUS  EXITS/S  INSIDE%  LEFT/S  USER/S  FLUSH/S  AVOID/S\n"
              " 5  300  reused      1    40004  >99.99%     4.0       0      4.0    40000\n"
              " 3  123  minivm      2     1005   95.00%    50.0     5.0      106     1895\n"
              " 6  126  new         1     25.0   25.00%    15.0     2.0     18.0      5.0\n"
              "\n"
              "VM 5, flushes/s done+avoided: l1d 4.0+40000:\n"
              "  EXIT REASON  EXITS/S  INSIDE%  LEFT/S  USER/S  1ST TOUCH/S\n"
              "  msr            40004  >99.99%     4.0       0            0\n"
              "\n"
              "VM 3, flushes/s done+avoided: l1d 5.0+995, buffers 100+900, ibpb 1.0+0:\n"
              "  EXIT REASON  EXITS/S  INSIDE%  LEFT/S  USER/S  1ST TOUCH/S\n"
              "  npf              505  100.00%       0     5.0            0\n"
              "  msr              450  100.00%       0       0            0\n"
              "  cpuid           50.0    0.00%    50.0       0            0\n"
              "\n"
              "  COUNT/S  LEFT BY  DURING  KIND             ACCESS  WHERE\n"
              "     30.0  fault    cpuid   slab:kmalloc-1k  r       bar+0x1/0x2\n"
              "     20.0  fault    npf     slab:kmalloc-1k  r       bar+0x1/0x2\n"
              "\n"
              "VM 6, flushes/s done+avoided: l1d 18.0+5.0:\n"
              "  EXIT REASON  EXITS/S  INSIDE%  LEFT/S  USER/S  1ST TOUCH/S\n"
              "  cpuid           25.0   25.00%    15.0     2.0          3.0\n"
              "\n"
              "  COUNT/S  LEFT BY  DURING  KIND       ACCESS  WHERE\n"
              "     15.0  fault    cpuid   user_page  r       svm_vcpu_run+0x1/0x2 [kvm_amd]\n");
}

TEST(TextOfInterval, shows_five_reasons_of_a_vm_at_most) {
    std::string text = "vm 1 pid 1\nexits inside 28 left 0\n";
    for (int i = 1; i <= 7; ++i) {
        text += "reason r" + std::to_string(i) + " code " + std::to_string(i) + " inside " +
                std::to_string(i) + "\n";
    }
    const std::string out = text_of_interval(difference({1, {}}, {2, parse_vms(text)}));
    EXPECT_NE(out.find("  r3 "), std::string::npos) << out;
    EXPECT_EQ(out.find("  r2 "), std::string::npos) << out;
}

}  // namespace
}  // namespace asi::ctl
