#!/bin/sh
# Writes Mosquitto's password and access files from mounted Secrets. The broker cannot read those where they are
# mounted: Kubernetes mounts each as a symbolic link, and Mosquitto opens these files with O_NOFOLLOW since 2.1.
# Reads no terminal and needs no place to write but AUTH_DIR; may be stopped at any point and run again.
#   ACL_FILE   access list; who it names are the users
#   USERS_DIR  a file for each of them: its name is the user's, its content the password; line breaks at the end are cut
#              off
#   AUTH_DIR   where passwd and acl go, readable for the running user only
set -eu
umask 077

fail() { printf 'mosquitto-auth: %s\n' "$*" >&2; exit 1; }

NEW="$AUTH_DIR/.new"
rm -rf "$NEW"
mkdir "$NEW"
: > "$NEW/passwd"
count=0
sed -n 's/^user //p' "$ACL_FILE" > "$NEW/users"
while IFS= read -r user; do
  [ -f "$USERS_DIR/$user" ] || fail "there is no password for $user"
  password=$(cat "$USERS_DIR/$user")
  [ -n "$password" ] || fail "the password of $user is empty"
  [ "$(printf '%s\n' "$password" | wc -l)" -eq 1 ] || fail "the password of $user has a line break in it"
  # Since 2.1, -c refuses a file that exists.
  rm -f "$NEW/user"
  # One user at a time: the way that takes a whole file (-U) ends a password at its first colon and trims blanks. From
  # standard input, since an argument could be seen by others.
  # The hash that costs least: all who are connected are asked again whenever the broker reads its files again.
  printf '%s\n%s\n' "$password" "$password" | mosquitto_passwd -H sha512-pbkdf2 -c "$NEW/user" "$user" > /dev/null || fail "the password of $user cannot be hashed"
  cat "$NEW/user" >> "$NEW/passwd"
  count=$((count + 1))
done < "$NEW/users"
cat "$ACL_FILE" > "$NEW/acl"
chmod 0600 "$NEW/passwd" "$NEW/acl"
mv "$NEW/passwd" "$AUTH_DIR/passwd"
mv "$NEW/acl" "$AUTH_DIR/acl"
rm -rf "$NEW"
echo "wrote $AUTH_DIR/passwd ($count users) and $AUTH_DIR/acl"
