# bash completion of scow; made by 'scow completion bash'
_scow() {
  local IFS=$'\n' words=() rest=$COMP_LINE at word cut
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    if [[ $at -eq 0 || $rest == [[:space:]]* ]]; then
      rest=${rest#"${rest%%[![:space:]]*}"}
      words+=("$word")
    else
      words[${#words[@]}-1]+=$word
    fi
    rest=${rest#"$word"}
  done
  cut=${words[${#words[@]}-1]}
  [[ $word == [=:]* ]] || cut=${cut%"$word"}
  COMPREPLY=($(scow __complete -- "${words[@]:1}" 2>/dev/null))
  [[ ${#COMPREPLY[@]} -ne 1 || $COMPREPLY != *[=:,] ]] || compopt -o nospace
  COMPREPLY=("${COMPREPLY[@]#"$cut"}")
  [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
}
complete -F _scow scow
