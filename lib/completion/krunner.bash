# bash completion for krunner. bash splits words at "=", and shows no meanings.
_krunner() {
  local line word=$2
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) _krunner_paths -f "$word" ;;
      :folders) _krunner_paths -d "$word" ;;
      *)
        line=${line%%$'\t'*}
        # What stands before the "=" is another word.
        [[ $line == --*=* ]] && line=${line#*=}
        COMPREPLY+=("$line")
        ;;
    esac
  done < <("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
_krunner_paths() {
  compopt -o filenames
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$1" -- "$2")
}
complete -F _krunner krunner
