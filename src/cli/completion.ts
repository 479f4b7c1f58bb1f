import { type Command, Help } from 'commander'

/** A shell that completion can be made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

// zsh runs the script of bash, once its own completion is on.
const ZSH_PREPARATION = `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
autoload -Uz bashcompinit && bashcompinit
`

/** What may follow some words of a command line. */
interface Suggestions {
  readonly words: string
  readonly next: readonly string[]
}

/** A script for the shell to source: completes commands and flags as this program has them. */
export function completionScript(program: Command, shell: Shell): string {
  const suggestions = suggestionsOf(program, [])
  if (shell === 'fish') return fishScript(suggestions)
  return shell === 'zsh' ? ZSH_PREPARATION + bashScript(suggestions) : bashScript(suggestions)
}

function suggestionsOf(command: Command, words: readonly string[]): Suggestions[] {
  const flags = command.options.flatMap(({ long }) => (long === undefined ? [] : [long]))
  const visible = new Help().visibleCommands(command)
  const children = command.commands.filter((child) => visible.includes(child))
  const names = children.map((child) => child.name())
  return [
    { words: words.join(' '), next: [...names, ...flags, '--help'] },
    ...children.flatMap((child) => suggestionsOf(child, [...words, child.name()])),
  ]
}

// No variable is named `words`, which is zsh's own.
function bashScript(suggestions: readonly Suggestions[]): string {
  const rows = suggestions.map(({ words, next }) => `    '${words}') next='${next.join(' ')}' ;;`)
  return `_portcullis() {
  local typed='' word next=''
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case "$word" in -*) break ;; esac
    typed="\${typed:+$typed }$word"
  done
  while :; do
    case "$typed" in
${rows.join('\n')}
    esac
    if [ -n "$next" ] || [ -z "$typed" ]; then break; fi
    case "$typed" in *' '*) typed="\${typed% *}" ;; *) typed='' ;; esac
  done
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _portcullis portcullis
`
}

function fishScript(suggestions: readonly Suggestions[]): string {
  const rows = suggestions.map(
    ({ words, next }) => `      case '${words}'\n        set next ${next.join(' ')}`,
  )
  return `function __portcullis_next
  set -l typed
  for word in (commandline -opc)
    string match -q -- '-*' $word; and break
    set -a typed $word
  end
  set -e typed[1]
  set -l next
  while not set -q next[1]
    switch "$typed"
${rows.join('\n')}
    end
    set -e typed[-1]
  end
  printf '%s\\n' $next
end
complete -c portcullis -f -a '(__portcullis_next)'
`
}
