#!/bin/sh
# Makes the virtual machine's Debian, once: DIR/{root.img,vmlinuz,initrd.img}. usage: build-image.sh DIR
set -eu
dir=$1
here=$(dirname "$(readlink -f "$0")")
[ ! -e "$dir/done" ] || exit 0
echo "vm: making the machine's Debian"
rm -rf "$dir" && mkdir -p "$dir"
packages=$(sed 's/#.*//' "$here/packages" | tr -s '\n ' ',,' | sed 's/^,//; s/,$//')
mmdebstrap --variant=minbase --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm "$dir/root.tar" http://deb.debian.org/debian >"$dir/log" 2>&1 || { tail -n 20 "$dir/log" >&2; echo "vm: mmdebstrap failed" >&2; exit 1; }

root=$dir/root
mkdir "$root"
tar --extract --file "$dir/root.tar" --directory "$root" --numeric-owner --xattrs --xattrs-include='*'
rm "$dir/root.tar"
cp "$root"/boot/vmlinuz-* "$dir/vmlinuz"
cp "$root"/boot/initrd.img-* "$dir/initrd.img"

echo boat >"$root/etc/hostname"
printf '127.0.0.1 localhost boat\n' >"$root/etc/hosts"
printf '/dev/vda / ext4 rw 0 1\n' >"$root/etc/fstab"
cp "$here/scow-test.service" "$root/etc/systemd/system/"
ln -s ../scow-test.service "$root/etc/systemd/system/multi-user.target.wants/scow-test.service"
# Nothing of Debian's own may answer where the tests put their servers, or wait for a network that isn't there.
for unit in docker-registry.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/work" "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/vm.conf"
mke2fs -q -t ext4 -L root -d "$root" "$dir/root.img" 12G
rm -rf "$root"
touch "$dir/done"
