// The shells' side of completion: they ask the program. Where it answers nothing, the shell offers files.

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export const completionScript = (shell: Shell, program: string): string => ({ bash, zsh, fish })[shell](program)

// bash ends its words at = and : too, and replaces what follows the last of them: the words are put together again.
const bash = (program: string): string => `# bash completion of ${program}; made by '${program} completion bash'
_${program}() {
  local IFS=$'\\n' words=() rest=$COMP_LINE at word cut
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ $at -eq 0 || $rest == [[:space:]]* ]]; then
      rest=\${rest#"\${rest%%[![:space:]]*}"}
      words+=("$word")
    else
      words[\${#words[@]}-1]+=$word
    fi
    rest=\${rest#"$word"}
  done
  cut=\${words[\${#words[@]}-1]}
  [[ $word == [=:]* ]] || cut=\${cut%"$word"}
  COMPREPLY=($(${program} __complete -- "\${words[@]:1}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -ne 1 || $COMPREPLY != *[=:,] ]] || compopt -o nospace
  COMPREPLY=("\${COMPREPLY[@]#"$cut"}")
  [[ \${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
}
complete -F _${program} ${program}
`

const zsh = (program: string): string => `#compdef ${program}
# zsh completion of ${program}; made by '${program} completion zsh'
_${program}() {
  local -a answers
  answers=("\${(@f)$(${program} __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  answers=(\${answers:#})
  if (( \${#answers} )); then
    compadd -S '' -- "\${(@M)answers:#*[=:,]}"
    compadd -- "\${(@)answers:#*[=:,]}"
  else
    _files
  fi
}
if [ "\${funcstack[1]}" = "_${program}" ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`

const fish = (program: string): string => `# fish completion of ${program}; made by '${program} completion fish'
function __${program}_complete
  set -l words (commandline -opc) (commandline -ct)
  ${program} __complete -- $words[2..-1] 2>/dev/null
end
complete -c ${program} -f -n 'count (__${program}_complete) >/dev/null' -a '(__${program}_complete)'
`
