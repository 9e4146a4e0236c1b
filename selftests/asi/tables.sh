#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The table pages that a domain grows by: whom they are charged to, how many there
# may be, and that those which became empty go back.  Each with its mechanism and without.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
asi_is_on || skip_all "isolation is off"
[ -e $D/asi/break ] || skip_all "no CONFIG_ASI_BREAK"
group=/sys/fs/cgroup/asi_test
huge=/sys/kernel/mm/transparent_hugepage/enabled
{ echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir -p $group; } 2>/dev/null ||
	skip_all "no memory cgroup"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
was=$(sed 's/.*\[\(.*\)\].*/\1/' $huge)
trap 'echo none >$D/asi/break; echo "$was" >$huge; rmmod asi_test; rmdir $group' EXIT
# One large page would take one table for all.
echo never >$huge

# asi/x86/space/tables.c: a domain that was promised no user memory.
LIMIT=1024

# grow COUNT [MIB]: by a process of that cgroup; what became of it is in $r.
grow() {
	sh -c 'echo $$ >"$1/cgroup.procs" && echo "$2" >"$3"' - $group "$1" $T/tables &&
	r=$(cat $T/result) && echo "$r"
}
result() { field "$1" "$r"; }

growth_is_charged() {
	grow "400 1024" && [ "$(result tables)" -gt 400 ] &&
	[ "$(result charged)" = "$(result tables)" ]
}
growth_is_limited() {
	before=$(asi_stat pruned)
	grow 2000 && [ "$(result tables)" -le $LIMIT ] && [ "$(asi_stat pruned)" -gt "$before" ]
}
empty_tables_go_back() {
	grow "400 1024" && [ "$(result tables)" -gt 400 ] && [ "$(result left)" -lt 100 ]
}

# Growth may leave when the worker that fills the reserve is late.
memory_that_was_promised_is_mapped() {
	grow "2000 4000" && [ "$(result tables)" -ge 1900 ] && [ "$(result outside)" -lt 300 ]
}
fails() { echo "$1" >$D/asi/break && ! "$2"; }

plan 9
while read -r switch probe; do
	check "with '$switch': $probe" "$probe"
	check "without it not" fails "$switch" "$probe"
	echo none >$D/asi/break
done <<-END
charge growth_is_charged
limit growth_is_limited
prune empty_tables_go_back
END
check "memory_that_was_promised_is_mapped" memory_that_was_promised_is_mapped
check "no violation" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
