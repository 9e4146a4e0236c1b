# SPDX-License-Identifier: GPL-2.0-only
# Completion of asictl(8) for bash.

_asictl()
{
	local current=${COMP_WORDS[COMP_CWORD]} word words= file=
	local -a command=()

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word == -* ]] || command+=("$word")
	done
	case ${COMP_WORDS[COMP_CWORD-1]} in
	-f | --file) file=yes ;;
	esac

	case "${command[0]} ${command[1]}" in
	" ") words="status domains faults verify policy stats kvm" ;;
	"faults "*) words="--class= --clear" ;;
	"kvm ") words="report top" ;;
	"kvm top") words="--interval= --iterations=" ;;
	"policy ") words="show set check" ;;
	"policy show") words="--default" ;;
	"policy set") words="--dry-run --file" ;;
	"policy check") words="--file" ;;
	esac
	words+=" --json --help"

	if [[ $file ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	fi
	[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}
complete -F _asictl asictl
