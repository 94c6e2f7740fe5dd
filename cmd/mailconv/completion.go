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
  local -a words
  words=("${(@f)$("${words[@]:0:$((CURRENT-1))}" --generate-bash-completion 2>/dev/null)}")
  _describe 'mailconv' words
  _files
}
compdef _mailconv mailconv
`,
	"fish": `complete -c mailconv -n '__fish_use_subcommand' -a '(mailconv --generate-bash-completion 2>/dev/null)'
`,
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
