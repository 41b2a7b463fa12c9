#!/bin/sh
# Brings what a build needs, and is silent where all of it is there:
#
#   sh setup.sh          a Docker engine that answers, xz, debootstrap, BusyBox
#   sh setup.sh --test   the same, and what tests need: GnuPG, twine, Debian's Python
#                        with venv, setuptools and wheel, what runs programs for
#                        aarch64, and the shells zsh and fish; elsewhere than on
#                        Debian BusyBox and the shells alone
#
# As root on Debian or Ubuntu it installs what is missing. As root anywhere it
# starts an installed engine that does not run. Elsewhere it says what to do,
# and exits with 1.
set -eu

mode=${1:-}
# Only the tests set this: a folder that stands for / where files are looked at.
root=${KRUNNER_SETUP_ROOT:-}
# The user root's PATH lacks these after a plain "su".
PATH="$PATH:$root/usr/sbin:$root/sbin"

say() { printf 'setup: %s\n' "$1" >&2; }
die() {
  say "$1"
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# "debian", "ubuntu", "fedora", …, or "" where nobody says.
distribution() {
  [ -r "$root/etc/os-release" ] || return 0
  # ID_LIKE names what a derivative (Mint, Pop!_OS, Raspberry Pi OS) stems from.
  # shellcheck source=/dev/null
  (. "$root/etc/os-release" && echo "${ID:-} ${ID_LIKE:-}")
}
is_debian() {
  case " $(distribution) " in
    *" debian "* | *" ubuntu "*) has apt-get ;;
    *) return 1 ;;
  esac
}

# Asks for the least that makes the engine answer.
engine_answers() { has docker && docker ps --quiet >/dev/null 2>&1; }

# How this script is run again: "krunner setup" runs it by that name.
case $0 in
  *setup.sh) again="sh setup.sh" ;;
  *) again=$0 ;;
esac

# How to install what is needed by hand.
how_to_install() {
  others=
  for program in busybox zsh fish; do
    case " $programs " in *" $program "*) others="$others $program" ;; esac
  done
  case " $(uname -s) $(distribution) " in
    *" Darwin "*) echo "brew install xz$others, and Docker Desktop" ;;
    *" debian "* | *" ubuntu "*) echo "sudo $again${mode:+ $mode}" ;;
    *" fedora "* | *" rhel "*) echo "sudo dnf install moby-engine xz$others" ;;
    *" alpine "*) echo "sudo apk add docker xz$others" ;;
    *" arch "*) echo "sudo pacman -S docker xz$others" ;;
    *" suse "*) echo "sudo zypper install docker xz$others" ;;
    *) echo "install Docker (docs.docker.com/engine/install) and xz$others" ;;
  esac
}

# What is missing, as programs and as Debian's packages.
programs=
packages=
need() {
  has "$1" || lack "$@"
}
# The same for what is a file or folder, by its path. What another Python has is
# not looked at: it may be first on PATH.
need_file() {
  [ -e "$root/$1" ] || lack "${1##*/}" "$2"
}
lack() {
  programs="$programs $1"
  case " $packages " in
    *" $2 "*) ;;
    *) packages="$packages $2" ;;
  esac
}

# Quiet unless it fails.
apt() {
  # Another apt may be at work on a machine that has just started.
  DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=120 "$@" >>"$apt_log" 2>&1
}

install_missing() {
  [ -n "$programs" ] || return 0
  if ! is_debian || ! is_root; then
    die "Cannot go on without$programs: run \"$(how_to_install)\""
  fi
  apt_log=$(mktemp)
  trap 'rm -f "$apt_log"' EXIT
  # A single dead source is no reason to stop: the next step tells.
  apt update || true
  # From Debian 13 on the client is a package of its own.
  if ! has docker && [ -n "$(apt-cache search --names-only '^docker-cli$')" ]; then
    packages="$packages docker-cli"
  fi
  say "installing$packages"
  # shellcheck disable=SC2086 # one word a package
  apt install --yes --no-install-recommends $packages && return
  tail -n 10 "$apt_log" >&2
  die "Cannot install$packages: apt-get failed, see the lines above"
}

# Whether the process of a pid file runs under the given name. Another process
# may have the number of one that died.
runs() {
  [ -r "$1" ] && [ "$(cat "/proc/$(cat "$1")/comm" 2>/dev/null)" = "$2" ]
}

# Waits up to 60 s for an answer, or until dockerd is gone.
await_engine() {
  tries=300
  while [ "$tries" -gt 0 ]; do
    engine_answers && return
    runs "$root/run/docker.pid" dockerd || kill -0 "$1" 2>/dev/null || return 1
    sleep 0.2
    tries=$((tries - 1))
  done
  return 1
}

start_dockerd() {
  log=$root/var/log/dockerd.log
  pid=
  if ! runs "$root/run/docker.pid" dockerd; then
    # Left by an engine that was killed, these would stop the next one.
    rm -f "$root/run/docker.pid"
    runs "$root/run/docker/containerd/containerd.pid" containerd ||
      rm -f "$root/run/docker/containerd/containerd.pid"
    say "starting the Docker engine (log: $log)"
    setsid nohup dockerd >>"$log" 2>&1 </dev/null &
    pid=$!
  fi
  await_engine "$pid" && return
  tail -n 5 "$log" >&2 2>/dev/null || true
  die "Cannot start the Docker engine: it does not answer; see \"$log\""
}

start_engine() {
  if [ -n "${DOCKER_HOST:-}" ]; then
    die "The Docker engine at DOCKER_HOST=\"$DOCKER_HOST\" does not answer: start it, or unset DOCKER_HOST"
  elif [ "$context" != default ]; then
    die "The Docker engine of the context \"$context\" does not answer: start it, or run \"docker context use default\""
  elif ! is_root; then
    # shellcheck disable=SC2016 # the reader's shell expands $USER
    die 'The Docker engine does not answer: start it ("sudo systemctl start docker"), or join its group ("sudo usermod -aG docker $USER", then log in again)'
  elif [ -d "$root/run/systemd/system" ]; then
    say 'starting the Docker engine (systemctl start docker)'
    systemctl start docker ||
      die 'Cannot start the Docker engine: see "journalctl -u docker"'
    engine_answers ||
      die 'Cannot use the Docker engine: it runs, but "docker ps" fails'
  else
    start_dockerd
  fi
}

answers=no
engine_answers && answers=yes

need xz xz-utils
if [ "$answers" = no ]; then
  context=$(docker context inspect --format '{{.Name}}' 2>/dev/null || echo default)
  need docker "docker.io ca-certificates"
  # A client without an engine, where the engine's place is this machine.
  if is_root && [ -z "${DOCKER_HOST:-}" ] && [ "$context" = default ]; then
    need dockerd "docker.io ca-certificates"
  fi
fi
# Only root can bootstrap a base image, and only Debian's tool does it.
# BusyBox is what volumes are verified with; a build does without it.
if is_root && is_debian; then
  need debootstrap debootstrap
  need busybox busybox-static
fi
if [ "$mode" = --test ]; then
  need busybox busybox-static
  need zsh zsh
  need fish fish
  if is_debian; then
    # Signs the archive that tests bootstrap from, as root.
    if is_root; then need gpg gnupg; fi
    # Elsewhere the tests that need it say that they are left out.
    if is_root; then need qemu-aarch64-static qemu-user-static; fi
    need_file usr/bin/twine twine
    # What Debian leaves out of venv; its folder is that of Python's version.
    ensurepip=$(echo "$root"/usr/lib/python3.*/ensurepip)
    need_file "${ensurepip#"$root"/}" python3-venv
    need_file usr/lib/python3/dist-packages/setuptools python3-setuptools
    need_file usr/lib/python3/dist-packages/wheel python3-wheel
  fi
fi

install_missing
[ "$answers" = yes ] || engine_answers || start_engine
