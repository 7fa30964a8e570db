# fish completion of scow; made by 'scow completion fish'
function __scow_complete
  set -l words (commandline -opc) (commandline -ct)
  scow __complete -- $words[2..-1] 2>/dev/null
end
complete -c scow -f -n 'count (__scow_complete) >/dev/null' -a '(__scow_complete)'
