# SPDX-License-Identifier: GPL-2.0-only
# Completion of asictl(8) for bash.

_asictl()
{
	local current=${COMP_WORDS[COMP_CWORD]} word words='' file='' option=''
	local -a command=()

	# What sci run runs has a completion of its own.
	for word in "${!COMP_WORDS[@]}"; do
		if [[ ${COMP_WORDS[word]} == -- ]] && ((word < COMP_CWORD)); then
			! declare -F _command_offset >/dev/null || _command_offset $((word + 1))
			return
		fi
	done
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word == -* ]] || command+=("$word")
	done
	case ${COMP_WORDS[COMP_CWORD-1]} in
	-f | --file | -o | --output) file=yes ;;
	esac

	case "${command[0]} ${command[1]}" in
	" ") words="status domains mitigations faults verify policy stats kvm sci netns xom manifest" ;;
	"mitigations "*)
		words="--known $(cd /sys/devices/system/cpu/vulnerabilities 2>/dev/null && echo *)"
		;;
	"faults "*) words="--class= --clear" ;;
	"kvm ") words="report top" ;;
	"kvm top") words="--interval= --iterations=" ;;
	"policy ") words="show set check" ;;
	"policy show") words="--default" ;;
	"policy set") words="--dry-run --file" ;;
	"policy check") words="--file" ;;
	"sci ") words="run profiles show export import merge violations" ;;
	"sci run") words="--profile= --mode= --syscalls= --no-new-privs --" ;;
	"sci export") words="--output" ;;
	"sci import") file=yes ;;
	"sci merge")
		words="--output --name="
		[[ $current == -* ]] || file=yes
		;;
	"sci violations") words="--clear" ;;
	"netns ") words="list show isolate" ;;
	"netns show") words="$(ls /run/netns 2>/dev/null)" ;;
	"netns isolate") words="--off --lock $(ls /run/netns 2>/dev/null)" ;;
	"manifest ") words="build check" ;;
	"manifest build")
		words="--output --relocs="
		[[ $current == -* ]] || file=yes
		;;
	"manifest check")
		words="--vmlinux="
		[[ $current == -* ]] || file=yes
		;;
	esac
	words+=" --json --help"

	# bash makes words of "--mode", "=" and "learn".
	if [[ $current == = ]]; then
		option=${COMP_WORDS[COMP_CWORD-1]}
		current=
	elif [[ ${COMP_WORDS[COMP_CWORD-1]} == = ]]; then
		option=${COMP_WORDS[COMP_CWORD-2]}
	fi
	[[ $option != --mode ]] || words="learn enforce log"

	if [[ $file ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	fi
	[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}
complete -F _asictl asictl
