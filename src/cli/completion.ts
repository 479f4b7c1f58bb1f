import { type Command, Help } from 'commander'

/** A shell that completion can be made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** What may follow some words of a command line. */
interface Suggestions {
  readonly words: string
  readonly next: readonly string[]
}

/** A script for the shell to source: completes commands and flags as this program has them. */
export function completionScript(program: Command, shell: Shell): string {
  const suggestions = suggestionsOf(program, [])
  if (shell === 'fish') return fishScript(suggestions)
  const bash = bashScript(suggestions)
  return shell === 'bash' ? bash : `#compdef portcullis\nautoload -U +X bashcompinit && bashcompinit\n${bash}`
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

function bashScript(suggestions: readonly Suggestions[]): string {
  const rows = suggestions.map(({ words, next }) => `    '${words}') next='${next.join(' ')}' ;;`)
  return `_portcullis() {
  local words='' word next=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    words="\${words:+$words }$word"
  done
  while :; do
    case "$words" in
${rows.join('\n')}
    esac
    if [ -n "$next" ] || [ -z "$words" ]; then break; fi
    case "$words" in *' '*) words="\${words% *}" ;; *) words='' ;; esac
  done
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _portcullis portcullis
`
}

function fishScript(suggestions: readonly Suggestions[]): string {
  const lines = suggestions.map(({ words, next }) => {
    const condition =
      words === '' ? '__fish_use_subcommand' : `string match -q -- "portcullis ${words}*" (commandline -pc)`
    return `complete -c portcullis -f -n '${condition}' -a '${next.join(' ')}'`
  })
  return `${lines.join('\n')}\n`
}
