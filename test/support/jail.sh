#!/bin/sh
# Runs a command in namespaces of its own: mounts, network, processes, cgroups, IPC, host name; with its own /run,
# /tmp, /etc and /var/lib. At the end whatever is left in there is named and fails the run.
# usage: jail.sh COMMAND [ARG ...]    SCOW_JAIL_SHARED=1: mounts propagate inside, as under systemd
set -eu
self=$(readlink -f "$0")

# Lines "FSTYPE MOUNTPOINT CONTROLLERS" of the mounted cgroup hierarchies.
hierarchies() {
  while read -r _ point type options _; do
    case $type in
      cgroup2) echo "cgroup2 $point -" ;;
      cgroup) echo "cgroup $point $(echo "$options" | tr , '\n' | grep -Evx 'rw|ro|nosuid|nodev|noexec|relatime|release_agent=.*|clone_children|xattr' | paste -sd,)" ;;
    esac
  done </proc/self/mounts
}

if [ "${1-}" != --inside ]; then
  dir=$(mktemp -d /var/tmp/scow-jail-XXXXXX)
  group=$(basename "$dir")
  # In a jail within a jail each mount point shows twice.
  hierarchies | sort -u >"$dir/cgroups"
  groups=$(while read -r _ point _; do echo "$point/$group"; done <"$dir/cgroups")
  # shellcheck disable=SC2086
  mkdir $groups
  # A new cpuset is empty until it is told which cpus and memory it may use.
  for path in $groups; do
    for file in cpuset.cpus cpuset.mems; do
      [ -e "$path/$file" ] || continue
      read -r value <"$path/$file" || value=
      if [ -z "$value" ]; then cat "${path%/*}/$file" >"$path/$file" 2>/dev/null || :; fi
    done
  done
  code=0
  (
    read -r me _ </proc/self/stat
    for path in $groups; do echo "$me" >"$path/cgroup.procs"; done
    # The one that waits outside steps aside: of cgroup v2 only a group without processes hands controllers down.
    aside=
    if grep -q '^cgroup2 /sys/fs/cgroup ' "$dir/cgroups"; then aside=/sys/fs/cgroup/$group/outside; mkdir "$aside"; fi
    exec setpriv --pdeathsig KILL unshare --cgroup sh -c '
      [ -z "$1" ] || echo $$ >"$1/cgroup.procs"
      shift
      exec unshare --mount --net --ipc --uts --pid --fork --kill-child --mount-proc sh "$@"
    ' sh "$aside" "$self" --inside "$dir" "$@"
  ) || code=$?
  # shellcheck disable=SC2086
  left=$(find $groups -mindepth 1 -type d -regextype posix-extended -regex '.*[0-9a-f]{64}.*' 2>/dev/null || :)
  if [ -n "$left" ]; then echo "left behind, cgroups: $left" >&2; code=1; fi
  # shellcheck disable=SC2086
  find $groups -depth -type d -exec rmdir {} + 2>/dev/null || :
  rm -rf --one-file-system "$dir"
  exit "$code"
fi

dir=$2
shift 2
# Roots of hierarchies that lie outside ("/..") stop gVisor.
umount --lazy /sys/fs/cgroup
mount -t sysfs sysfs /sys
if grep -q '^cgroup2 /sys/fs/cgroup ' "$dir/cgroups"; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # Controllers may be handed down only by a group without processes.
  mkdir /sys/fs/cgroup/jail && echo 1 >/sys/fs/cgroup/jail/cgroup.procs
  for name in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$name" >/sys/fs/cgroup/cgroup.subtree_control || :; done
else
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  cut -d' ' -f2 "$dir/cgroups" | xargs mkdir
  while read -r type point controllers; do
    if [ "$type" = cgroup2 ]; then mount -t cgroup2 cgroup2 "$point"; else mount -t cgroup -o "$controllers" cgroup "$point"; fi
  done <"$dir/cgroups"
fi
# Compiled code is nobody's state: kept, it spares each file a cold start of every command.
mkdir -p /var/cache/scow "$dir/code"
mount --bind /var/cache/scow "$dir/code"
for name in etc var/cache var/lib; do
  mkdir -p "$dir/upper/$name" "$dir/work/$name"
  mount -t overlay -o "lowerdir=/$name,upperdir=$dir/upper/$name,workdir=$dir/work/$name" overlay "/$name"
done
mount --move "$dir/code" /var/cache/scow
here=$(pwd)
checkout=${self%/test/support/*}
case $checkout/ in /tmp/* | /run/*) mkdir "$dir/checkout"; mount --bind "$checkout" "$dir/checkout" ;; esac
mount -t tmpfs -o mode=755 tmpfs /run
for name in tmp var/lib/scow var/lib/cni etc/cni/net.d etc/scow; do
  mkdir -p "/$name" "$dir/private/$name"
  mount --bind "$dir/private/$name" "/$name"
done
chmod 1777 /tmp
mkdir /run/lock /run/netns
if [ -d "$dir/checkout" ]; then mkdir -p "$checkout"; mount --move "$dir/checkout" "$checkout"; fi
cd "$here"
ip link set lo up
hostname jail
[ -z "${SCOW_JAIL_SHARED-}" ] || mount --make-rshared /
cut -d' ' -f5 /proc/self/mountinfo | sort >"$dir/mounts"

code=0
SCOW_JAIL=$dir "$@" || code=$?

# A process that was just killed, or an unmount that was just asked for, gets a moment.
left() {
  for stat in /proc/[0-9]*; do
    pid=${stat#/proc/}
    words=$(tr '\0' ' ' 2>/dev/null <"$stat/cmdline") || continue
    # The subshell that runs this function has the command line of process 1; zombies and threads have none.
    [ -z "$words" ] || cmp -s "$stat/cmdline" /proc/1/cmdline || echo "process $pid: $words"
  done
  cut -d' ' -f5 /proc/self/mountinfo | sort | comm -13 "$dir/mounts" - | grep -vxE '/var/lib/scow|/run/scow/netns|/run/netns' | sed 's/^/mount: /'
  find /run/netns -type f | sed 's/^/netns: /'
  ip -o link show type veth | sed 's/^/link: /'
}
tries=$((10 * ${SCOW_TEST_PATIENCE:-1}))
while found=$(left); [ -n "$found" ] && [ "$tries" -gt 0 ]; do
  tries=$((tries - 1))
  sleep 0.2
done
[ -n "$found" ] || exit "$code"
echo "left behind in the jail:
$found" >&2
[ "$code" != 0 ] || code=1
exit "$code"
