package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// completions ask the program itself: with --generate-bash-completion it lists
// what may follow.
var completions = map[string]string{
	"bash": `_mailconv() {
  local cur words
  cur="${COMP_WORDS[COMP_CWORD]}"
  words=$("${COMP_WORDS[@]:0:$COMP_CWORD}" --generate-bash-completion 2>/dev/null)
  COMPREPLY=( $(compgen -W "$words" -- "$cur") $(compgen -f -- "$cur") )
}
complete -o filenames -F _mailconv mailconv
`,
	"zsh": `#compdef mailconv
_mailconv() {
  local -a list
  list=("${(@f)$("${words[@]:0:$((CURRENT-1))}" --generate-bash-completion 2>/dev/null)}")
  compadd -a list
  _files
}
if [ "$funcstack[1]" = _mailconv ]; then
  _mailconv "$@"
else
  compdef _mailconv mailconv
fi
`,
	"fish": `complete -c mailconv -n '__fish_use_subcommand' -a '(mailconv --generate-bash-completion 2>/dev/null)'
complete -c mailconv -n 'not __fish_use_subcommand' -a '(mailconv (commandline -opc)[2..] --generate-bash-completion 2>/dev/null)'
`,
}

// completes lists what may follow an unfinished command line, and runs nothing
// of it: the options of its command. Without a command the library lists those.
func completes(commands []*cli.Command, args []string, std stdio) bool {
	if len(args) < 3 || args[len(args)-1] != "--generate-bash-completion" {
		return false
	}
	for _, c := range commands {
		if !c.HasName(args[1]) {
			continue
		}
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				fmt.Fprintln(std.out, dashes(name))
			}
		}
		fmt.Fprintln(std.out, "--help")
	}
	return true
}

func completionCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: `EXAMPLES:
   source <(mailconv completion bash)
   mailconv completion zsh > "${fpath[1]}/_mailconv"
   mailconv completion fish > ~/.config/fish/completions/mailconv.fish`,
		Action: func(c *cli.Context) error {
			s, ok := completions[c.Args().First()]
			if !ok || c.NArg() != 1 {
				return usagef("name one shell: bash, zsh or fish")
			}
			fmt.Fprint(std.out, s)
			return nil
		},
	}
}
