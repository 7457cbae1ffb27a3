#!/usr/bin/env zsh
# SPDX-License-Identifier: BSD-2-Clause
#
# complete.zsh FOLDER LINE: prints the completions that an interactive zsh, with _exectap from the folder, offers for
# LINE.

zmodload zsh/zpty
folder=$1 line=$2

# Prints each match between markers when it is added, and inserts nothing.
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= RPS1=; stty -echo; fpath=(${(q)folder} \$fpath); autoload -Uz compinit; compinit -D -u"
zpty -w shell 'compadd() {
	local -a all; local -i from; local suffix=
	builtin compadd -O all "$@"
	print -rl -- "<"${^all}">" >&2
	builtin compadd "$@"
}'
zpty -w shell 'finish() { zle -I; print "end"-of-matches >&2; exit }; zle -N finish; bindkey "^X" finish; bindkey "^I" complete-word; print "now"-ready'
until [[ $text == *now-ready* ]]; do zpty -r shell part || exit; text+=$part; done
zpty -w -n shell "$line"$'\t'$'\x18'
text=
until [[ $text == *end-of-matches* ]]; do zpty -r shell part || break; text+=$part; done
print -r -- "$text" | tr -d '\r' | grep -o "<[^<>]*>" | tr -d "<>" | sort -u
