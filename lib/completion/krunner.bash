# bash completion for krunner. bash splits words at "=", and shows no meanings.
_krunner() {
  local line word=$2
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
      :folders) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
      *)
        line=${line%%$'\t'*}
        # What stands before the "=" is another word.
        [[ $line == --*=* ]] && line=${line#*=}
        COMPREPLY+=("$line")
        ;;
    esac
  done < <("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _krunner krunner
