# bash completion of scow; made by 'scow completion bash'
_scow() {
  local IFS=$'\n' words
  words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=($(scow __complete -- "${words[@]}" 2>/dev/null))
  [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
}
complete -F _scow scow
