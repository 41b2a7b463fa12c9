# fish completion for krunner.
function __krunner_complete
    set -l typed (commandline -ct)
    # An empty word is a word too.
    set -q typed[1]; or set typed ''
    set -l words (commandline -opc)
    for line in ($words[1] __complete $words[2..-1] $typed 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path $typed
            case :folders
                __fish_complete_directories $typed ''
            case '*'
                echo $line
        end
    end
end
complete -c krunner -f -a '(__krunner_complete)'
