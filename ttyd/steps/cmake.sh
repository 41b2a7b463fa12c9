cmake_build "$@"
