#compdef krunner
# zsh completion for krunner.
_krunner() {
  local line paths program=${(Q)~words[1]}
  local -a described
  for line in "${(@f)$($program __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      :*) paths=$line ;;
      ?*) described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  (( $#described )) && _describe -t krunner krunner described
  [[ -n $paths ]] && compset -P '--*='
  case $paths in
    :files) _files ;;
    :folders) _files -/ ;;
  esac
}
# As a file in $fpath it is the function itself; else it is read once.
if [[ $funcstack[1] == _krunner ]]; then
  _krunner "$@"
else
  compdef _krunner krunner
fi
