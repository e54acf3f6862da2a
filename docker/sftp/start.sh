#!/bin/sh
# The chroot's top folder must belong to root, so the user's files are in folders of their own below it.
set -eu
umask 077
printf %s "$SFTP_HOST_KEY_BASE64" | base64 -d >/etc/ssh/host_ed25519
printf '%s\n' "$SFTP_CLIENT_KEY_PUBLIC" >/etc/ssh/authorized_keys
chmod 644 /etc/ssh/authorized_keys
echo "oms:$SFTP_PASSWORD" | chpasswd 2>/dev/null
unset SFTP_HOST_KEY_BASE64 SFTP_PASSWORD
chown root:root /srv/sftp
chmod 755 /srv/sftp
umask 022
for folder in $SFTP_FOLDERS; do
    mkdir -p "/srv/sftp/$folder"
    chown -R oms:oms "/srv/sftp/${folder%%/*}"
done
exec /usr/sbin/sshd -D -e
